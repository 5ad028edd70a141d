"""Sentinel-1 through all steps of a run: alone and beside others, however the run is cut."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from sitsflow.features.catalogue import describe
from sitsflow.library.map_plan import MapPlan
from sitsflow.plan import load_plan, load_tile
from sitsflow.planning.planner import make_plan
from sitsflow.report.page import write_report
from sitsflow.request import Chunking, FunctionCall, Request, SensorRequest
from sitsflow.run.description import as_data, as_text, catalogue_text
from sitsflow.simulate import simulate
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.sentinel1 import simulate_sentinel1
from tests.radar.requests import radar_run, sentinel1
from tests.requests import TILES, calls, sentinel2, tile_values
from tests.serial_run import run

FIRST, LAST = date(2018, 1, 4), date(2018, 2, 9)
SIZE = 36
DATES = ("20180104", "20180114", "20180124", "20180203")

MODULE = '''
"""What a user function reads of radar."""
import numpy as np


def radar(self):
    vv = self.get_interpolated_Sentinel1_VV_DES()
    raw = self.get_raw_Sentinel1_VH_ASC()
    masks = self.get_raw_Sentinel1_masks_ASC()
    assert len(self.interpolated_dates["Sentinel1DES"]) == vv.shape[2]
    assert self.get_raw_dates()["Sentinel1ASC"][0] == "20180104"
    assert raw.shape == masks.shape == (*vv.shape[:2], 4)
    first = np.where(masks[:, :, 0] == 0, raw[:, :, 0], -1)
    return np.dstack([vv[:, :, 1], first, (masks == 0).sum(axis=2)]), ["vv", "vh", "seen"]
'''


class World(NamedTuple):
    """Products of two tiles: of Sentinel-1 and Sentinel-2, and rasters without dates."""

    s1: Path
    s2: Path
    own: Path
    module: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    made = simulate_sentinel1(
        root / "s1", TILES, FIRST, LAST, 12, SIZE, 7, relief="ridge", slices=2
    )
    for tile, grid in made.grids.items():
        (root / "s1" / "references" / tile).mkdir(parents=True)
        ones = np.ones((1, *grid.shape), np.uint8)
        write_raster(root / "s1" / "references" / tile / "grid.tif", ones, grid)
    simulate(root / "s2", "Sentinel_2", TILES, FIRST, LAST, 12, SIZE, 7)
    simulate(root / "own", "userFeat", TILES, FIRST, LAST, None, SIZE, 7)
    (root / "mine.py").write_text(MODULE)
    return World(root / "s1", root / "s2", root / "own", root / "mine.py")


def request_of(
    world: World, out: Path, settings: dict[str, Any] | None = None, **changes: Any
) -> Request:
    known = {"references": world.s1 / "references"} | (settings or {})
    return radar_run(world.s1, out, known, **changes)


def with_others(world: World, out: Path, **changes: Any) -> Request:
    own = SensorRequest(
        sensor="userFeat", root=world.own, temporal_resolution=1, patterns=("ALT", "SLP")
    )
    sensors = (sentinel1(world.s1), sentinel2(world.s2, start=None, end=None), own)
    return request_of(world, out, sensors=sensors, **changes)


def values_of(request: Request) -> dict[str, NDArray[np.float32]]:
    """The bands of the first tile by their labels."""
    plan, tiles = make_plan(request)
    return dict(zip(plan.labels, tile_values(plan, tiles[plan.tile_names[0]]), strict=True))


def assert_same(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Bit for bit."""
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


def bands_of(path: Path) -> dict[str, NDArray[np.float32]]:
    with rasterio.open(path) as file:
        return dict(zip(file.descriptions, file.read(), strict=True))


