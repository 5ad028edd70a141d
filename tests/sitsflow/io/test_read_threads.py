"""Files that are read at the same time, in threads that a block opens."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from sitsflow.errors import InputChangedError, ReadError
from sitsflow.geo.grid import Window
from sitsflow.io import opening
from sitsflow.io.opening import opened, reading
from sitsflow.io.read import headers, read_in_turn, read_layer, read_stacks
from sitsflow.io.read_digests import PixelsRead, digest_reads
from sitsflow.io.read_threads import read_each
from sitsflow.products.scenes import Layer
from tests.plans import grid_at

GRID = grid_at(0, 0, 40, 30)
WINDOW = Window(row=3, col=2, height=20, width=25)
DTYPES = ("int16", "uint16", "float32", "uint8", "int16", "int16", "float64", "uint16", "int16")
"""Of files in order. Which type holds all may depend on which types are brought together first."""
TOGETHER = 4


def write(path: Path, values: NDArray[Any], **profile: Any) -> Path:
    bands, rows, cols = values.shape
    with rasterio.open(
        path, "w",
        **{"driver": "GTiff", "count": bands, "height": rows, "width": cols, "crs": GRID.crs,
           "dtype": values.dtype.name, "transform": GRID.transform} | profile,
    ) as file:  # fmt: skip
        file.write(values)
    return path


@pytest.fixture
def stacks(tmp_path: Path) -> list[list[Layer]]:
    """Two layers of each of nine files, of which one is in an archive and one in JPEG 2000."""
    draw = np.random.default_rng(5)
    paths = []
    for number, dtype in enumerate(DTYPES):
        values = draw.integers(0, 200, (2, *GRID.shape)).astype(dtype)
        paths.append(write(tmp_path / f"{number}.tif", values, compress="deflate"))
    values = draw.integers(0, 200, (2, *GRID.shape)).astype("uint16")
    paths[3] = write(tmp_path / "3.jp2", values, driver="JP2OpenJPEG", quality=100, reversible=True)
    with zipfile.ZipFile(tmp_path / "5.zip", "w") as archive:
        archive.write(paths[5], "in/5.tif")
    paths[5].unlink()
    paths[5] = tmp_path / "5.zip" / "in" / "5.tif"
    return [[Layer(path=path, index=index) for index in (2, 1)] for path in paths]


def all_read(stacks: list[list[Layer]], **options: Any) -> tuple[list[Any], dict[Path, PixelsRead]]:
    """Everything that the reader gives of some files, and the digests of it."""
    # A file that two dates share has its windows in their order.
    twice = [*stacks, stacks[0], stacks[0][::-1]]
    with reading(**options), digest_reads() as digests:
        found: list[Any] = [read_stacks(twice, WINDOW), read_stacks(twice, WINDOW, in_units=True)]
        found += read_in_turn([layer for stack in twice for layer in stack], WINDOW)
        found += [read_layer(stacks[1][0], WINDOW)]
    return found, digests.by_file()


@pytest.mark.parametrize("keep_open", [False, True])
def test_all_is_as_it_is_in_one_thread(stacks: list[list[Layer]], keep_open: bool) -> None:
    one, digests_of_one = all_read(stacks, keep_open=keep_open)
    several, digests = all_read(stacks, keep_open=keep_open, concurrent=TOGETHER)
    assert len(one) == len(several) == 2 + 2 * (len(DTYPES) + 2) + 1
    for expected, found in zip(one, several, strict=True):
        assert expected.dtype == found.dtype
        np.testing.assert_array_equal(expected, found)
    assert digests_of_one == digests
    assert len(digests) == len(DTYPES)


def test_headers_are_the_same(stacks: list[list[Layer]], tmp_path: Path) -> None:
    (tmp_path / "1.tif").write_bytes(b"no raster")
    layers = [stack[0] for stack in stacks]
    one = headers(layers)
    with reading(concurrent=TOGETHER):
        several = headers(layers)
    assert list(one) == list(several) == [layer.path for layer in layers]
    assert [str(header) for header in one.values()] == [str(each) for each in several.values()]
    assert "not a readable raster" in str(several[tmp_path / "1.tif"])


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("damage", "error"), [(cut_off, ReadError), (Path.unlink, InputChangedError)]
)
def test_of_damaged_files_the_first_is_named(
    stacks: list[list[Layer]], damage: Callable[[Path], object], error: type[Exception]
) -> None:
    damage(stacks[2][0].path)
    (stacks[4][0].path).write_bytes(b"no raster")  # which is known sooner
    said = []
    for number in (1, TOGETHER):
        with reading(concurrent=number), digest_reads() as digests, pytest.raises(error) as caught:
            read_stacks(stacks, WINDOW)
        assert list(digests.by_file()) == [stack[0].path for stack in stacks[:2]]
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "2.tif: " in said[0]


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch) -> list[rasterio.DatasetReader]:
    """All datasets that are opened from now on."""
    found = []
    real = rasterio.DatasetReader

    def kept(*args: Any, **options: Any) -> rasterio.DatasetReader:
        found.append(real(*args, **options))
        return found[-1]

    monkeypatch.setattr(rasterio, "DatasetReader", kept)
    return found


def readers() -> set[threading.Thread]:
    """Threads that read; tests before this one may have left others."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("read_")}


