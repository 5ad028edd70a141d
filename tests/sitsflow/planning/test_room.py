"""Plans that are too large: for any disk, or for the one that there is."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sitsflow.errors import ConfigError
from sitsflow.planning import room
from sitsflow.planning.chunking import cut
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking
from tests.plans import grid_at
from tests.requests import tutorial


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("size", [1e-9, 1e-3 / 4, 5e-324])
def test_pixels_that_nobody_means_are_refused(
    products: Path, tmp_path: Path, size: float, aligned: bool
) -> None:
    request = tutorial(products, tmp_path, resolution=(size, size), grid_alignment=aligned)
    with pytest.raises(ConfigError, match=r"chain.spatial_resolution: with pixels of .* has .* x"):
        make_plan(request)


def disk(monkeypatch: pytest.MonkeyPatch, **sizes: Any) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(**sizes))


def test_a_map_larger_than_the_disk_is_refused(
    products: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, total=2_000, free=1_000)
    with pytest.raises(ConfigError, match=r"chain.output_path: .* has 2e-06 GB in all"):
        make_plan(tutorial(products, tmp_path))


def test_a_map_that_may_fill_the_disk_is_noticed(
    products: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = tutorial(products, tmp_path / "new" / "out")
    disk(monkeypatch, total=10**12, free=100_000)
    (notice,) = [text for text in make_plan(request)[0].notices if "GB" in text]
    assert "have 0.000111 GB before compression" in notice  # 96 x 96 pixels, 3 float32 features
    assert f"where {request.output_path} lies, has 0.0001 GB free" in notice
    assert "the file system at /" in notice
    disk(monkeypatch, total=10**12, free=10**11)
    assert not [text for text in make_plan(request)[0].notices if "GB" in text]


@pytest.mark.parametrize(
    ("tiles", "one", "n_tiles", "said"),
    [
        (600, 500, 2, "besides the maps of the tiles 4e-07 GB are free"),
        (600, 300, 2, ""),
        (600, 500, 1, ""),
        (1200, 500, 2, ""),  # all of it has no room, which another notice says
        (100, 300 * 10**9, 2, "large files"),
    ],
)
def test_a_second_copy_in_one_file_is_noticed_where_it_is_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiles: int, one: int, n_tiles: int, said: str
) -> None:
    disk(monkeypatch, total=10**13, free=10**12 if one > 10**9 else 1000)
    notices = list(room.one_file_notice(tmp_path, tiles, one, n_tiles))
    assert len(notices) == bool(said)
    assert all(said in text and "chain.mosaic: vrt" in text for text in notices)


def test_without_compression_a_map_needs_all_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(monkeypatch, total=1000, free=1000)
    assert list(room.room_notice(tmp_path, 5000, "ZSTD"))
    with pytest.raises(ConfigError, match="output_path"):
        list(room.room_notice(tmp_path, 5000, "NONE"))


def test_more_chunks_than_tasks_can_be() -> None:
    grid = grid_at(0, 0, 2000, 2000)
    with pytest.raises(ConfigError, match="cut a tile of 2000 x 2000 in 4000000; at most"):
        cut(grid, Chunking(mode="user_fixed", size_x=1, size_y=1))
