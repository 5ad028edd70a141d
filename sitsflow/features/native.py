"""Features that need no function: reflectances, indices, band math, in iota2's order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.dates import stamp
from sitsflow.errors import ConfigError, ExpressionError, Fault
from sitsflow.features import bandmath
from sitsflow.features.labels import series_labels
from sitsflow.products.sensors.model import Sensor
from sitsflow.request import Request
from sitsflow.timeseries.indices import (
    HAZE,
    Index,
    catalogue_index,
    iota2_indices,
    is_radar_index,
    normalized_difference,
)
from sitsflow.timeseries.series import Series


class NativeFeature(NamedTuple):
    """One band of the features stack; (row, col)."""

    label: str
    values: NDArray[np.float32]


def indices_of(sensor: Sensor, bands: tuple[str, ...], request: Request) -> dict[str, Index]:
    """Return the indices a run offers for a sensor: accessors by these names exist.

    Raises
    ------
    ConfigError
        Naming all indices of the catalogue that the bands do not allow.
    """
    if not sensor.dated:
        return {}
    optical = request.indices and not sensor.is_radar
    found = iota2_indices_of(sensor, bands, request) if optical else {}
    kinds = {one.radar is not None for one in request.sensors if not one.patterns}
    faults = []
    for name in request.spectral_indices:
        if len(kinds) > 1 and is_radar_index(name) != sensor.is_radar:
            continue  # it is of the other kind of sensors
        # The catalogue's NDVI is not x 1000; where iota2's is there its name is taken.
        if name not in found:
            try:
                found[name] = catalogue_index(name, sensor, bands)
            except ExpressionError as error:
                faults.append(Fault("sensors_data_interpolation.spectral_indices", str(error)))
    if faults:
        raise ConfigError(faults)
    return found


def iota2_indices_of(sensor: Sensor, bands: tuple[str, ...], request: Request) -> dict[str, Index]:
    """Return NDVI, NDWI and Brightness of a sensor as a run computes them."""
    haze = HAZE if request.acor_feat else 0.0
    return iota2_indices(sensor, bands, clip=request.clip_indices, haze=haze)


def native_features(series: Sequence[Series], request: Request) -> Iterator[NativeFeature]:
    """Yield the features of each sensor in turn, as iota2 stacks them.

    Reflectances date by date, then each index over all dates, then each additional expression
    over all dates. Where no index is wanted iota2 leaves out its whole feature extraction:
    `copy_input` and `rel_refl` have no effect, and reflectances stay as they are.
    """
    expressions = {one.sensor: one.additional_features for one in request.sensors}
    extracts = request.indices or bool(request.spectral_indices)
    relative = extracts and request.copy_input and request.rel_refl
    radar = [one for one in series if one.plan.radar is not None]
    for one in series:
        if one.plan.radar is not None:
            yield from _backscatter(one, request)
            if one is radar[-1]:
                yield from _of_backscatter(radar, request)
            continue
        if request.copy_input or not extracts or not one.plan.sensor.dated:
            yield from _reflectances(one, request, relative=relative)
        sensor, days = one.plan.sensor, _days(one, request)
        for name in one.indices:
            if name == "NDVI" and relative and not request.keep_duplicates:
                continue  # the near infrared relative to red is the NDVI
            yield from _dated(series_labels(sensor, name, days), one.interpolated(name))
        for number, text in enumerate(expressions.get(one.plan.sensor.name, ()), start=1):
            expression = bandmath.parse(text)
            values = expression(
                {band: one.interpolated(one.plan.bands[band - 1]) for band in expression.bands}
            )
            labels = [f"USER_Features_{number}_{stamp(day)}" for day in days]
            yield from _dated(labels, values)


def _backscatter(series: Series, request: Request) -> Iterator[NativeFeature]:
    """Yield the polarisations of a direction one after the other, then its indices."""
    sensor, days = series.plan.sensor, _days(series, request)
    for name in (*series.plan.bands, *series.indices):
        yield from _dated(series_labels(sensor, name, days), series.interpolated(name))


def _of_backscatter(series: Sequence[Series], request: Request) -> Iterator[NativeFeature]:
    """Yield iota2's features of radar: an expression after the other, ascending orbits first."""
    first = series[0].plan.radar
    assert first is not None
    in_order = sorted(series, key=lambda one: one.plan.sensor.label)
    for number, text in enumerate(first.settings.expressions, start=1):
        for one in in_order:
            expression = bandmath.parse_of(text, one.plan.bands)
            values = expression(
                {band: one.linear(one.plan.bands[band - 1]) for band in expression.bands}
            )
            labels = series_labels(one.plan.sensor, f"userfeature{number}", _days(one, request))
            yield from _dated(labels, values)


def _days(series: Series, request: Request) -> tuple[int, ...]:
    return series.plan.target_days if request.use_gapfilling else series.plan.raw_days


def _dated(labels: Sequence[str], values: NDArray[np.float32]) -> Iterator[NativeFeature]:
    return (NativeFeature(label, values[at]) for at, label in enumerate(labels))


def _reflectances(series: Series, request: Request, *, relative: bool) -> Iterator[NativeFeature]:
    """Yield bands date by date; relative to red, but for red itself, as iota2 has them."""
    sensor, bands = series.plan.sensor, series.plan.bands
    red, clip = sensor.band_of("red"), request.clip_indices
    for at, day in enumerate(_days(series, request)):
        for band in bands:
            values = series.interpolated(band)[at]
            if relative and red is not None and band != red.name:
                reference = series.interpolated(red.name)[at]
                held = series.held_of(band) if clip else None
                values = normalized_difference(values, reference, clip=clip, held=held)
            label = f"{sensor.feature_of(band)}_{stamp(day)}" if sensor.dated else band
            yield NativeFeature(label, values)