def test_all_steps_of_two_tiles(world: World, tmp_path: Path) -> None:
    keys = {"module": world.module, "functions": calls("radar"), "tiles": TILES}
    request = request_of(
        world, tmp_path / "all", {"expressions": ("vh/vv",)}, write_outputs=True, **keys
    )
    run(request)
    plan = load_plan(request.output_path)
    found = bands_of(plan.paths.map)
    assert tuple(found) == plan.labels
    series = [
        f"sentinel1_{orbit}_{band}_{day}"
        for orbit in ("des", "asc") for band in ("vv", "vh") for day in DATES
    ]  # fmt: skip
    ratios = [f"sentinel1_{orbit}_userfeature1_{d}" for orbit in ("asc", "des") for d in DATES]
    assert plan.labels == (*series, *ratios, "vv", "vh", "seen")
    assert_same(found["vv"], found["sentinel1_des_vv_20180114"])
    there = found["seen"] != -10000
    assert there.mean() > 0.9
    np.testing.assert_array_equal(found["seen"][there], 4)
    assert_same(found["vh"][there], found["sentinel1_asc_vh_20180104"][there])
    ratio = found["sentinel1_des_vh_20180203"] / found["sentinel1_des_vv_20180203"]
    assert_same(found["sentinel1_des_userfeature1_20180203"][there], ratio[there])

    tile = TILES[0]
    folder = plan.paths.features(tile)
    dates = (folder / f"Sentinel1DES_{tile}_input_dates.txt").read_text()
    assert dates.split() == ["20180104", "20180116", "20180128", "20180209"]
    dates = (folder / f"Sentinel1ASC_{tile}_interpolation_dates.txt").read_text()
    assert tuple(dates.split()) == DATES
    raw = bands_of(folder / f"Sentinel1ASC_{tile}_TS.tif")
    assert {one.dtype for one in raw.values()} == {np.dtype(np.float32)}
    with rasterio.open(plan.paths.common_mask(tile)) as file:
        assert file.read(1).all()
    with rasterio.open(folder / f"Sentinel1DES_{tile}_MASKS.tif") as file:
        assert not file.read().any()
        assert file.descriptions[0] == "sentinel1_des_mask_20180104"
    item = json.loads(plan.paths.map.with_suffix(".json").read_text())
    assert item["properties"]["sitsflow:sensors"] == ["Sentinel_1"]
    plans = {name: load_tile(request.output_path, name) for name in plan.tile_names}
    page = write_report(plan, plans, tmp_path / "report.html").read_text()
    assert "Sentinel-1 DES: 8 products, interpolated to 4 dates (linear)" in page

    own = values_of(request_of(world, tmp_path / "alone", concat_mode=False, **keys))
    assert tuple(own) == ("vv", "vh", "seen")
    first = bands_of(plan.paths.tile_map(tile))
    for label, values in own.items():
        assert_same(values, first[label])


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"speckle_filter": "none", "terrain_flattening": True}, id="flattened"),
        pytest.param({"speckle_filter": "quegan"}, id="quegan", marks=pytest.mark.slow),
        pytest.param({"speckle_filter": "lee"}, id="lee", marks=pytest.mark.slow),
        pytest.param({"speckle_filter": "refined_lee"}, id="refined", marks=pytest.mark.slow),
    ],
)
def test_the_cut_of_a_run_changes_no_bit(
    settings: dict[str, Any], world: World, tmp_path: Path
) -> None:
    request = request_of(world, tmp_path, settings | {"orbits": ("des",)})
    plan, tiles = make_plan(request)
    tile = tiles[TILES[0]]
    whole = tile_values(plan, tile)
    assert (whole != -10000).mean() > 0.5
    for chunking in (
        Chunking(mode="split_number", number=5),
        Chunking(mode="user_fixed", size_x=13, size_y=17),
    ):
        other, parts = make_plan(request.model_copy(update={"chunking": chunking}))
        assert len(parts[TILES[0]].chunks) > 4
        assert_same(tile_values(other, parts[TILES[0]]), whole)
    in_parts = tile.model_copy(update={"pass_rows": 7, "read_rows": 21})
    assert_same(tile_values(plan, in_parts), whole)

    west, _, east, north = tile.grid.bounds
    ring = [[west + 95, north - 255], [east - 45, north - 255], [east - 45, north - 75],
            [west + 95, north - 75], [west + 95, north - 255]]  # fmt: skip
    area = {"type": "Polygon", "coordinates": [ring]}
    crs = {"type": "name", "properties": {"name": tile.grid.crs}}
    (tmp_path / "area.geojson").write_text(json.dumps({
        "type": "FeatureCollection", "crs": crs,
        "features": [{"type": "Feature", "properties": {}, "geometry": area}],
    }))  # fmt: skip
    inside, cropped = make_plan(
        request.model_copy(update={"area_of_interest": tmp_path / "area.geojson"})
    )
    part = cropped[TILES[0]]
    row = round((north - part.grid.y) / 10)
    col = round((part.grid.x - west) / 10)
    rows, cols = slice(row, row + part.grid.height), slice(col, col + part.grid.width)
    values = tile_values(inside, part)
    wanted = values[0] != -10000
    assert 0.3 < wanted.size / whole[0].size < 0.9
    assert_same(values[:, wanted], whole[:, rows, cols][:, wanted])