@pytest.mark.parametrize("fails", [False, True])
def test_no_thread_and_no_open_file_is_left(
    stacks: list[list[Layer]], datasets: list[rasterio.DatasetReader], fails: bool
) -> None:
    within: set[threading.Thread] = set()
    if fails:
        cut_off(stacks[4][0].path)
    try:
        with reading(concurrent=TOGETHER, keep_open=True):
            for _ in range(3):
                read_stacks(stacks, WINDOW)
                within |= readers()
    except ReadError:
        assert fails
    assert len(within) <= TOGETHER
    assert bool(within) != fails
    assert not readers()
    # Each file once, or all until the first error.
    assert len(datasets) == len(stacks) or fails
    assert all(one.closed for one in datasets)


def test_as_many_are_read_at_once_as_there_are_threads() -> None:
    meet = threading.Barrier(TOGETHER)
    with reading(concurrent=TOGETHER):
        # Nobody passes before all are there.
        found = list(read_each(lambda item: (item, meet.wait(20))[0], range(2 * TOGETHER)))
    assert found == [*range(2 * TOGETHER)]


def test_no_more_is_read_than_is_needed_soon() -> None:
    begun: list[int] = []
    with reading(concurrent=TOGETHER):
        results = read_each(begun.append, range(100))
        next(results)
        next(results)
        del results  # as of a loop that ends early: it waits for those that have begun
        assert {0, 1} <= set(begun) <= {*range(TOGETHER + 1)}
        seen = len(begun)
    assert len(begun) == seen


def test_an_error_waits_for_the_others() -> None:
    ended: list[int] = []
    first_failed = threading.Event()

    def work(item: int) -> None:
        if item == 0:
            first_failed.set()
            raise ValueError("first")
        first_failed.wait(20)
        ended.append(item)

    with reading(concurrent=TOGETHER):
        with pytest.raises(ValueError, match="first"):
            list(read_each(work, range(100)))
        count = len(ended)
        assert count <= TOGETHER - 1
    assert len(ended) == count


def test_threads_read_as_the_block_around_them() -> None:
    """GDAL's settings, and who may use the network, are as in the thread that asks."""

    def settings(_: object) -> tuple[Any, ...]:
        return opening._remote.get(), opening._kept.get(), rasterio.env.getenv()

    def in_all() -> Iterator[tuple[Any, ...]]:
        return read_each(settings, range(TOGETHER))

    with reading(concurrent=TOGETHER, remote=True, keep_open=True):
        mine = settings(None)
        assert mine[0] is True
        assert all(theirs == mine for theirs in in_all())
        with reading():
            assert all(theirs == mine for theirs in in_all())
        with reading(remote=False):
            # These threads may use the network: none of them reads here.
            assert [*in_all()] == [settings(None)] * TOGETHER
            assert settings(None) != mine


def test_a_dataset_is_never_used_by_two_threads(
    tmp_path: Path, datasets: list[rasterio.DatasetReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "one.tif", np.ones((1, *GRID.shape), np.uint8))
    used: list[int] = []

    def use(_: object) -> None:
        with opened(path) as dataset:
            assert id(dataset) not in used
            used.append(id(dataset))
            dataset.read(1)
            used.remove(id(dataset))

    with reading(concurrent=TOGETHER, keep_open=True):
        list(read_each(use, range(60)))
        assert sum(not one.closed for one in datasets) == 1
    assert all(one.closed for one in datasets)
