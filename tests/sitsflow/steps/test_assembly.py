"""The whole way from chunks to the map: pixels, overviews, statistics and bytes.

Blocks are of 16 x 16 pixels, so that small tiles have many of them.
"""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from sitsflow.errors import OutputError
from sitsflow.geo.grid import Window
from sitsflow.io import block_codec, write
from sitsflow.io.block_codec import BlockCodec
from sitsflow.io.block_places import Sources
from sitsflow.io.tiff import read_directories
from sitsflow.steps import chunk_file, joined_blocks, mosaic, parts, tile_blocks, tile_map
from sitsflow.steps.chunk_file import block_reach, write_chunk_file
from sitsflow.steps.mosaic import merge_tile, mosaic_tiles
from sitsflow.steps.tile_map import placed_tile
from tests.plans import NODATA, grid_at, plan_for, write_map

SMALL = 16


@pytest.fixture(autouse=True, scope="module")
def _small_blocks():
    """Make blocks small wherever they are counted."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (
            write, block_codec, chunk_file, joined_blocks, mosaic, parts, tile_blocks, tile_map
        ):  # fmt: skip
            patch.setattr(module, "BLOCK", SMALL)
        patch.setattr(tile_blocks, "_HALF", SMALL // 2)
        yield


def _cut(shape, height, width):
    return [
        Window(
            row=row, col=col, height=min(height, shape[0] - row), width=min(width, shape[1] - col)
        )
        for row in range(0, shape[0], height)
        for col in range(0, shape[1], width)
    ]


def _random(rng, shape):
    """Two bands with holes of all sizes, some of them larger than blocks."""
    array = rng.normal(0, 1000, (2, *shape)).round(1).astype(np.float32)
    array[rng.random(array.shape) < rng.choice([0, 0.3])] = NODATA
    for band in range(2):
        top, left = (int(rng.integers(size)) for size in shape)
        array[band, top : top + int(rng.integers(40)), left : left + int(rng.integers(40))] = NODATA
    return array


def _make_tile(plan, tile_plan, array):
    for index, window in enumerate(tile_plan.chunks):
        write_chunk_file(plan, tile_plan, index, array[:, *window.slices])
    return merge_tile(plan, tile_plan)


def _joined(plan, tile_plans, arrays):
    whole = np.full((2, *plan.mosaic_grid.shape), NODATA, np.float32)
    for name in reversed(plan.tile_names):
        row, col = tile_plans[name].grid.nearest_offset_in(plan.mosaic_grid)
        array = arrays[name]
        place = whole[:, row : row + array.shape[1], col : col + array.shape[2]]
        np.copyto(place, array, where=array != NODATA)
    return whole


def _halved(values):
    _, rows, cols = values.shape
    even = np.pad(values, ((0, 0), (0, rows % 2), (0, cols % 2)), constant_values=NODATA)
    four = even.reshape(2, even.shape[1] // 2, 2, even.shape[2] // 2, 2)
    count = (four != NODATA).sum(axis=(2, 4))
    total = np.where(four != NODATA, four, 0).astype(float).sum(axis=(2, 4))
    return np.where(count, total / np.maximum(count, 1), NODATA).astype(np.float32)


def _check(path: Path, whole):
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), whole)
        n_overviews = len(dataset.overviews(1))
        for band in (1, 2):
            tags = {key: float(value) for key, value in dataset.tags(band).items()}
            values = whole[band - 1][whole[band - 1] != NODATA].astype(float)
            share = 100 * values.size / whole[0].size
            assert tags["STATISTICS_VALID_PERCENT"] == pytest.approx(share, rel=1e-5)
            if values.size:
                found = [tags[f"STATISTICS_{key}"] for key in ("MINIMUM", "MAXIMUM")]
                assert found == [values.min(), values.max()]
                assert tags["STATISTICS_MEAN"] == pytest.approx(values.mean(), abs=1e-9)
                assert tags["STATISTICS_STDDEV"] == pytest.approx(values.std(), abs=1e-9)
    assert n_overviews >= 1
    for level in range(n_overviews):
        whole = _halved(whole)
        with rasterio.open(path, overview_level=level) as dataset:
            np.testing.assert_array_equal(dataset.read(), whole)
    assert max(whole.shape[1:]) <= SMALL


SIZES = st.tuples(st.integers(17, 90), st.integers(17, 90))
CUTS = st.tuples(st.sampled_from([7, 16, 32, 41, 90]), st.sampled_from([16, 29, 48, 90]))


@settings(max_examples=8, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), min_size=3, max_size=3),
    sizes=st.lists(SIZES, min_size=3, max_size=3),
    cuts=st.lists(CUTS, min_size=3, max_size=3),
    seed=st.integers(0, 999),
)
def test_map_overviews_and_statistics_are_those_of_the_pixels(
    tmp_path_factory, places, sizes, cuts, seed
):
    rng = np.random.default_rng(seed)
    grids = {
        name: grid_at(*place, *size) for name, place, size in zip("ABC", places, sizes, strict=True)
    }
    arrays = {name: _random(rng, grid.shape) for name, grid in grids.items()}
    chunks = {
        name: _cut(grid.shape, *cut) for (name, grid), cut in zip(grids.items(), cuts, strict=True)
    }
    plan, tile_plans = plan_for(tmp_path_factory.mktemp("run"), grids, chunks=chunks)
    for name, tile_plan in tile_plans.items():
        valid = _make_tile(plan, tile_plan, arrays[name]).valid
        share = (arrays[name] != NODATA).mean(axis=(1, 2))
        assert valid == pytest.approx(share, abs=1e-6)
    mosaic_tiles(plan, tile_plans)
    _check(plan.paths.map, _joined(plan, tile_plans, arrays))
    _other_ways(tmp_path_factory.mktemp("other"), plan, grids, arrays)


def _other_ways(folder, plan, grids, arrays):
    """Whole tiles as one chunk each, or made elsewhere on other blocks: the same bytes."""
    other, tile_plans = plan_for(folder, grids)
    for name, tile_plan in tile_plans.items():
        _make_tile(other, tile_plan, arrays[name])
        one, two = (each.paths.tile_map(name).read_bytes() for each in (plan, other))
        assert one == two
    mosaic_tiles(other, tile_plans)
    assert plan.paths.map.read_bytes() == other.paths.map.read_bytes()
    for name, tile_plan in tile_plans.items():
        write_map(other, other.paths.tile_map(name), arrays[name], tile_plan.grid)
    mosaic_tiles(other, tile_plans)
    assert plan.paths.map.read_bytes() == other.paths.map.read_bytes()
    assert [path.name for path in other.paths.map.parent.iterdir()] == ["features_map.tif"]


class _Counted:
    """Counts the blocks that are encoded and decoded."""

    def __init__(self, patch):
        self.encoded = self.decoded = 0
        encode, decode = BlockCodec.encode, BlockCodec.decode

        def counted_encode(codec, values):
            self.encoded += len(values)
            return encode(codec, values)

        def counted_decode(codec, blocks):
            self.decoded += len(blocks)
            return decode(codec, blocks)

        patch.setattr(BlockCodec, "encode", counted_encode)
        patch.setattr(BlockCodec, "decode", counted_decode)


def test_blocks_of_one_chunk_and_of_one_tile_are_moved(tmp_path, monkeypatch):
    grids = {"A": grid_at(0, 0, 64, 70), "B": grid_at(0, 70, 64, 58)}
    arrays = {name: np.ones((2, *grid.shape), np.float32) for name, grid in grids.items()}
    chunks = {"A": _cut((64, 70), 32, 70), "B": _cut((64, 58), 40, 58)}
    plan, tile_plans = plan_for(tmp_path, grids, chunks=chunks)
    count = _Counted(monkeypatch)
    _make_tile(plan, tile_plans["A"], arrays["A"])
    overviews = 2 * (2 * 3 + 1 * 2 + 1)
    assert (count.encoded, count.decoded) == (overviews, 0)
    _make_tile(plan, tile_plans["B"], arrays["B"])
    # Of its 4 x 4 blocks the chunks share a row.
    assert count.encoded == overviews + 2 * 4 + 2 * (2 * 2 + 1)
    count.encoded = 0
    mosaic_tiles(plan, tile_plans)
    # A column of blocks is of both, and so is one of blocks of each overview.
    assert (count.encoded, count.decoded) == (2 * (4 + 2 + 1 + 1), 2 * (2 * 4 + 4 + 2 + 1))


def test_a_block_full_of_the_first_tile_is_moved_whatever_else_there_is(tmp_path, monkeypatch):
    grids = {"A": grid_at(0, 0, 48, 48), "B": grid_at(0, 0, 48, 48)}
    arrays = {name: np.full((2, 48, 48), value, np.float32) for name, value in (("A", 1), ("B", 2))}
    arrays["A"][1] = NODATA
    plan, tile_plans = plan_for(tmp_path, grids)
    for name, tile_plan in tile_plans.items():
        _make_tile(plan, tile_plan, arrays[name])
    count = _Counted(monkeypatch)
    mosaic_tiles(plan, tile_plans)
    assert (count.encoded, count.decoded) == (0, 0)
    _check(plan.paths.map, _joined(plan, tile_plans, arrays))


@pytest.mark.parametrize("move", [(0, 0), (-16, 0), (-7, -3), (-64, -128)])
def test_tile_maps_made_for_another_map_serve(tmp_path, move):
    rng = np.random.default_rng(1)
    grids = {"A": grid_at(0, 0, 50, 60)}
    arrays = {"A": _random(rng, (50, 60))}
    _make_tile(*_of(plan_for(tmp_path, grids)), arrays["A"])
    grids["N"] = grid_at(*move, 20, 30)
    arrays["N"] = _random(rng, (20, 30))
    plan, tile_plans = plan_for(tmp_path, grids, mosaic_grid=grid_at(*move, 200, 220))
    _make_tile(plan, tile_plans["N"], arrays["N"])
    mosaic_tiles(plan, tile_plans)
    _check(plan.paths.map, _joined(plan, tile_plans, arrays))


def _of(made):
    plan, tile_plans = made
    return plan, tile_plans["A"]


def test_a_tile_between_pixels_is_not_laid_out_again(tmp_path):
    grids = {"A": grid_at(0, 0, 50, 60), "B": grid_at(30.3, 40.4, 50, 60)}
    plan, tile_plans = plan_for(tmp_path, grids, mosaic_grid=grid_at(0, 0, 80, 100))
    rng = np.random.default_rng(2)
    arrays = {name: _random(rng, (50, 60)) for name in grids}
    for name, tile_plan in tile_plans.items():
        _make_tile(plan, tile_plan, arrays[name])
    with rasterio.open(plan.paths.tile_map("B")) as dataset, Sources() as sources:
        assert dataset.transform == grid_at(16.3, 32.4, 1, 1).transform
        part = mosaic.part_of_map(plan, tile_plans["B"])
        assert placed_tile(part, plan.mosaic_grid, 2, BlockCodec("ZSTD"), sources) is not None
    mosaic_tiles(plan, tile_plans)
    _check(plan.paths.map, _joined(plan, tile_plans, arrays))


def test_blocks_without_a_value_take_no_bytes(tmp_path):
    grids = {"A": grid_at(0, 0, 64, 64)}
    array = np.full((2, 64, 64), NODATA, np.float32)
    array[0, 5, 20] = 7
    plan, tile_plans = plan_for(tmp_path, grids, compression="NONE")
    _make_tile(plan, tile_plans["A"], array)
    mosaic_tiles(plan, tile_plans)
    for path in (plan.paths.tile_map("A"), plan.paths.map):
        _, sizes = read_directories(path)[0].places
        assert np.argwhere(sizes).tolist() == [[0, 0, 1]]
    _check(plan.paths.map, array)


@given(
    tile=st.tuples(st.integers(0, 40), st.integers(1, 100)),
    first=st.integers(0, 99),
    length=st.integers(1, 100),
)
def test_a_chunk_reaches_to_the_edges_of_blocks_where_it_has_one(tile, first, length):
    """One dimension, looked at pixel by pixel."""
    start, size = tile
    first = first % size
    length = min(length, size - first)
    of_chunk = set(range(start + first, start + first + length))
    blocks = {pixel // SMALL for pixel in of_chunk}
    own = [
        block
        for block in blocks
        if set(range(block * SMALL, block * SMALL + SMALL)) & set(range(start, start + size))
        <= of_chunk
    ]
    chunk = Window(row=first, col=0, height=length, width=SMALL)
    found = block_reach(chunk, Window(row=start, col=0, height=size, width=SMALL))
    if not own:
        assert found == chunk
    else:
        assert found.row + start == min(blocks) * SMALL
        assert found.height == (max(blocks) - min(blocks) + 1) * SMALL


def test_a_tile_map_cut_short_is_named(tmp_path):
    plan, tile_plans = plan_for(tmp_path, {"A": grid_at(0, 0, 64, 64)})
    _make_tile(plan, tile_plans["A"], _random(np.random.default_rng(3), (64, 64)))
    path = plan.paths.tile_map("A")
    whole = path.read_bytes()
    for length in (0, 30, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:length])
        with pytest.raises(OutputError, match=r"A\.tif: cannot be read whole"):
            mosaic_tiles(plan, tile_plans)
    assert not plan.paths.map.exists()
