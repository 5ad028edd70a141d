import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate

from sitsflow.errors import GridError, OutputError
from sitsflow.geo.grid import Window
from sitsflow.steps import mosaic, tile_map
from sitsflow.steps.mosaic import merge_tile, mosaic_tiles
from tests.plans import NODATA, grid_at, plan_for, strips, write_chunks, write_map


def _random(bands: int, shape: tuple[int, int], seed: int = 0, holes: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    array = rng.normal(0, 1000, (bands, *shape)).round(1).astype(np.float32)
    array[rng.random(array.shape) < holes] = NODATA
    array[rng.random(array.shape) < 0.05] = 0
    return array


def _read(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _blocks(shape: tuple[int, int], size: int) -> list[Window]:
    height, width = shape
    return [
        Window(row=row, col=col, height=min(size, height - row), width=min(size, width - col))
        for row, col in itertools.product(range(0, height, size), range(0, width, size))
    ]


@pytest.mark.parametrize("cut", [1, 7, 25, "blocks"])
def test_a_tile_is_the_same_however_it_was_cut(tmp_path, cut):
    grid = grid_at(0, 0, 700, 530)
    chunks = {"A": _blocks(grid.shape, 70) if cut == "blocks" else strips(grid, cut)}
    plan, tile_plans = plan_for(tmp_path, {"A": grid}, chunks=chunks)
    array = _random(2, grid.shape)
    write_chunks(plan, tile_plans["A"], array)
    record = merge_tile(plan, tile_plans["A"])
    assert record.path == tmp_path / "by_tiles" / "A.tif"
    assert record.parts == len(chunks["A"])
    assert record.size == record.path.stat().st_size
    assert record.valid == pytest.approx((array != NODATA).mean(axis=(1, 2)), abs=1e-6)
    with rasterio.open(record.path) as dataset:
        np.testing.assert_array_equal(dataset.read(), array)
        assert dataset.nodata == NODATA
        assert dataset.descriptions == plan.labels
        assert dataset.transform == grid.transform
        assert dataset.tags()["SITSFLOW_TILES"] == "A"
    assert _names(tmp_path / "by_tiles") == ["A.tif"]


def test_many_bands_are_merged_in_groups(tmp_path):
    grid = grid_at(0, 0, 40, 30)
    labels = [f"f{n}" for n in range(11)]
    plan, tile_plans = plan_for(tmp_path, {"A": grid}, labels, chunks=3)
    array = _random(11, grid.shape)
    write_chunks(plan, tile_plans["A"], array)
    merge_tile(plan, tile_plans["A"])
    np.testing.assert_array_equal(_read(plan.paths.tile_map("A")), array)
    mosaic_tiles(plan, tile_plans)
    np.testing.assert_array_equal(_read(plan.paths.map), array)


def test_pixels_in_no_chunk_have_no_data(tmp_path):
    grid = grid_at(0, 0, 1100, 600)
    chunks = {"A": [Window(row=10, col=20, height=30, width=40)]}
    plan, tile_plans = plan_for(tmp_path, {"A": grid}, chunks=chunks)
    write_chunks(plan, tile_plans["A"], np.ones((2, 1100, 600), np.float32))
    assert merge_tile(plan, tile_plans["A"]).valid == pytest.approx([1200 / 660000] * 2, abs=1e-6)
    expected = np.full((2, 1100, 600), NODATA, np.float32)
    expected[:, 10:40, 20:60] = 1
    np.testing.assert_array_equal(_read(plan.paths.tile_map("A")), expected)


def test_missing_and_torn_chunks_are_named(tmp_path):
    grid = grid_at(0, 0, 400, 400)
    plan, tile_plans = plan_for(tmp_path, {"A": grid}, chunks=4)
    write_chunks(plan, tile_plans["A"], _random(2, grid.shape))
    torn = plan.paths.chunk("A", 2)
    whole = torn.read_bytes()
    for length in (0, 30, len(whole) // 2, len(whole) - 1000):
        torn.write_bytes(whole[:length])
        with pytest.raises(OutputError, match=r"A_chunk_2\.tif: cannot be read whole"):
            merge_tile(plan, tile_plans["A"])
    torn.unlink()
    with pytest.raises(OutputError, match=r"missing: .*A_chunk_2\.tif; run the writing step"):
        merge_tile(plan, tile_plans["A"])
    assert _names(tmp_path / "by_tiles") == []


def test_a_chunk_of_another_run_is_refused(tmp_path):
    plan, tile_plans = plan_for(tmp_path, {"A": grid_at(0, 0, 20, 20)}, chunks=2)
    write_chunks(plan, tile_plans["A"], _random(2, (20, 20)))
    write_map(plan, plan.paths.chunk("A", 1), np.zeros((2, 10, 20)), grid_at(0, 0, 10, 20))
    with pytest.raises(OutputError, match=r"A_chunk_1\.tif: has .* is of another run"):
        merge_tile(plan, tile_plans["A"])


def test_a_merge_broken_off_leaves_no_map(tmp_path, monkeypatch):
    plan, tile_plans = plan_for(tmp_path, {"A": grid_at(0, 0, 20, 20)})
    write_chunks(plan, tile_plans["A"], _random(2, (20, 20)))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tile_map, "write_geotiff", killed)
        with pytest.raises(KeyboardInterrupt):
            merge_tile(plan, tile_plans["A"])
    assert _names(tmp_path / "by_tiles") == []
    merge_tile(plan, tile_plans["A"])
    with monkeypatch.context() as patch:
        patch.setattr(mosaic, "write_geotiff", killed)
        with pytest.raises(KeyboardInterrupt):
            mosaic_tiles(plan, tile_plans)
    assert _names(tmp_path / "final") == []


def _expected(plan, arrays, tile_plans):
    """The overlap rule, pixel by pixel."""
    shape = (len(plan.labels), *plan.mosaic_grid.shape)
    expected = np.full(shape, NODATA, np.float32)
    for name in plan.tile_names:
        top, left = tile_plans[name].grid.nearest_offset_in(plan.mosaic_grid)
        for (band, row, col), value in np.ndenumerate(arrays[name]):
            row, col = row + top, col + left
            inside = 0 <= row < shape[1] and 0 <= col < shape[2]
            if inside and expected[band, row, col] == NODATA:
                expected[band, row, col] = value
    return expected


def _mosaic(folder, grids, arrays, made_in=None, **options):
    plan, tile_plans = plan_for(folder, grids, **options)
    for name in made_in or grids:
        write_map(plan, plan.paths.tile_map(name), arrays[name], grids[name])
    record = mosaic_tiles(plan, {name: tile_plans[name] for name in made_in or grids})
    return plan, tile_plans, record


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(["A", "B", "C"]),
    made_in=st.permutations(["A", "B", "C"]),
    places=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=3),
)
def test_the_first_tile_with_a_value_wins_in_any_order_of_making(
    tmp_path_factory, order, made_in, places
):
    grids = {name: grid_at(*place, 13, 17) for name, place in zip(order, places, strict=True)}
    arrays = {name: _random(2, (13, 17), seed=n, holes=0.5) for n, name in enumerate("ABC")}
    folder = tmp_path_factory.mktemp("run")
    plan, tile_plans, record = _mosaic(folder, grids, arrays, made_in)
    expected = _expected(plan, arrays, tile_plans)
    np.testing.assert_array_equal(_read(plan.paths.map), expected)
    assert record.valid == pytest.approx((expected != NODATA).mean(axis=(1, 2)), abs=1e-6)


