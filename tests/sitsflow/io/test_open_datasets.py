"""Datasets that stay open while a chunk is computed in parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasterio.errors import RasterioError

from sitsflow.geo.grid import Grid
from sitsflow.io.opening import opened, reading
from sitsflow.io.write import write_raster

GRID = Grid(crs="EPSG:32631", x=0, y=0, xres=10, yres=10, height=2, width=3)


def written(path: Path, value: int) -> Path:
    array = np.full((1, 2, 3), value, np.uint8)
    write_raster(
        path, array, GRID, nodata=None, descriptions=["a"], tags={}, compression="NONE"
    )  # fmt: skip
    return path


def test_a_dataset_is_kept_until_the_block_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", 1)
    with reading(keep_open=True):
        with opened(path) as first:
            assert first.read(1).max() == 1
        with opened(path) as second:
            assert second is first
            with opened(path) as other:  # while it is in use, another one is opened
                assert other is not first
        assert first.closed  # of two that are open the one that came back first is kept
        assert not other.closed
        with reading(sidecars=True), opened(path) as third:
            assert third is not other
        assert third.closed
    assert other.closed
    with reading(), opened(path) as alone:
        pass
    assert alone.closed


def test_a_file_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", 1)
    with reading(keep_open=True):
        with opened(path) as first:
            assert first.read(1).max() == 1
        written(path, 2)
        with opened(path) as second:
            assert second.read(1).max() == 2
        assert first.closed
        path.unlink()
        with pytest.raises(RasterioError), opened(path):
            pass


def test_no_more_are_kept_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sitsflow.io.open_datasets._MOST", 2)
    paths = [written(tmp_path / f"{name}.tif", 1) for name in "abc"]
    found = []
    with reading(keep_open=True):
        for path in paths:
            with opened(path) as dataset:
                found.append(dataset)
        assert [one.closed for one in found] == [False, False, True]
        with pytest.raises(ValueError, match="spoilt"), opened(paths[0]):
            raise ValueError("spoilt")
        assert found[0].closed  # what failed may be in any state
