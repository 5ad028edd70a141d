"""What user functions see as ``self``: time series by name, dates, and the user's own raster."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.dates import stamp
from sitsflow.timeseries.series import Series

MASKS = "masks"


class Accessor(NamedTuple):
    """One method user functions may call."""

    name: str
    label: str
    """Label of the sensor."""
    what: str
    """Band or index, or ``masks``."""
    raw: bool
    alias: bool = False
    """True for the names of 2020, kept so that old functions run."""


class Accessors:
    """The data container that user functions take as ``self``: one for each call.

    All that it hands out is the function's own: what one changes no other one sees.

    Attributes
    ----------
    interpolated_dates, raw_dates : dict of str to list of str
        Dates as YYYYMMDD, by sensor label, in the order of the arrays' last axis.
    exogeneous_data_array : ndarray of float32, shape (row, col, band), or None
        The user's raster over this chunk, NaN where it has no data.
    exogeneous_data_name : list of str
        Descriptions of its bands.
    touched : dict of str to set of str
        What was asked for: band and index names by sensor label.
    series : mapping of str to Series
        The sensors' series by label, for functions of sitsflow's own.
    """

    def __init__(
        self,
        series: Mapping[str, Series],
        exogenous: tuple[NDArray[np.float32], list[str]] | None = None,
        *,
        copies: bool = True,
    ) -> None:
        self.series = series
        self._copies = copies
        self.touched: dict[str, set[str]] = {}
        self.interpolated_dates = {
            label: [stamp(day) for day in one.plan.target_days]
            for label, one in series.items()
            if one.plan.sensor.dated
        }
        self.raw_dates = {
            label: [stamp(day) for day in one.plan.raw_days]
            for label, one in series.items()
            if one.plan.sensor.dated
        }
        self.exogeneous_data_name = list(exogenous[1]) if exogenous else []
        self._exogenous = exogenous[0] if exogenous else None
        self._methods = {accessor.name: accessor for accessor in accessors(series)}

    @cached_property
    def exogeneous_data_array(self) -> NDArray[np.float32] | None:
        """The user's raster over this chunk; copied only where a function asks for it."""
        if self._exogenous is None or not self._copies:
            return self._exogenous
        return self._exogenous.copy()

    @property
    def has_raster(self) -> bool:
        """Whether the run has a raster of the user's."""
        return self._exogenous is not None

    def of_sensor(self, label: str | None) -> Series:
        """Return the series of the sensor of that label; None: of the only one with dates.

        Raises
        ------
        ValueError
            If there is none, or several for None.
        """
        if label is not None and label in self.series:
            return self.series[label]
        dated = [name for name, one in self.series.items() if one.plan.sensor.dated]
        if label is None and len(dated) == 1:
            return self.series[dated[0]]
        what = "which sensor? There are" if label is None else f"no sensor {label!r}; there are"
        raise ValueError(f"{what} {', '.join(self.series)}")

    def get_interpolated_dates(self) -> dict[str, list[str]]:
        """Return dates of the interpolated series, YYYYMMDD, by sensor label."""
        return self.interpolated_dates

    def get_raw_dates(self) -> dict[str, list[str]]:
        """Return dates of the raw series, YYYYMMDD, by sensor label."""
        return self.raw_dates

    def get_filled_stack(self) -> NDArray[np.float32]:
        """Return the raw series of all bands of all sensors; (row, col, sensor x date x band).

        Sensors in their order, each date by date, each date band by band. With
        `fill_missing_dates` it holds the dates of all tiles.
        """
        parts = []
        for label, one in self.series.items():
            self.touched.setdefault(label, set()).update(one.plan.bands)
            stack = np.stack([one.raw(band) for band in one.plan.bands], axis=1)
            parts.append(stack.reshape(-1, *stack.shape[2:]))
        return np.moveaxis(np.concatenate(parts), 0, -1)

    def get_filled_masks(self) -> NDArray[np.uint8]:
        """Return the masks of all sensors, as `get_raw_<Sensor>_masks()`; (row, col, date)."""
        for label in self.series:
            self.touched.setdefault(label, set()).add(MASKS)
        masks = np.concatenate([one.masks() for one in self.series.values()])
        return np.moveaxis(masks, 0, -1)

    def lend(self, label: str, what: str) -> NDArray[Any]:
        """Return a band or an index, interpolated, or the masks, for one who changes nothing.

        (date, row, col), not copied.
        """
        self.touched.setdefault(label, set()).add(what)
        series = self.series[label]
        return series.masks() if what == MASKS else series.interpolated(what)

    def __dir__(self) -> list[str]:
        """Name every accessor too, as iota2 does."""
        return sorted({*super().__dir__(), *self._methods})

    def __getattr__(self, name: str) -> Callable[[], NDArray[Any]]:
        methods: dict[str, Accessor] = self.__dict__.get("_methods", {})
        if name in methods:
            return partial(self._get, methods[name])
        near = difflib.get_close_matches(name, list(methods), n=3, cutoff=0.5)
        hint = f"; the nearest are {', '.join(near)}" if near else ""
        raise AttributeError(f"there is no {name!r} in this configuration{hint}")

    def _get(self, accessor: Accessor) -> NDArray[Any]:
        series, touched = (
            self.series[accessor.label],
            self.touched.setdefault(accessor.label, set()),
        )
        if not series.plan.sensor.dated:
            its = [band.name for band in series.plan.sensor.bands if band.group == accessor.what]
            touched.update(its)
            return np.stack([series.interpolated(band)[0] for band in its], axis=-1)
        touched.add(accessor.what)
        if accessor.what == MASKS:
            values: NDArray[Any] = series.masks()
        elif accessor.raw:
            values = series.raw(accessor.what)
        else:
            values = series.interpolated(accessor.what)
            if self._copies:  # a function that works in place must not change the next one's input
                values = values.copy()
        return np.moveaxis(values, 0, -1)


def accessors(series: Mapping[str, Series]) -> list[Accessor]:
    """Return every accessor of a set of series, in the order of sensors and bands."""
    found = []
    for label, one in series.items():
        called = one.plan.sensor.accessor_of
        if not one.plan.sensor.dated:
            groups = dict.fromkeys(band.group for band in one.plan.sensor.bands if band.group)
            found += [
                Accessor(f"get_interpolated_{called(group)}", label, group, False)
                for group in groups
            ]
            continue
        names = (*one.plan.bands, *one.indices)
        found += [
            Accessor(f"get_interpolated_{called(name)}", label, name, False) for name in names
        ]
        found += [Accessor(f"get_raw_{called(band)}", label, band, True) for band in one.plan.bands]
        found.append(Accessor(f"get_raw_{called(MASKS)}", label, MASKS, True))
        found += [Accessor(f"get_{called(name)}", label, name, False, alias=True) for name in names]
    return found
