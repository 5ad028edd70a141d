import json
import logging
import math
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from sitsflow.io import write
from sitsflow.io.write import (
    atomic,
    creation_options,
    is_whole,
    temporary_folders,
    usable_compression,
    write_json,
    write_raster,
    write_text,
)
from tests.plans import grid_at


def _write(path: Path, array: np.ndarray, **changes: object) -> None:
    bands, height, width = array.shape
    options = {
        "nodata": -10000,
        "descriptions": [f"band {n}" for n in range(bands)],
        "tags": {"SITSFLOW_VERSION": "1"},
        "compression": "ZSTD",
    }
    write_raster(path, array, grid_at(0, 0, height, width), **(options | changes))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_whole(tmp_path):
    path = tmp_path / "new" / "a.tif"
    with atomic(path) as temporary:
        temporary.write_text("all")
        assert temporary.name == "a.tif"
        assert not path.exists()
    assert path.read_text() == "all"
    assert _names(path.parent) == ["a.tif"]


def test_a_failure_leaves_the_former_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.tif"
    path.write_text("former")
    with pytest.raises(KeyboardInterrupt), atomic(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "former"
    assert _names(tmp_path) == ["a.tif"]


def test_sidecars_come_along_and_stale_ones_go(tmp_path):
    path = tmp_path / "mask.shp"
    (tmp_path / "mask.shp.aux.xml").write_text("of the former file")
    with atomic(path) as temporary:
        temporary.write_text("shapes")
        temporary.with_suffix(".dbf").write_text("table")
    assert _names(tmp_path) == ["mask.dbf", "mask.shp"]


def test_what_a_killed_process_leaves_is_known(tmp_path):
    (tmp_path / ".tmp-of-somebody").mkdir()
    killed = atomic(tmp_path / "a.tif")
    half = killed.__enter__()
    half.write_text("half")
    assert list(temporary_folders(tmp_path, tmp_path / "missing")) == [half.parent]


def test_text_and_json(tmp_path):
    write_text(tmp_path / "a.txt", "é\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "é\n"
    write_json(tmp_path / "a.json", {"b": [1, 2.5]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 2.5]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "bad.json", math.nan)
    assert _names(tmp_path) == ["a.json", "a.txt"]


@pytest.mark.parametrize("compression", ["ZSTD", "DEFLATE", "LZW", "NONE"])
@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8"])
def test_rasters_round_trip(tmp_path, compression, dtype):
    array = np.random.default_rng(0).integers(0, 200, (3, 70, 530)).astype(dtype)
    path = tmp_path / "a.tif"
    nodata = 255 if dtype == "uint8" else -10000
    _write(path, array, compression=compression, nodata=nodata)
    with rasterio.open(path) as dataset:
        assert dataset.dtypes == (dtype,) * 3
        assert dataset.nodata == nodata
        assert dataset.crs == "EPSG:2154"
        assert dataset.transform == grid_at(0, 0, 70, 530).transform
        assert dataset.descriptions == ("band 0", "band 1", "band 2")
        assert dataset.tags()["SITSFLOW_VERSION"] == "1"
        assert dataset.block_shapes[0] == (80, 512)
        found = dataset.tags(ns="IMAGE_STRUCTURE")
        assert found.get("COMPRESSION", "NONE") == compression
        predictor = None if compression == "NONE" else "3" if dtype == "float32" else "2"
        assert found.get("PREDICTOR") == predictor
        np.testing.assert_array_equal(dataset.read(), array)
    assert is_whole(path)


def test_a_raster_of_one_pixel_and_without_nodata(tmp_path):
    _write(tmp_path / "a.tif", np.full((1, 1, 1), 7, np.uint8), nodata=None)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert dataset.nodata is None
        assert dataset.read().tolist() == [[[7]]]


@given(st.integers(1, 20000), st.integers(1, 20000), st.integers(1, 400))
def test_blocks_are_such_as_tiff_allows(height, width, bands):
    options = creation_options("float32", "DEFLATE", bands, (height, width))
    for size, block in ((height, options["blockysize"]), (width, options["blockxsize"])):
        assert block % 16 == 0
        assert 16 <= block <= 512
        assert block == 512 or block >= size


def test_a_codec_gdal_lacks_is_replaced_with_a_notice(caplog):
    with caplog.at_level(logging.WARNING):
        assert usable_compression("NO_SUCH_CODEC") == "DEFLATE"
    assert "cannot write NO_SUCH_CODEC" in caplog.text


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_a_file_cut_short_is_not_whole(tmp_path, keep):
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).normal(size=(2, 600, 600)).astype(np.float32)
    _write(path, noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    assert not is_whole(path)
    assert not is_whole(tmp_path / "missing.tif")


def test_a_raster_that_did_not_fit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "is_whole", lambda path, sparse: False)
    with pytest.raises(OSError, match=re.escape(f"{tmp_path}/a.tif: could not be written whole")):
        _write(tmp_path / "a.tif", np.zeros((1, 5, 5), np.float32))
    assert _names(tmp_path) == []
