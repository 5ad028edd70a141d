"""JPEG 2000 files that are cut are found without decoding, and never read as zeros."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sitsflow.errors import ReadError
from sitsflow.geo.grid import Window
from sitsflow.io import jpeg2000
from sitsflow.io.opening import reading
from sitsflow.io.read import read_layer
from sitsflow.products.scenes import Layer
from sitsflow.simulate import raster
from tests.plans import grid_at

ROWS, COLS = 150, 200


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 10_000, (ROWS, COLS)).astype(np.uint16)


@pytest.fixture
def whole(tmp_path: Path, numbers: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image of 3 x 4 tiles."""
    monkeypatch.setattr(raster, "_JPEG2000_TILE", 64)
    raster.write_jpeg2000(tmp_path / "band.jp2", numbers, grid_at(0, 0, ROWS, COLS))
    return tmp_path / "band.jp2"


def values_of(path: Path) -> np.ndarray:
    layer = Layer(path=path, drivers=("JP2OpenJPEG",))
    with reading():
        return read_layer(layer, Window(row=0, col=0, height=ROWS, width=COLS))


def test_a_whole_file_has_no_fault_and_all_its_values(whole: Path, numbers: np.ndarray) -> None:
    assert jpeg2000.fault_of(whole) is None
    np.testing.assert_array_equal(values_of(whole), numbers)


@pytest.mark.parametrize("length", [20, 90, 200, 300, 5000, 20_000, 40_000, -500, -3, -2, -1])
def test_a_cut_file_is_found_and_not_read(whole: Path, length: int) -> None:
    whole.write_bytes(whole.read_bytes()[:length])
    assert "the file ends too early" in (jpeg2000.fault_of(whole) or "")
    with pytest.raises(ReadError, match=str(whole)):
        values_of(whole)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_that_was_cut_before_it_was_packed_is_not_read(whole: Path, packing: int) -> None:
    """Nothing is looked at when the run is planned: the archive itself is whole."""
    data, archive = whole.read_bytes(), whole.with_name("product.zip")
    tiles = [found.start() for found in re.finditer(b"\xff\x90\x00\x0a", data)]
    assert len(tiles) == 12
    for length in (*tiles[1:], *(at + 14 for at in tiles), len(data) - 2):
        with zipfile.ZipFile(archive, "w", packing) as file:
            file.writestr("a/band.jp2", data[:length])
        with pytest.raises(ReadError, match=r"product.zip/a/band.jp2"):
            values_of(archive / "a" / "band.jp2")
        archive.unlink()


def test_tiles_that_are_not_there_are_counted(whole: Path) -> None:
    data = whole.read_bytes()
    last = data.rindex(bytes.fromhex("ff90000a"))
    start = data.index(b"jp2c") - 4
    kept = bytearray(data[:last] + b"\xff\xd9")
    kept[start : start + 4] = (len(kept) - start).to_bytes(4, "big")
    whole.write_bytes(kept)
    assert jpeg2000.fault_of(whole) == "1 of its 12 tiles are not there"


def test_files_of_other_formats_are_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "band.tif").write_bytes(b"II*\0")
    assert jpeg2000.fault_of(tmp_path / "band.tif") is None