def test_zero_is_a_value_and_no_data_may_be_zero(tmp_path):
    grids = {"A": grid_at(0, 0, 2, 2), "B": grid_at(0, 0, 2, 2)}
    arrays = {"A": np.array([[[0, NODATA], [1, 2]]]), "B": np.full((1, 2, 2), 9)}
    plan, _, _ = _mosaic(tmp_path / "a", grids, arrays, labels=["one"])
    assert _read(plan.paths.map).tolist() == [[[0, 9], [1, 2]]]
    plan, _, _ = _mosaic(tmp_path / "b", grids, arrays, labels=["one"], no_data_value=0)
    assert _read(plan.paths.map).tolist() == [[[9, NODATA], [1, 2]]]


def test_no_data_may_be_nan(tmp_path):
    grids = {"A": grid_at(0, 0, 2, 2), "B": grid_at(0, 1, 2, 2)}
    arrays = {"A": np.array([[[0, np.nan], [1, np.nan]]]), "B": np.full((1, 2, 2), 9)}
    plan, _, record = _mosaic(tmp_path, grids, arrays, labels=["one"], no_data_value=np.nan)
    assert _read(plan.paths.map).tolist() == [[[0, 9, 9], [1, 9, 9]]]
    assert record.valid == (1.0,)


@pytest.mark.parametrize("shift", [(0.3, -0.4), (-0.49, 0.49), (0.0, 0.2)])
def test_tiles_between_pixels_are_moved_to_the_nearest(tmp_path, shift):
    grids = {"A": grid_at(0, 0, 12, 12), "B": grid_at(5 + shift[0], 7 + shift[1], 12, 12)}
    arrays = {name: _random(1, (12, 12), seed) for seed, name in enumerate("AB")}
    whole = grid_at(0, 0, 17, 19)
    plan, tile_plans, _ = _mosaic(
        tmp_path, grids, arrays, labels=["one"], mosaic_grid=whole, grid_alignment=False
    )
    assert tile_plans["B"].grid.nearest_offset_in(whole) == (5, 7)
    np.testing.assert_array_equal(_read(plan.paths.map), _expected(plan, arrays, tile_plans))


