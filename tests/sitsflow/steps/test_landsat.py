"""Whole computations of each Landsat sensor against a slow reference by file names alone."""

from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from sitsflow.features.catalogue import describe
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, Request, SensorRequest
from sitsflow.simulate import SIMULATORS, simulate
from tests.products import rewrite, rewrite_all
from tests.reference_map import (
    day_of,
    dynamic_habitat,
    interpolated,
    native_stack,
    ndvi,
    sensor_series,
)
from tests.requests import DHI, calls, computed, tile_values

FIRST, LAST, STEP = date(2018, 4, 1), date(2018, 7, 6), 20
TARGETS = np.arange(day_of("20180401"), day_of("20180706") + 1, STEP)
NODATA = -10000

OLD, MGRS, WRS = ("D0005H0002", "D0005H0003"), ("T31TCJ", "T31TDJ"), ("tile199029", "tile199030")
SIX, SEVEN = ("B1", "B2", "B3", "B4", "B5", "B7"), tuple(f"B{number}" for number in range(1, 8))
SENSORS = {
    # Tiles, bands, and which of them are red, near infrared and short-wave infrared.
    "Landsat5_old": (OLD, SEVEN[:6], ("B3", "B4", "B5")),
    "Landsat8_old": (OLD, SEVEN, ("B4", "B5", "B6")),
    "Landsat5": (MGRS, SIX, ("B3", "B4", "B5")),
    "Landsat7": (MGRS, SIX, ("B3", "B4", "B5")),
    "Landsat8": (MGRS, SEVEN, ("B4", "B5", "B6")),
    "Landsat8_usgs": (WRS, SEVEN, ("B4", "B5", "B6")),
    "Landsat8_usgs_optical": (WRS, SEVEN, ("B4", "B5", "B6")),
}


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    """Return the folder of a sensor's products, made at the first call: two tiles, five dates."""
    made: dict[int, Path] = {}

    def of(sensor: str, tiles: tuple[str, ...]) -> Path:
        simulator = id(SIMULATORS[sensor])
        if simulator not in made:
            made[simulator] = tmp_path_factory.mktemp(sensor)
            simulate(made[simulator], sensor, tiles, FIRST, LAST, 24, 16, seed=12)
        return made[simulator]

    return of


def request_for(sensor: str, root: Path, tiles: tuple[str, ...], **changes) -> Request:
    keys = {
        "output_path": root.parent / "out",
        "tiles": tiles,
        "sensors": (
            SensorRequest(
                sensor=sensor, root=root, start=FIRST, end=LAST, temporal_resolution=STEP
            ),
        ),
        "auto_date": False,
        "functions": calls(*DHI),
        "concat_mode": False,
        "chunking": Chunking(mode="split_number", number=2),
    }
    return Request(**keys | changes)


QUICK = (("Landsat5_old", True), ("Landsat5", False), ("Landsat8_usgs", True))
"""The others run with the longer checks."""


@pytest.mark.parametrize(
    ("sensor", "concat_mode"),
    [
        pytest.param(*one, marks=() if one in QUICK else pytest.mark.slow)
        for one in product(SENSORS, (False, True))
    ],
)
def test_maps_agree_with_the_slow_reference(products, sensor, concat_mode):
    tiles, bands, (red, nir, swir) = SENSORS[sensor]
    root = products(sensor, tiles)
    cloudy = False
    for tile, values in computed(request_for(sensor, root, tiles, concat_mode=concat_mode)).items():
        days, valid, raw = sensor_series(sensor, root, tile, bands)
        filled = {band: interpolated(raw[band], valid, days, TARGETS) for band in bands}
        index = ndvi(filled[red], filled[nir])
        expected = dynamic_habitat(index)
        if concat_mode:
            expected = np.concatenate([native_stack(filled, red, nir, swir), expected])
        expected[:, ~valid.any(axis=0)] = NODATA
        assert values.shape == expected.shape
        np.testing.assert_allclose(values[:-1], expected[:-1], rtol=1e-4, atol=0.02)
        # The variation divides by a mean NDVI that may be near 0: compare what it is made of.
        steady = np.abs(index.mean(axis=0)) > 5
        assert steady.any()
        np.testing.assert_allclose(values[-1][steady], expected[-1][steady], rtol=1e-3)
        cloudy |= bool((~valid).any())
    assert cloudy


@pytest.mark.parametrize(
    ("sensor", "bands"),
    [("Landsat8_usgs_thermal", ["B10"]), ("Landsat8_usgs_infrared", ["B10", "B11"])],
)
def test_thermal_bands_have_their_unit(products, sensor, bands):
    root = products(sensor, WRS)
    asked = request_for(sensor, root, WRS, functions=(), concat_mode=True, indices=False)
    plan, tiles = make_plan(asked)
    about = {one.name: one.about for one in describe(plan, tiles)}
    unit = "kelvin" if bands == ["B10"] else "W/(m2 sr um)"
    label = tiles[WRS[0]].series[0].sensor.label
    assert about[f"get_interpolated_{label}_B10()"] == f"B10, {unit}"
    for tile, plan_of_tile in tiles.items():
        values = tile_values(plan, plan_of_tile)
        days, valid, raw = sensor_series(sensor, root, tile, bands)
        expected = np.stack(
            [interpolated(raw[band], valid, days, TARGETS) for band in bands], axis=1
        ).reshape(values.shape)
        expected[:, ~valid.any(axis=0)] = NODATA
        np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert expected.max() > (280 if bands == ["B10"] else 7)


def test_products_of_two_quantifications_make_one_series(products, tmp_path):
    """Numbers of thousandths among others of ten thousandths count alike."""
    maps = []
    for name in ("alike", "mixed"):
        root = tmp_path / name
        simulate(root, "Landsat8", MGRS[:1], FIRST, LAST, 32, 16, seed=12)
        rewrite_all(root, "*_FRE_*.tif", lambda values: values // 10 * 10)
        if name == "mixed":
            one = sorted((root / MGRS[0]).iterdir())[2]
            for path in one.glob("*_FRE_*.tif"):
                rewrite(path, lambda values: np.where(values == NODATA, NODATA, values // 10))
            (metadata,) = one.glob("*_MTD_ALL.xml")
            text = metadata.read_text()
            assert text.count(">10000<") == 1
            metadata.write_text(text.replace(">10000<", ">1000<"))
        maps.append(computed(request_for("Landsat8", root, MGRS[:1], concat_mode=True))[MGRS[0]])
    np.testing.assert_array_equal(*maps)
    assert (maps[0] != NODATA).any()