def test_descending_alone(world: World, tmp_path: Path) -> None:
    both = values_of(request_of(world, tmp_path))
    one = values_of(request_of(world, tmp_path, {"orbits": ("des",), "expressions": ("vh",)}))
    assert list(one) == [
        *(f"sentinel1_des_{band}_{day}" for band in ("vv", "vh") for day in DATES),
        *(f"sentinel1_des_userfeature1_{day}" for day in DATES),
    ]
    for label in both:
        if "_des_" in label:
            assert_same(one[label], both[label])
    numbered = values_of(request_of(world, tmp_path, {"separate_orbits": True}))
    assert list(numbered) == [
        label.replace("_des_", "_des_110_").replace("_asc_", "_asc_030_") for label in both
    ]
    for label, values in zip(both, numbered.values(), strict=True):
        assert_same(values, both[label])


def test_decibels_are_of_what_was_interpolated(world: World, tmp_path: Path) -> None:
    settings = {"expressions": ("vh/vv",), "orbits": ("des",)}
    indices = {"spectral_indices": ("DpRVIVV",)}
    power = values_of(request_of(world, tmp_path, settings, **indices))
    request = request_of(world, tmp_path, settings | {"decibels": True}, **indices)
    decibels = values_of(request)
    assert list(power) == list(decibels)
    for label, values in power.items():
        if "_vv_" in label or "_vh_" in label:
            expected = 10 * np.log10(values.astype(np.float64))
            np.testing.assert_allclose(decibels[label], expected, rtol=1e-5, atol=1e-4)
        else:
            assert_same(decibels[label], values)
    plan, tiles = make_plan(request)
    grid = tiles[TILES[0]].grid
    x, y = grid.x + 105, grid.y - 105
    table = MapPlan(plan, tiles).series(None, x, y).set_index(["band", "date"])
    vv, vh = table.loc["VV"], table.loc["VH"]
    first = float(decibels["sentinel1_des_vv_20180104"][10, 10])
    assert vv.raw.iloc[0] == vv.interpolated.iloc[0] == first
    # The index is of the power, also where it is as observed.
    ratio = 10 ** (vh.raw.iloc[0] / 10) / 10 ** (vv.raw.iloc[0] / 10)
    index = table.loc["DpRVIVV"]
    assert index.raw.iloc[0] == pytest.approx(4 * ratio / (1 + ratio), rel=1e-4)
    assert index.raw.iloc[0] == index.interpolated.iloc[0]


def test_indices_of_radar_with_and_without_optical_sensors(world: World, tmp_path: Path) -> None:
    names = ("DpRVIVV", "EVI")
    alone = values_of(request_of(world, tmp_path, spectral_indices=names[:1]))
    beside = values_of(with_others(world, tmp_path, spectral_indices=names))
    vv, vh = (alone[f"sentinel1_asc_{band}_20180124"] for band in ("vv", "vh"))
    index = alone["sentinel1_asc_dprvivv_20180124"]
    np.testing.assert_allclose(index, 4 * vh / (vv + vh), rtol=1e-5)
    assert not [label for label in beside if "asc_evi" in label or "Sentinel2_DpRVI" in label]
    assert [label for label in beside if label.startswith("Sentinel2_EVI_")]
    assert [label for label in beside if label.startswith("sentinel1_des_dprvivv_")]


