"""Native features of sensors of 7 and of 10 bands, against what iota2's extraction is known to do.

The reference follows a description of `iota2FeatureExtraction` of the Orfeo ToolBox, date by date
and pixel by pixel, with red as the reference of relative reflectances.
"""

from __future__ import annotations

import math
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sitsflow.errors import ConfigError
from sitsflow.features.native import indices_of, native_features
from sitsflow.plan import SeriesPlan
from sitsflow.products.scenes import Scene
from sitsflow.products.sensors import load_sensors
from sitsflow.request import Request, SensorRequest
from sitsflow.timeseries.series import Series

DAYS = (17532, 17542)  # 2018-01-01 and 2018-01-11
ROLES = {"Sentinel_2": ("B4", "B8", "B11"), "Landsat8_old": ("B4", "B5", "B6")}  # red, nir, swir
ADDITIONAL = {"b1 + b2": lambda *b: b[0] + b[1], "b7 * 2": lambda *b: b[6] * 2}
SIZE = {"Sentinel_2": 10, "Landsat8_old": 7}


class Observed:
    """Two dates of 2 x 3 pixels, all valid; some reflectances are negative."""

    valid = np.ones((2, 2, 3), bool)

    def __init__(self, bands: tuple[str, ...]) -> None:
        values = np.random.default_rng(5).integers(-300, 4000, (len(bands), 2, 2, 3))
        values[:, 1, 1, 1] = 0
        self.bands = dict(zip(bands, values.astype(np.float32), strict=True))

    def band(self, name: str, *, clouded: bool = False) -> np.ndarray:
        del clouded
        return self.bands[name]


def series_of(
    sensor_name: str, bands: tuple[str, ...], request: Request
) -> tuple[Series, Observed]:
    sensor = load_sensors()[sensor_name]
    scenes = tuple(Scene(product=Path(str(day)), day=day, bands={}, masks={}) for day in DAYS)
    plan = SeriesPlan(
        sensor=sensor, scenes=scenes, grids={}, target_days=DAYS, bands=bands, read=bands,
        raw_days=DAYS,
    )  # fmt: skip
    observed = Observed(sensor.band_names)
    return Series(plan, observed, indices_of(sensor, bands, request)), observed


def request_for(sensor: str, additional: tuple[str, ...] = (), **keys: Any) -> Request:
    wanted = SensorRequest(
        sensor=sensor, root=Path("/x"), temporal_resolution=10, start=date(2018, 1, 1),
        end=date(2018, 1, 11), additional_features=additional,
    )  # fmt: skip
    return Request(output_path=Path("/y"), tiles=("T",), sensors=(wanted,), **keys)


def quotient(one: float, other: float, clip: bool) -> float:
    total = one + other
    found = 0.0 if abs(total) < 1e-5 else (one - other) / total * 1000
    return max(-1000.0, min(1000.0, found)) if clip else found


def expected(
    sensor: str, bands: tuple[str, ...], observed: Observed, request: Request
) -> dict[str, np.ndarray]:
    """What iota2 writes, by label and in its order; clipped where the request says so."""
    red, nir, swir = ROLES[sensor]
    label = load_sensors()[sensor].label
    clip, found = request.clip_indices, {}
    pixels = {band: observed.bands[band].astype(float) for band in bands}

    def each(function: Any, *names: str) -> np.ndarray:
        out = np.empty((2, 2, 3))
        for place in np.ndindex(out.shape):
            out[place] = function(*(pixels[name][place] for name in names))
        return out

    days = ("20180101", "20180111")
    extracts, relative = request.indices, request.indices and request.rel_refl
    for at, day in enumerate(days):
        for band in bands if request.copy_input or not extracts else ():
            if relative and band != red:
                values = each(lambda one, other: quotient(one, other, clip), band, red)
            else:
                values = pixels[band]
            found[f"{label}_{band}_{day}"] = values[at]
    if extracts:
        indices = {
            "NDVI": each(lambda n, r: quotient(n, r, clip), nir, red),
            "NDWI": each(lambda s, n: quotient(s, n, clip), swir, nir),
            "Brightness": each(lambda *all_: math.sqrt(sum(v * v for v in all_)), *bands),
        }
        if relative and request.copy_input and not request.keep_duplicates:
            del indices["NDVI"]
        for name, (at, day) in product(indices, enumerate(days)):
            found[f"{label}_{name}_{day}"] = indices[name][at]
    for number, text in enumerate(request.sensors[0].additional_features, start=1):
        values = ADDITIONAL[text](*pixels.values())
        found |= {f"USER_Features_{number}_{day}": values[at] for at, day in enumerate(days)}
    return found


