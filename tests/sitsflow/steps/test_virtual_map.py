"""The map of all tiles as a VRT, against that in one file."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate

from sitsflow.errors import GridError, OutputError
from sitsflow.geo.grid import Grid
from sitsflow.plan import Plan
from sitsflow.steps.final_map import finish_map
from sitsflow.steps.mosaic import merge_tile, mosaic_tiles
from sitsflow.steps.virtual_map import link_tiles
from tests.plans import NODATA, grid_at, plan_for, write_chunks, write_map

LABELS = ('a < b & "c"', "d > 'é'")


def random(shape: tuple[int, int], seed: int, nodata: float = NODATA) -> np.ndarray:
    rng = np.random.default_rng(seed)
    array = rng.normal(0, 1000, (2, *shape)).round(1).astype(np.float32)
    array[rng.random(array.shape) < 0.3] = nodata
    array[rng.random(array.shape) < 0.05] = 0
    return array


def mapped(
    folder: Path, grids: Mapping[str, Grid], mosaic: str, *, merged: bool = True, **options: Any
) -> Plan:
    """Make the maps of tiles, by merging chunks or of other blocks, and that of all of them."""
    plan, tiles = plan_for(folder, grids, LABELS, chunks=2, mosaic=mosaic, **options)
    for seed, (name, grid) in enumerate(grids.items()):
        array = random(grid.shape, seed, plan.request.no_data_value)
        if merged:
            write_chunks(plan, tiles[name], array)
            merge_tile(plan, tiles[name])
        else:
            write_map(plan, plan.paths.tile_map(name), array, grid)
    made = (mosaic_tiles if mosaic == "file" else link_tiles)(plan, tiles)
    assert made.path == plan.paths.map
    assert made.size == made.path.stat().st_size
    return plan


def compare(one: Path, other: Path) -> None:
    """Two maps have the same pixels, and say the same of themselves."""
    with rasterio.open(one) as first, rasterio.open(other) as second:
        np.testing.assert_array_equal(first.read(), second.read())
        assert repr(first.nodata) == repr(second.nodata)
        for what in ("crs", "transform", "shape", "dtypes", "descriptions", "colorinterp"):
            assert getattr(first, what) == getattr(second, what), what
        assert first.tags() == second.tags()
        for band in first.indexes:
            assert first.tags(band) == second.tags(band)


OVERLAPPING = {
    "A": grid_at(0, 0, 60, 90),
    "B": grid_at(40, 30, 70, 70),
    "C": grid_at(-5, 85, 50, 44),
}


@pytest.mark.parametrize(
    ("nodata", "merged"),
    [(NODATA, True), (0.0, False), (np.nan, True), (-3.4028234663852886e38, False)],
)
def test_a_vrt_has_the_pixels_and_the_figures_of_the_file(
    tmp_path: Path, nodata: float, merged: bool
) -> None:
    options = {"no_data_value": nodata, "merged": merged}
    plans = [mapped(tmp_path / one, OVERLAPPING, one, **options) for one in ("file", "vrt")]
    assert plans[1].paths.map.name == "features_map.vrt"
    compare(*(plan.paths.map for plan in plans))


@settings(max_examples=5, deadline=None)
@given(
    order=st.permutations(["A", "B", "C"]),
    places=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=3),
)
def test_the_first_tile_with_a_value_wins_in_any_order(tmp_path_factory, order, places) -> None:
    grids = {name: grid_at(*place, 13, 17) for name, place in zip(order, places, strict=True)}
    folder = tmp_path_factory.mktemp("run")
    options = {"merged": False}
    compare(*(mapped(folder / one, grids, one, **options).paths.map for one in ("file", "vrt")))


def test_blocks_of_one_tile_alone_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grids = {"A": grid_at(0, 0, 600, 512), "B": grid_at(0, 512, 600, 30)}
    alone = mapped(tmp_path / "file", grids, "file")
    monkeypatch.setattr("sitsflow.steps.virtual_map.block_figures", None)
    compare(alone.paths.map, mapped(tmp_path / "vrt", grids, "vrt").paths.map)


@pytest.mark.parametrize(
    ("grids", "whole"),
    [
        ({"A": grid_at(0, 0, 12, 12), "B": grid_at(5.3, 6.6, 12, 12)}, grid_at(0, 0, 17, 19)),
        ({"A": grid_at(-3, -2, 12, 12), "B": grid_at(99, 99, 9, 9)}, grid_at(0, 0, 5, 6)),
        ({"A": grid_at(0, 0, 20, 20), "B": grid_at(700, 900, 20, 20)}, None),
    ],
    ids=["between pixels", "beyond the map", "far apart"],
)
def test_tiles_lie_where_the_file_has_them(
    tmp_path: Path, grids: Mapping[str, Grid], whole: Grid | None
) -> None:
    options = {"mosaic_grid": whole, "grid_alignment": False}
    compare(*(mapped(tmp_path / one, grids, one, **options).paths.map for one in ("file", "vrt")))


def test_maps_of_tiles_are_cloud_optimized_and_a_vrt_reads_their_overviews(tmp_path: Path) -> None:
    grids = {"A": grid_at(0, 0, 700, 900), "B": grid_at(300, 800, 700, 900)}
    plan = mapped(tmp_path, grids, "vrt")
    for name in grids:
        path = plan.paths.tile_map(name)
        assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
        with rasterio.open(path) as dataset:
            assert dataset.overviews(1) == [2]
    with rasterio.open(plan.paths.map) as dataset:
        assert dataset.overviews(1) == [2, 4]
        whole = dataset.read(1, out_shape=(250, 425), masked=True)
    for name in grids:  # the pixels of the full image lie behind those of overviews
        path = plan.paths.tile_map(name)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
    with rasterio.open(plan.paths.map) as dataset:
        again = dataset.read(1, out_shape=(250, 425), masked=True)
    np.testing.assert_array_equal(again.filled(np.nan), whole.filled(np.nan))
    assert whole.count() > 0


def test_overviews_of_a_tile_are_means_of_its_values(tmp_path: Path) -> None:
    grids = {"A": grid_at(3, 5, 600, 700), "B": grid_at(0, 0, 9, 9)}
    plan = mapped(tmp_path, grids, "vrt")
    with rasterio.open(plan.paths.tile_map("A")) as dataset:
        full = dataset.read(1, masked=True).filled(np.nan)
    with rasterio.open(plan.paths.tile_map("A"), overview_level=0) as dataset:
        half = dataset.read(1, masked=True).filled(np.nan)
    even = np.pad(full, [(0, size % 2) for size in full.shape], constant_values=np.nan)
    four = even.reshape(half.shape[0], 2, half.shape[1], 2)
    counts = np.isfinite(four).sum(axis=(1, 3))
    with np.errstate(invalid="ignore"):
        means = np.nansum(four, axis=(1, 3)) / counts
    np.testing.assert_allclose(half, means, rtol=1e-5, equal_nan=True, atol=1e-2)


def test_the_folder_can_be_moved_and_its_parts_can_be_links(tmp_path: Path) -> None:
    folder = tmp_path / "a & <b> \"c\" 'd' é"
    elsewhere = tmp_path / "other disk" / "final"
    elsewhere.mkdir(parents=True)
    plain = mapped(tmp_path / "plain", OVERLAPPING, "file", merged=False)
    moved = mapped(folder, OVERLAPPING, "vrt", merged=False)
    shutil.move(folder, tmp_path / "moved")
    compare(plain.paths.map, tmp_path / "moved" / "final" / moved.paths.map.name)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "final").symlink_to(elsewhere)
    compare(plain.paths.map, mapped(linked, OVERLAPPING, "vrt").paths.map)


def test_missing_torn_and_other_maps_are_named(tmp_path: Path) -> None:
    plan, tiles = plan_for(tmp_path, OVERLAPPING, LABELS, mosaic="vrt")
    with pytest.raises(OutputError, match=r"missing: .*A\.tif, .*run the merge of its chunks"):
        link_tiles(plan, tiles)
    mapped(tmp_path, OVERLAPPING, "vrt")
    path = plan.paths.tile_map("B")
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    with pytest.raises(OutputError, match=r"B\.tif: cannot be read whole .*before its last block"):
        link_tiles(plan, tiles)
    write_map(plan, path, random((9, 9), 0), grid_at(40, 30, 9, 9))
    with pytest.raises(OutputError, match=r"B\.tif: has .* it is of another run"):
        link_tiles(plan, tiles)
    other = OVERLAPPING | {"B": grid_at(0, 0, 5, 5, resolution=20)}
    plan, tiles = plan_for(tmp_path, other, LABELS, mosaic="vrt")
    with pytest.raises(GridError, match=r"tile B has pixels of 20\.0 x 20\.0"):
        link_tiles(plan, tiles)


@pytest.mark.parametrize("form", ["vrt", "file"])
def test_a_map_is_laid_out_again_as_if_merged_from_chunks(tmp_path: Path, form: str) -> None:
    grids = {"A": grid_at(3, 5, 600, 700), "B": grid_at(0, 0, 520, 9)}
    other = "file" if form == "vrt" else "vrt"
    expected = mapped(tmp_path / "expected", grids, form)
    mapped(tmp_path / "again", grids, other)
    plan, tiles = plan_for(tmp_path / "again", grids, LABELS, chunks=2, mosaic=form)
    shutil.rmtree(plan.paths.chunks)
    for name in grids:
        merge_tile(plan, tiles[name], again=True)
        found, wanted = (each.paths.tile_map(name).read_bytes() for each in (plan, expected))
        assert found == wanted


def test_without_a_map_there_is_a_picture_all_the_same(tmp_path: Path) -> None:
    plan, tiles = plan_for(tmp_path, OVERLAPPING, LABELS, mosaic="none")
    for seed, (name, grid) in enumerate(OVERLAPPING.items()):
        write_map(plan, plan.paths.tile_map(name), random(grid.shape, seed), grid)
    made = finish_map(plan, tiles)
    names = ["features_map_collection.json", "quicklook.png"]
    assert sorted(path.name for path in plan.paths.final.iterdir()) == names
    assert list(plan.paths.results) == ["quicklook", "STAC collection", "tile maps"]
    assert plan.paths.map in made
    compare(mapped(tmp_path / "file", OVERLAPPING, "file").paths.map, plan.paths.map)
