"""Reading windows of product files, and what happens where that cannot be done."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window as RasterioWindow

from sitsflow.errors import InputChangedError, ProductError, ReadError
from sitsflow.geo.grid import Window
from sitsflow.io.opening import reading
from sitsflow.io.read import Header, headers, read_bands, read_header, read_layer, read_stacks
from sitsflow.io.write import write_raster
from sitsflow.products.scenes import Layer
from tests.plans import grid_at

WINDOW = Window(row=0, col=0, height=4, width=4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "B4.tif"
    values = np.arange(64, dtype=np.int16).reshape(1, 8, 8)
    write_raster(
        path, values, grid_at(0, 0, 8, 8), nodata=None, descriptions=["B4"], tags={},
        compression="NONE",
    )  # fmt: skip
    return path


def test_a_file_that_is_gone_is_another_error_than_one_that_cannot_be_read(path):
    with reading():
        assert read_layer(Layer(path=path), WINDOW)[3, 3] == 27
        path.write_bytes(b"no raster")
        with pytest.raises(ReadError, match=r"B4.tif: cannot be read"):
            read_layer(Layer(path=path), WINDOW)
        path.unlink()
        with pytest.raises(InputChangedError, match=r"B4.tif: is gone; it was there when"):
            read_layer(Layer(path=path), WINDOW)
        with pytest.raises(InputChangedError, match=r"B4.tif: is gone"):
            read_bands(path, WINDOW)


def test_a_pipe_is_not_waited_for(path):
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ProductError, match=r"B4.tif: .*a pipe, a socket or a device"):
        read_header(path)
    with reading(), pytest.raises(ReadError, match=r"B4.tif: .*a pipe, a socket or a device"):
        read_layer(Layer(path=path), WINDOW)


@pytest.mark.parametrize("kind", ["complex64", "complex_int16"])
def test_complex_numbers_are_refused(path, kind):
    with rasterio.open(path) as file:
        profile = file.profile | {"dtype": kind, "compress": "none"}
    with rasterio.open(path, "w", **profile):
        pass
    with pytest.raises(ProductError, match=rf"B4.tif: holds complex numbers \({kind}\)"):
        read_header(path)


def sparse(path: Path, nodata: float | None, interleave: str = "band") -> Path:
    """Write two bands of 64 x 64 in blocks of 16, the lower right quarter never."""
    grid = grid_at(0, 0, 64, 64)
    with rasterio.open(
        path, "w", driver="GTiff", count=2, height=64, width=64, dtype="int16", crs=grid.crs,
        transform=grid.transform, nodata=nodata, tiled=True, blockxsize=16, blockysize=16,
        interleave=interleave, sparse_ok=True,
    ) as file:  # fmt: skip
        for row, col in ((0, 0), (0, 32), (32, 0)):
            part = RasterioWindow(col, row, 32, 32)
            file.write(np.full((2, 32, 32), 7, np.int16), window=part)
    return path


LEFT = Window(row=0, col=0, height=64, width=30)
RIGHT = Window(row=40, col=20, height=5, width=13)


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_a_block_that_was_never_written_is_not_read_as_zero(tmp_path, interleave):
    path = sparse(tmp_path / "CLM.tif", None, interleave)
    layers = [Layer(path=path, index=band) for band in (1, 2)]
    message = r"CLM.tif: never written: the block at row 32, column 32 of band 2"
    with reading():
        assert (read_layer(layers[1], LEFT) == 7).all()
        with pytest.raises(ProductError, match=message):
            read_layer(layers[1], RIGHT)
        with pytest.raises(ProductError, match="of band 1"):
            read_stacks([layers], RIGHT)
        with pytest.raises(ProductError, match="of band 1"):
            read_bands(path, RIGHT)
    assert isinstance(headers(layers)[path], Header)
    found = headers(layers[1:], whole=True)[path]
    assert isinstance(found, ProductError)
    assert "band 2, and 3 more" in str(found)


@pytest.mark.parametrize(
    ("own", "nodata"), [(-10000, -10000.0), (None, 0.0), (-9999, -10000.0), (0, None)]
)
def test_blocks_never_written_may_hold_the_nodata_value_of_the_sensor(tmp_path, own, nodata):
    layer = Layer(path=sparse(tmp_path / "B4.tif", own), nodata=nodata)
    with reading():
        if nodata in (own, 0.0):
            assert (read_layer(layer, RIGHT)[:, 12] == nodata).all()
            assert isinstance(headers([layer], whole=True)[layer.path], Header)
        else:
            with pytest.raises(ProductError, match="never written"):
                read_layer(layer, RIGHT)


def test_a_file_cut_short_is_found_by_its_header(path):
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    found = headers([Layer(path=path)], whole=True)[path]
    assert isinstance(found, ProductError)
    assert "B4.tif: the file ends before the block at row 0, column 0 of band 1" in str(found)