@pytest.mark.parametrize("sensor", ROLES)
@pytest.mark.parametrize("indices", [True, False])
@pytest.mark.parametrize("kept", [pytest.param(False, marks=pytest.mark.slow), True])
def test_native_features_are_iota2s(sensor: str, indices: bool, kept: bool) -> None:
    every = load_sensors()[sensor].band_names
    assert len(every) == SIZE[sensor]
    bands = tuple(b for b in every if b in {*ROLES[sensor], every[0]}) if kept else every
    flags = product((True, False), repeat=4)
    for copy_input, rel_refl, keep_duplicates, clip_indices in flags:
        request = request_for(
            sensor,
            () if kept else tuple(ADDITIONAL),
            indices=indices,
            copy_input=copy_input,
            rel_refl=rel_refl,
            keep_duplicates=keep_duplicates,
            clip_indices=clip_indices,
        )
        series, observed = series_of(sensor, bands, request)
        found = {one.label: one.values for one in native_features([series], request)}
        wanted = expected(sensor, bands, observed, request)
        assert list(found) == list(wanted)
        for label, values in wanted.items():
            np.testing.assert_allclose(found[label], values, rtol=2e-5, err_msg=label)


def test_relative_reflectances_leave_red_alone_and_note_what_is_held() -> None:
    request = request_for("Landsat8_old", rel_refl=True)
    bands = load_sensors()["Landsat8_old"].band_names
    series, observed = series_of("Landsat8_old", bands, request)
    found = {one.label: one.values for one in native_features([series], request)}
    np.testing.assert_array_equal(found["Landsat8Old_B4_20180101"], observed.bands["B4"][0])
    red, green = observed.bands["B4"], observed.bands["B3"]
    with np.errstate(all="ignore"):
        beyond = (np.abs((green - red) / (green + red)) > 1).any(axis=0)
    assert beyond.any()
    np.testing.assert_array_equal(series.held["B3"], beyond)
    assert "B4" not in series.held


def test_functions_see_reflectances_also_where_native_features_are_relative() -> None:
    request = request_for("Sentinel_2", rel_refl=True)
    series, observed = series_of("Sentinel_2", ("B3", "B4", "B8", "B11"), request)
    list(native_features([series], request))
    np.testing.assert_array_equal(series.interpolated("B8"), observed.bands["B8"])


def test_without_iota2s_indices_those_of_spyndex_let_copy_input_count() -> None:
    request = request_for("Sentinel_2", indices=False, copy_input=False, spectral_indices=("EVI",))
    series, _ = series_of("Sentinel_2", load_sensors()["Sentinel_2"].band_names, request)
    labels = [one.label for one in native_features([series], request)]
    assert labels == ["Sentinel2_EVI_20180101", "Sentinel2_EVI_20180111"]


def test_all_indices_that_bands_do_not_allow_are_named() -> None:
    names = ("EVI", "DpRVIHH", "NDVI", "NDSI")
    request = request_for("Sentinel_2", indices=False, spectral_indices=names)
    with pytest.raises(ConfigError) as raised:
        indices_of(load_sensors()["Sentinel_2"], ("B2", "B4", "B8"), request)
    assert {one.place for one in raised.value.faults} == {
        "sensors_data_interpolation.spectral_indices"
    }
    assert [one.message.partition(", which")[0] for one in raised.value.faults] == [
        "index DpRVIHH needs 'HV' (a polarisation)",
        "index NDSI needs 'G' (Green)",
    ]


def test_indices_are_corrected_where_it_is_asked_for() -> None:
    request = request_for("Landsat8_old", acor_feat=True)
    series, _ = series_of("Landsat8_old", ("B3", "B4", "B5", "B6"), request)
    found = {one.label: one.values for one in native_features([series], request)}
    (day, *_) = (label.rpartition("_")[2] for label in found if "NDVI" in label)
    red, nir = (found[f"Landsat8Old_{band}_{day}"].astype(float) for band in ("B4", "B5"))
    expected = ((nir - red - 0.05) / (nir + red + 0.05) * 1000).clip(-1000, 1000)
    np.testing.assert_allclose(found[f"Landsat8Old_NDVI_{day}"], expected, rtol=1e-5)
    assert not np.array_equal(expected, ((nir - red) / (nir + red) * 1000).clip(-1000, 1000))
