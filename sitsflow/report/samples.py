"""Time series of a few pixels of the map: as observed, and as interpolated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import SitsflowError
from sitsflow.features.native import iota2_indices_of
from sitsflow.geo.grid import Window
from sitsflow.io.opening import reading_for
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.radar.calibration import decibels
from sitsflow.report.pixels import MapOverview
from sitsflow.report.places import spread
from sitsflow.timeseries.observations import ObservationSource
from sitsflow.timeseries.observing import observe
from sitsflow.timeseries.series import Series

_MOST_PIXELS = 6
_FEWEST_PIXELS = 4
_MOST_READS = 2400  # files opened for all pixels together

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One sensor at one pixel; a value that a product lacks is NaN."""

    sensor: str
    days: tuple[int, ...]
    raw: Values
    valid: NDArray[np.bool_]
    target_days: tuple[int, ...]
    interpolated: Values
    """Of the target days; empty where the run does not interpolate."""


@dataclass(frozen=True)
class Sample:
    """One pixel: its number on the map, its place, and its curves."""

    number: int
    tile: str
    x: float
    y: float
    left: float
    """Place on the picture, a fraction of its width from the left; `top` of its height."""
    top: float
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Quantity:
    """What is drawn: NDVI, or a band in digital numbers, and for which sensors."""

    name: str
    unit: str
    sensors: frozenset[str]

    @property
    def is_ndvi(self) -> bool:
        """Whether it is the NDVI, -1 to 1."""
        return not self.unit

    @property
    def most(self) -> float:
        """Largest value that makes sense; none smaller than its opposite does."""
        return 1.0 if self.is_ndvi else math.inf


def quantity_of(series: tuple[SeriesPlan, ...]) -> Quantity | None:
    """Choose what is drawn: NDVI where the run reads its bands, else the first band it reads."""
    able = frozenset(one.sensor.label for one in series if _ndvi_bands(one))
    if able:
        return Quantity("NDVI", "", able)
    for one in series:
        if one.read:
            unit = one.sensor.unit or f"digital numbers, {one.sensor.unit_text}"
            return Quantity(one.read[0], unit, frozenset({one.sensor.label}))
    return None


def take_samples(
    plan: Plan, tiles: Mapping[str, TilePlan], overview: MapOverview, quantity: Quantity
) -> tuple[list[Sample], list[str]]:
    """Read the series of pixels that have a value, spread over the map.

    Returns the samples, and what kept others from being read.
    """
    samples: list[Sample] = []
    problems: dict[str, None] = {}
    finite = np.isfinite(overview.values)
    everywhere: NDArray[np.bool_] = np.logical_and.reduce(finite, axis=0)
    seen = everywhere if everywhere.any() else np.logical_or.reduce(finite, axis=0)
    with reading_for(plan.request):
        for row, col in islice(spread(seen, _count(tiles, quantity)), _MOST_PIXELS):
            try:
                sample = _sample(plan, tiles, overview, quantity, (row, col), len(samples) + 1)
            except SitsflowError as error:
                problems[str(error)] = None
                continue
            if sample is not None:
                samples.append(sample)
    return samples, list(problems)


def _count(tiles: Mapping[str, TilePlan], quantity: Quantity) -> int:
    """How many pixels: fewer where each needs many files."""
    files = max(
        sum(
            len(one.scenes) * (len(one.sensor.masks) + 2 * (2 if quantity.is_ndvi else 1))
            for one in tile.series
            if one.sensor.label in quantity.sensors
        )
        for tile in tiles.values()
    )
    return max(_FEWEST_PIXELS, min(_MOST_PIXELS, _MOST_READS // max(1, files)))


def _sample(
    plan: Plan,
    tiles: Mapping[str, TilePlan],
    overview: MapOverview,
    quantity: Quantity,
    place: tuple[int, int],
    number: int,
) -> Sample | None:
    grid = plan.mosaic_grid
    top, left = (
        (at + 0.5) / size for at, size in zip(place, overview.values.shape[1:], strict=True)
    )
    # The centre of the pixel, not of the decimated one.
    down, right = math.floor(top * grid.height) + 0.5, math.floor(left * grid.width) + 0.5
    x, y = grid.x + right * grid.xres, grid.y - down * grid.yres
    for tile in plan.tile_names:
        window = tiles[tile].grid.pixel_at(x, y)
        if window is None:
            continue
        curves = tuple(
            _curve(plan, tiles[tile], one, window, quantity)
            for one in tiles[tile].dated_series
            if one.sensor.label in quantity.sensors
        )
        if any(curve.valid.any() for curve in curves):
            return Sample(number, tile, x, y, left, top, curves)
    return None


def _curve(
    plan: Plan, tile: TilePlan, one: SeriesPlan, window: Window, quantity: Quantity
) -> Curve:
    bands = _ndvi_bands(one) if quantity.is_ndvi else (quantity.name,)
    read = _CachedBands(observe(one, tile.grid, window, plan.request.resampling), bands)
    indices = iota2_indices_of(one.sensor, one.bands, plan.request) if quantity.is_ndvi else {}
    series = Series(
        one,
        read,
        indices,
        gapfilling=plan.request.use_gapfilling,
        interpolation=plan.request.interpolation,
    )
    scale = 1000 if quantity.is_ndvi else 1  # iota2's NDVI is x 1000
    seen = {band: read.band(band) for band in bands}
    raw = indices["NDVI"].compute(seen) if quantity.is_ndvi else seen[quantity.name]
    if one.radar is not None and one.radar.settings.decibels:
        raw = decibels(raw)
    filled = series.interpolated(quantity.name) if plan.request.use_gapfilling else raw[:0]
    return Curve(
        sensor=one.sensor.platform,
        days=one.days,
        raw=raw[:, 0, 0].astype(np.float64) / scale,
        valid=read.valid[:, 0, 0] & np.isfinite(raw[:, 0, 0]),
        target_days=one.target_days if plan.request.use_gapfilling else (),
        interpolated=filled[:, 0, 0].astype(np.float64) / scale,
    )


class _CachedBands:
    """Observations whose bands are read once, for the raw curve and the interpolated one."""

    def __init__(self, observed: ObservationSource, bands: tuple[str, ...]) -> None:
        self.shape = observed.shape
        self.valid = observed.valid
        self._bands = {band: observed.band(band, clouded=True) for band in bands}

    def band(self, name: str, *, clouded: bool = False) -> NDArray[np.float32]:
        """Return one band, clouds and all; (date, row, col)."""
        del clouded
        return self._bands[name]


def _ndvi_bands(one: SeriesPlan) -> tuple[str, ...]:
    """Near infrared and red, empty where the run does not read both."""
    bands = (one.sensor.band_of("nir"), one.sensor.band_of("red"))
    names = tuple(band.name for band in bands if band is not None)
    return names if len(names) == 2 and set(names) <= set(one.read) else ()
