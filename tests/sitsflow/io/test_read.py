"""Reading windows of product files, and what happens where that cannot be done."""

from pathlib import Path

import numpy as np
import pytest

from sitsflow.errors import InputChangedError, ReadError
from sitsflow.geo.grid import Window
from sitsflow.io.read import read_bands, read_layer, reading
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
