"""One sensor's time series over one chunk: raw, interpolated, and the indices made of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitsflow.dates import positions
from sitsflow.plan import SeriesPlan
from sitsflow.radar.calibration import decibels
from sitsflow.request import Interpolation
from sitsflow.timeseries.indices import Index
from sitsflow.timeseries.interpolation import interpolate
from sitsflow.timeseries.observations import Bools, Floats, ObservationSource

log = logging.getLogger(__name__)

VALID, UNUSABLE, NOT_ACQUIRED = 0, 1, 2
"""Values of the masks that user functions see."""

_LINEAR = Interpolation()


class Series:
    """A sensor's series; what is computed once is kept for the life of the chunk.

    Parameters
    ----------
    plan : SeriesPlan
        Dates, bands, sensor.
    observed : ObservationSource
        Where pixels come from.
    indices : mapping of str to Index
        Indices that may be asked for by name.
    gapfilling : bool
        False: "interpolated" series are the raw ones.
    interpolation : Interpolation
        How the others are made.
    where : str
        Tile and chunk, for the log.
    late : set of str, optional
        Bands that are read though the plan does not, of which the log has said so.
    """

    def __init__(
        self,
        plan: SeriesPlan,
        observed: ObservationSource,
        indices: Mapping[str, Index],
        *,
        gapfilling: bool = True,
        interpolation: Interpolation = _LINEAR,
        where: str = "",
        late: set[str] | None = None,
    ) -> None:
        self.plan = plan
        self.indices = indices
        self._observed = observed
        self._gapfilling = gapfilling
        # Of a raster without dates the only value is that of all dates.
        self._interpolation = interpolation if plan.sensor.dated else _LINEAR
        self._decibels = False
        if plan.radar is not None:
            self._interpolation = Interpolation(method=plan.radar.settings.interpolation)
            self._decibels = plan.radar.settings.decibels
        self._where = where
        self._late = set() if late is None else late
        self.held: dict[str, Bools] = {}
        """Where an index (or a relative reflectance) was held within its range on some date."""
        self._kept: dict[str, Floats] = {}
        self._raw: dict[str, Floats] = {}
        self._in_decibels: dict[str, Floats] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._observed.shape

    @property
    def interpolated_days(self) -> tuple[int, ...]:
        """Days of what `interpolated` returns: the raw ones where nothing is interpolated."""
        return self.plan.target_days if self._gapfilling else self.plan.raw_days

    def interpolated(self, name: str) -> Floats:
        """Return a band or an index on the target days; (date, row, col).

        Bands are in digital numbers, or decibels if radar is wanted so. NaN where a pixel has no
        valid date.
        """
        if self._decibels and name not in self.indices:
            if name not in self._in_decibels:
                self._in_decibels[name] = decibels(self.linear(name))
            return self._in_decibels[name]
        return self.linear(name)

    def linear(self, name: str) -> Floats:
        """Return what `interpolated` does, of radar always as linear power."""
        if name not in self._kept:
            if name in self.indices:
                index = self.indices[name]
                self._kept[name] = index.compute(
                    {band: self.linear(band) for band in index.bands},
                    self.held_of(name) if index.clips else None,
                )
            elif self._gapfilling:
                # Not kept: a series as observed is wanted again only where it was asked for raw.
                values = self._raw[name] if name in self._raw else self._band(name)
                self._kept[name] = interpolate(
                    values,
                    self._observed.valid,
                    self.plan.days,
                    self.plan.target_days,
                    self._interpolation,
                )
            else:
                self._kept[name] = self._on_raw_days(
                    self._band(name, clouded=True), np.float32(np.nan)
                )
        return self._kept[name]

    def held_of(self, name: str) -> Bools:
        """Return the entry of `held` of a name, to be set where its values are held; (row, col)."""
        return self.held.setdefault(name, np.zeros(self._observed.valid.shape[1:], bool))

    def raw(self, band: str) -> Floats:
        """Return a band as observed on the raw days, clouds and all; (date, row, col).

        The sensor's nodata value stands where a product has no data, and on days on which this
        tile was not seen.
        """
        nodata = np.float32(self.plan.sensor.raw_nodata)
        values = self.observed(band)
        return np.where(np.isnan(values), nodata, values)

    def observed(self, name: str) -> Floats:
        """Return a band or an index as observed on the raw days; (date, row, col).

        NaN where there is no data. Not the caller's own.
        """
        if name in self.indices:
            index = self.indices[name]
            return index.compute({band: self._seen(band) for band in index.bands})
        return decibels(self._seen(name)) if self._decibels else self._seen(name)

    def _seen(self, band: str) -> Floats:
        if band not in self._raw:
            self._raw[band] = self._band(band, clouded=True)
        return self._on_raw_days(self._raw[band], np.float32(np.nan))

    def forget_raw(self, band: str) -> None:
        """Leave the memory of a band as observed, for one who does not ask for it again."""
        self._raw.pop(band, None)

    def masks(self) -> NDArray[np.uint8]:
        """Return 0 valid, 1 cloud, edge or saturated, 2 not acquired; (date, row, col)."""
        states = np.where(self._observed.valid, VALID, UNUSABLE).astype(np.uint8)
        return self._on_raw_days(states, np.uint8(NOT_ACQUIRED))

    def has_data(self, names: Iterable[str] = ()) -> Bools:
        """Tell which pixels have a valid date; (row, col).

        Of the bands that `names` (of bands and indices) stand for, too, where they were
        interpolated: a product may lack a band's data where no mask says so.
        """
        has = np.asarray(self._observed.valid.any(axis=0))
        indices = [self.indices[name].bands for name in names if name in self.indices]
        for band in {*names}.union(*indices) if self._gapfilling else ():
            if band in self._kept and band not in self.indices and len(self._kept[band]):
                has &= ~np.isnan(self._kept[band][0])
        return has

    def _band(self, name: str, *, clouded: bool = False) -> Floats:
        full_name = f"{self.plan.sensor.label} {name}"
        if self._where and name not in self.plan.read and full_name not in self._late:
            self._late.add(full_name)
            log.warning(
                "%s: %s is read late: no function asked for it when it was tried on made-up pixels",
                self._where,
                full_name,
            )
        return self._observed.band(name, clouded=clouded)

    def _on_raw_days(self, values: NDArray[Any], missing: np.generic) -> NDArray[Any]:
        if self.plan.raw_days == self.plan.days:
            return values
        out = np.full((len(self.plan.raw_days), *values.shape[1:]), missing, values.dtype)
        out[positions(self.plan.days, self.plan.raw_days)] = values
        return out
