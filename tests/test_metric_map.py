"""A map of metrics, made by a whole run, against the same by other means on some of its pixels."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import rasterio
import scipy.stats

from sitsflow.request import FunctionCall
from sitsflow.timeseries.phenology import TRAITS, Rules
from tests.reference_map import day_of, interpolated, ndvi, sentinel2_series
from tests.requests import TILES, sentinel2, tutorial
from tests.serial_run import run
from tests.sitsflow.timeseries.test_phenology import slow_seasons

NODATA = -10000
EVERY = 9
"""Of the map's rows and columns one in so many is computed again."""
STATISTICS = ("sum", "min", "max", "mean", "std", "cv", "p10", "p90", "iqr", "amplitude")
ONE_OF_EACH = ("max_day", "min_day", "slope", "theil_sen", "harmonic_amplitude")
RULES = Rules(threshold=0.2, min_rise=0.02)
"""So small a rise makes a second season of some pixels."""
SEASON = tuple(f"season_{name}" for name in TRAITS)


def slow_metrics(series: np.ndarray, days: np.ndarray) -> list[float]:
    """Those above of one pixel, then its number of seasons and the traits of the first two."""
    low, high, q1, q3 = np.percentile(series, [10, 90, 25, 75])
    angle = 2 * np.pi * days / 365.25
    design = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], axis=1)
    wave = np.linalg.lstsq(design, series)[0]
    seasons = list(slow_seasons(series, days, RULES))
    empty = [(np.nan,) * len(TRAITS)] * 2
    return [
        series.sum(), series.min(), series.max(), series.mean(), series.std(),
        series.std() / series.mean(), low, high, q3 - q1, np.ptp(series),
        days[series.argmax()], days[series.argmin()],
        scipy.stats.linregress(days / 365.25, series).slope,
        scipy.stats.theilslopes(series, days / 365.25).slope,
        np.hypot(*wave[1:]), len(seasons),
        # Trait by trait, as the map has them.
        *np.array([*seasons, *empty][:2]).T.ravel(),
    ]  # fmt: skip


def test_a_map_of_metrics(products: Path, tmp_path: Path) -> None:
    functions = (
        FunctionCall(
            name="metrics",
            kwargs={
                "of": ["ndvi"],
                "what": [*STATISTICS, *ONE_OF_EACH, "season_count", *SEASON],
                "seasons": 2,
                **RULES._asdict(),
            },
        ),
        FunctionCall(name="b8_p50"),
        FunctionCall(name="valid_count"),
        FunctionCall(name="valid_first"),
    )
    sensor = sentinel2(products, start=date(2018, 1, 10), end=date(2018, 12, 20))
    run(tutorial(products, tmp_path / "map", functions=functions, sensors=(sensor,)))
    with rasterio.open(tmp_path / "map" / "final" / "features_map.tif") as file:
        labels, found = file.descriptions, file.read()[:, ::EVERY, ::EVERY]

    days, valid, bands = sentinel2_series(products, TILES[0], ["B4", "B8"])
    valid = valid[:, ::EVERY, ::EVERY]
    targets = np.arange(day_of("20180110"), day_of("20181220") + 1, 10)
    red, nir = (
        interpolated(values[:, ::EVERY, ::EVERY], valid, days, targets) for values in bands.values()
    )
    series = ndvi(red, nir)
    new_year = day_of("20180101")
    expected = np.full(found.shape, np.nan)
    for row, col in np.argwhere(valid.any(axis=0)):
        numbers = (targets - new_year + 1).astype(float)
        seen = np.array(days)[valid[:, row, col]] - new_year + 1
        expected[:, row, col] = [
            *slow_metrics(series[:, row, col], numbers), np.median(nir[:, row, col]),
            len(set(seen)), seen[0],
        ]  # fmt: skip
    assert labels[0] == "Sentinel2_NDVI_sum"
    assert labels[16:18] == (
        "Sentinel2_NDVI_season_start_t20_1",
        "Sentinel2_NDVI_season_start_t20_2",
    )
    assert labels[-3:] == ("Sentinel2_B8_p50", "Sentinel2_valid_count", "Sentinel2_valid_first")
    np.testing.assert_array_equal(found == NODATA, np.isnan(expected))
    assert np.isfinite(expected[16:]).any(axis=(1, 2)).all()
    expected[np.isnan(expected)] = NODATA
    for label, one, other in zip(labels, found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=0.02, err_msg=label)