def test_tiles_beyond_the_map_are_clipped(tmp_path):
    grids = {"A": grid_at(-3, -2, 12, 12)}
    arrays = {"A": _random(2, (12, 12))}
    plan, _, _ = _mosaic(tmp_path, grids, arrays, mosaic_grid=grid_at(0, 0, 5, 6))
    np.testing.assert_array_equal(_read(plan.paths.map), arrays["A"][:, 3:8, 2:8])


def test_a_tile_of_other_pixels_is_refused(tmp_path):
    grids = {"A": grid_at(0, 0, 5, 5), "B": grid_at(0, 0, 5, 5, resolution=20)}
    plan, tile_plans = plan_for(tmp_path, grids, mosaic_grid=grids["A"])
    with pytest.raises(GridError, match=r"tile B has pixels of 20\.0 x 20\.0"):
        mosaic_tiles(plan, tile_plans)


def test_missing_tile_maps_are_named(tmp_path):
    grids = {"A": grid_at(0, 0, 5, 5), "B": grid_at(0, 5, 5, 5)}
    plan, tile_plans = plan_for(tmp_path, grids)
    write_map(plan, plan.paths.tile_map("A"), _random(2, (5, 5)), grids["A"])
    wanted = re.escape(str(plan.paths.tile_map("B")))
    with pytest.raises(OutputError, match=f"missing: {wanted}; run the merge of its chunks again"):
        mosaic_tiles(plan, tile_plans)
    assert not plan.paths.map.exists()


@pytest.mark.parametrize(
    ("shape", "compression"),
    [
        ((40, 30), "ZSTD"),
        ((512, 512), "DEFLATE"),
        ((600, 30), "LZW"),
        ((30, 600), "NONE"),
        ((700, 1300), "ZSTD"),
    ],
)
def test_the_map_is_a_cloud_optimized_geotiff(tmp_path, shape, compression):
    grids = {"A": grid_at(0, 0, *shape)}
    array = _random(2, shape)
    plan, _, record = _mosaic(tmp_path, grids, {"A": array}, compression=compression)
    assert cog_validate(plan.paths.map, strict=True, quiet=True) == (True, [], [])
    assert _names(tmp_path / "final") == ["features_map.tif"]
    with rasterio.open(record.path) as dataset:
        assert dataset.descriptions == plan.labels
        assert dataset.nodata == NODATA
        assert dataset.overviews(1)
        assert dataset.tags()["SITSFLOW_FINGERPRINT"] == plan.map_fingerprint
        assert dataset.tags()["SITSFLOW_TILES"] == "A"
        for band in (1, 2):
            values = array[band - 1][array[band - 1] != NODATA].astype(float)
            found = {key: float(value) for key, value in dataset.tags(band).items()}
            assert found == pytest.approx(
                {
                    "STATISTICS_MINIMUM": values.min(),
                    "STATISTICS_MAXIMUM": values.max(),
                    "STATISTICS_MEAN": values.mean(),
                    "STATISTICS_STDDEV": values.std(),
                    "STATISTICS_VALID_PERCENT": 100 * values.size / array[0].size,
                },
                rel=1e-5,
            )
        np.testing.assert_array_equal(dataset.read(), array)


def test_a_map_without_any_value_is_still_made(tmp_path):
    array = np.full((2, 30, 30), NODATA)
    plan, _, record = _mosaic(tmp_path, {"A": grid_at(0, 0, 30, 30)}, {"A": array})
    assert record.valid == (0.0, 0.0)
    assert cog_validate(plan.paths.map, strict=True, quiet=True) == (True, [], [])


def test_tiles_far_apart_leave_a_hole(tmp_path):
    grids = {"A": grid_at(0, 0, 20, 20), "B": grid_at(700, 9000, 20, 20)}
    arrays = {name: _random(1, (20, 20), seed) for seed, name in enumerate("AB")}
    plan, _, _ = _mosaic(tmp_path, grids, arrays, labels=["one"])
    assert cog_validate(plan.paths.map, strict=True, quiet=True) == (True, [], [])
    found = _read(plan.paths.map)
    np.testing.assert_array_equal(found[:, :20, :20], arrays["A"])
    np.testing.assert_array_equal(found[:, -20:, -20:], arrays["B"])
    assert np.count_nonzero(found != NODATA) == sum(
        np.count_nonzero(array != NODATA) for array in arrays.values()
    )