def test_metrics_of_a_direction(world: World, tmp_path: Path) -> None:
    functions = (
        FunctionCall(name="vh_max", kwargs={"sensor": "Sentinel1ASC"}),
        FunctionCall(name="vv_mean", kwargs={"sensor": "Sentinel_1"}),
    )
    found = values_of(request_of(world, tmp_path, functions=functions))
    highest, mean = list(found)[-2:]
    assert (highest, mean) == ("Sentinel1ASC_VH_max", "Sentinel1DES_VV_mean")
    series = np.stack([found[f"sentinel1_asc_vh_{day}"] for day in DATES])
    assert_same(found[highest], series.max(axis=0))


def test_beside_others_nothing_changes_but_the_order(world: World, tmp_path: Path) -> None:
    keys = {"module": world.module, "functions": calls("radar"), "tiles": TILES}
    request = with_others(world, tmp_path, **keys)
    together = values_of(request)
    sensors = [label.split("_")[0] for label in together]
    assert list(dict.fromkeys(sensors)) == [
        "sentinel1", "Sentinel2", "ALT", "SLP", "vv", "vh", "seen",
    ]  # fmt: skip
    others = values_of(request_of(world, tmp_path, sensors=request.sensors[1:]))
    alone = values_of(request_of(world, tmp_path))
    for one in (others, alone):
        assert one
        for label, values in one.items():
            assert_same(together[label], values)


def test_what_is_told_of_a_plan(world: World, tmp_path: Path) -> None:
    settings = {"interpolation": "spline", "speckle_filter": "lee", "calibration": "sigma0"}
    request = request_of(world, tmp_path / "out", settings)
    plan, tiles = make_plan(request)
    text = as_text(plan, tiles)
    assert "Sentinel-1 DES: 4 passes (8 products of S1B; relative orbit 110)" in text
    assert "interpolated (natural cubic spline) to 4 dates" in text
    assert "sigma0, thermal noise subtracted, Lee's filter of 5 x 5 pixels" in text
    assert "heights of elevation.tif, which cover 100 % of the tile; no geoid" in text
    (tile,) = as_data(plan, tiles)["tiles"]
    assert [one["label"] for one in tile["series"]] == ["Sentinel1DES", "Sentinel1ASC"]
    assert len(tile["series"][0]["products"]) == 8
    assert [len(one["products"]) for one in tile["series"][0]["radar"]["passes"]] == [2] * 4
    catalogue = catalogue_text(describe(plan, tiles))
    assert (
        "get_interpolated_Sentinel1_VV_DES(): (row, col, 4), float32, vv, sigma0, linear power, "
        "natural cubic spline, 4 dates" in catalogue
    )
    assert "get_raw_Sentinel1_masks_ASC(): (row, col, 4), uint8, 0 valid, 1 border" in catalogue
    flat = request_of(world, tmp_path / "out", {"dem": (), "constant_height": 180.0})
    text = as_text(*make_plan(flat))
    assert "on flat land at 180 m above the ellipsoid" in text


def test_other_settings_make_another_map(world: World, tmp_path: Path) -> None:
    keys = {"settings": {"orbits": ("des",)}}
    one, tiles = make_plan(request_of(world, tmp_path, **keys))
    same, again = make_plan(request_of(world, tmp_path, **keys))
    assert one.map_fingerprint == same.map_fingerprint
    other = {"orbits": ("des",), "thermal_noise": False}
    changed, parts = make_plan(request_of(world, tmp_path, other))
    assert changed.map_fingerprint != one.map_fingerprint
    tile = TILES[0]
    assert tiles[tile].preprocess == again[tile].preprocess == parts[tile].preprocess
