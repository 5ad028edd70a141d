"""Features that need no function: reflectances, indices, band math, in iota2's order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.dates import stamp
from sitsflow.features import bandmath
from sitsflow.features.labels import series_labels
from sitsflow.products.sensors.model import Sensor
from sitsflow.request import Request
from sitsflow.timeseries.indices import Index, catalogue_index, iota2_indices, normalized_difference
from sitsflow.timeseries.series import Series


class NativeFeature(NamedTuple):
    """One band of the features stack; (row, col)."""

    label: str
    values: NDArray[np.float32]


def indices_of(sensor: Sensor, bands: tuple[str, ...], request: Request) -> dict[str, Index]:
    """Return the indices a run offers for a sensor: accessors by these names exist."""
    clip = request.clip_indices
    found = iota2_indices(sensor, bands, clip=clip) if request.indices else {}
    for name in request.spectral_indices:
        # The catalogue's NDVI is not x 1000; where iota2's is there its name is taken.
        if name not in found:
            found[name] = catalogue_index(name, sensor, bands)
    return found


def native_features(series: Sequence[Series], request: Request) -> Iterator[NativeFeature]:
    """Yield the features of each sensor in turn, as iota2 stacks them.

    Reflectances date by date, then each index over all dates, then each additional expression
    over all dates.
    """
    expressions = {one.sensor: one.additional_features for one in request.sensors}
    for one in series:
        if request.copy_input:
            yield from _reflectances(one, request)
        label, days = one.plan.sensor.label, _days(one, request)
        relative = request.copy_input and request.rel_refl
        for name in one.indices:
            if name == "NDVI" and relative and not request.keep_duplicates:
                continue  # the near infrared relative to red is the NDVI
            yield from _dated(series_labels(label, name, days), one.interpolated(name))
        for number, text in enumerate(expressions.get(one.plan.sensor.name, ()), start=1):
            expression = bandmath.parse(text)
            values = expression(
                {band: one.interpolated(one.plan.bands[band - 1]) for band in expression.bands}
            )
            labels = [f"USER_Features_{number}_{stamp(day)}" for day in days]
            yield from _dated(labels, values)


def _days(series: Series, request: Request) -> tuple[int, ...]:
    return series.plan.target_days if request.use_gapfilling else series.plan.raw_days


def _dated(labels: Sequence[str], values: NDArray[np.float32]) -> Iterator[NativeFeature]:
    return (NativeFeature(label, values[at]) for at, label in enumerate(labels))


def _reflectances(series: Series, request: Request) -> Iterator[NativeFeature]:
    sensor, bands = series.plan.sensor, series.plan.bands
    red = sensor.band_of("red")
    for at, day in enumerate(_days(series, request)):
        for band in bands:
            values = series.interpolated(band)[at]
            if request.rel_refl and red is not None:
                values = normalized_difference(values, series.interpolated(red.name)[at])
            yield NativeFeature(f"{sensor.label}_{band}_{stamp(day)}", values)
