"""Whether an input file has the content that it had: size, time of change, then its pixels."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from sitsflow.errors import ProductError
from sitsflow.geo.grid import Window
from sitsflow.io.paths import OutputPaths
from sitsflow.io.read import read_bands
from sitsflow.io.read_digests import KeptRead, digest_reads, keep_reads
from sitsflow.plan import InputFile, save_plan
from sitsflow.planning.inputs import identify
from tests.plans import grid_at, plan_for

NAME, TILE = "Sentinel2/product/b4.tif", "A"
ROWS, COLS = 12, 15
UPPER = Window(row=0, col=0, height=6, width=COLS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "b4.tif"
    grid = grid_at(0, 0, ROWS, COLS)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=ROWS, width=COLS, dtype="int16",
        crs=grid.crs, transform=grid.transform,
    ) as file:  # fmt: skip
        file.write(np.arange(ROWS * COLS, dtype=np.int16).reshape(1, ROWS, COLS))
    return path


class Run:
    """The folder of a run that reads one file."""

    def __init__(self, path: Path, *windows: Window) -> None:
        self.path, self.root = path, path.parent / "out"
        self.plan()
        for number, window in enumerate(windows):
            self.read(f"chunk_{number}", window)

    def found(self) -> InputFile:
        return identify(self.root, TILE, {NAME: self.path}).files[NAME]

    def plan(self) -> str:
        """Plan and begin a run; return the content of the file."""
        file = self.found()
        plan, tiles = plan_for(self.root, {TILE: grid_at(0, 0, ROWS, COLS)})
        save_plan(plan, {TILE: tiles[TILE].model_copy(update={"files": {NAME: file}})})
        return file.content

    def read(self, job: str, window: Window) -> None:
        with digest_reads() as digests:
            read_bands(self.path, window)
        content = self.found().content
        read = KeptRead(name=NAME, content=content, **dict(digests.by_file()[self.path]))
        keep_reads(OutputPaths(self.root).reads(TILE) / f"{job}.json.gz", [read], {NAME: content})


def touch(path: Path, seconds: int = 1) -> None:
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + seconds * 10**9))


def set_pixel(path: Path, row: int, col: int) -> None:
    with rasterio.open(path, "r+") as file:
        values = file.read()
        values[0, row, col] += 1
        file.write(values)
    touch(path)


def test_what_did_not_change_is_not_read(path, monkeypatch):
    run = Run(path, UPPER)
    before = run.found()
    monkeypatch.setattr("sitsflow.io.read.read_bands", None)
    assert run.found() == before
    assert identify(run.root, TILE, {NAME: path}).compared == 0


def test_the_same_pixels_are_the_same_content_whenever_they_were_written(path):
    run = Run(path, UPPER)
    before = run.found().content
    for _ in range(2):
        touch(path)
        found = identify(run.root, TILE, {NAME: path})
        assert (found.compared, found.same) == (1, 1)
        assert run.plan() == before


def test_another_size_is_another_content_unread(path, monkeypatch):
    run = Run(path, UPPER)
    before = run.found().content
    with path.open("ab") as file:
        file.write(b"more")
    monkeypatch.setattr("sitsflow.io.read.read_bands", None)
    assert run.found().content != before


def test_what_no_job_read_cannot_be_compared(path):
    run = Run(path)
    before = run.found().content
    touch(path)
    assert run.found().content != before


def test_a_file_of_another_run_is_unknown(path):
    run = Run(path, UPPER)
    touch(path)
    elsewhere = identify(path.parent / "elsewhere", TILE, {NAME: path}).files[NAME]
    assert elsewhere.content != run.found().content


def test_a_content_that_was_refused_does_not_come_back_by_its_time(path):
    """A copy of the first file with its time of change, in which another pixel differs."""
    run = Run(path, UPPER)
    about, first = path.stat(), run.found().content
    touch(path)
    assert run.plan() == first
    set_pixel(path, 0, 0)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert run.found().content != first


def test_a_file_that_is_gone_is_named(path):
    run = Run(path)
    path.unlink()
    with pytest.raises(ProductError, match=r"b4\.tif: cannot be read \(No such file"):
        run.found()


windows = st.builds(
    lambda row, col, height, width: Window(
        row=row, col=col, height=min(height, ROWS - row), width=min(width, COLS - col)
    ),
    st.integers(0, ROWS - 1), st.integers(0, COLS - 1), st.integers(1, ROWS), st.integers(1, COLS),
)  # fmt: skip


@given(
    st.lists(windows, min_size=1, max_size=4),
    st.integers(0, ROWS - 1),
    st.integers(0, COLS - 1),
    st.booleans(),
)
def test_one_other_pixel_counts_if_and_only_if_a_job_read_it(
    tmp_path_factory, path, read, row, col, again
):
    copy = tmp_path_factory.mktemp("one") / path.name
    copy.write_bytes(path.read_bytes())
    run = Run(copy, *read)
    before = run.found().content
    if again:  # the first job once more, of other pixels
        run.read("chunk_0", UPPER)
        read = [*read, UPPER]
    set_pixel(copy, row, col)
    seen = any(
        window.row <= row < window.row + window.height
        and window.col <= col < window.col + window.width
        for window in read
    )
    assert (run.found().content != before) == seen
