"""A part of a chunk: the pixels of it that are computed at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.dates import stamp
from sitsflow.errors import FunctionError
from sitsflow.features.accessors import Accessors
from sitsflow.features.exogenous import read_exogenous
from sitsflow.features.functions import Functions, planned_functions
from sitsflow.features.native import indices_of, native_features
from sitsflow.features.results import check_labels, check_shape, labels_of
from sitsflow.features.time_limit import TimeLimit
from sitsflow.geo.area import inside, read_area
from sitsflow.geo.grid import Window
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.timeseries.observations import ObservationSource
from sitsflow.timeseries.observing import observe
from sitsflow.timeseries.series import Series

log = logging.getLogger(__name__)

Bools = NDArray[np.bool_]
Raster = tuple[NDArray[np.float32], list[str]] | None


class Counts(NamedTuple):
    """What was counted in a part; see `sitsflow.steps.chunk.ChunkFeatures`."""

    undefined: dict[str, int]
    pixels: int
    valid: dict[str, dict[str, int]]
    held: dict[str, int]


class ChunkWork:
    """What the parts of a chunk share.

    Parameters
    ----------
    plan : Plan
    tile_plan : TilePlan
    where : str
        Tile and chunk, for messages.
    """

    def __init__(self, plan: Plan, tile_plan: TilePlan, where: str) -> None:
        self.plan = plan
        self.tile_plan = tile_plan
        self.where = where
        self.limit = TimeLimit(plan.request.timeout, where)
        self.late: set[str] = set()
        """Bands that were read though the plan does not, of which the log says so once."""

    @cached_property
    def functions(self) -> Functions:
        """The functions of the run as they were when it was planned."""
        return planned_functions(self.plan)


class PartSources:
    """What the parts of a window that are computed in turn are made of: read for all of them.

    Parameters
    ----------
    work : ChunkWork
    window : Window
        Holds the parts.
    shared : bool
        Whether what is read is kept until the last part is done; otherwise a part reads its own.
    """

    def __init__(self, work: ChunkWork, window: Window, *, shared: bool) -> None:
        plan, tile_plan = work.plan, work.tile_plan
        self._window = window
        self._wanted = _wanted(plan, tile_plan, window)
        box = window if self._wanted is None else _box(window, self._wanted)
        series = tile_plan.series
        self.observed: Sequence[ObservationSource | None] = [None] * len(series)
        if shared and box is not None:
            padded = _padded(box, plan.request.padding, tile_plan)
            self.observed = [
                observe(one, tile_plan.grid, padded, plan.request.resampling) for one in series
            ]

    def wanted(self, part: Window) -> Bools | None:
        """Return which pixels of a part lie in the area of interest; None: all."""
        rows, cols = part.relative_to(self._window).slices
        return None if self._wanted is None else self._wanted[rows, cols]


def compute_part(
    work: ChunkWork, sources: PartSources, window: Window, out: NDArray[np.float32]
) -> Counts:
    """Fill `out`, (band, row, col), with the features of a window of the tile.

    Raises
    ------
    FunctionError
        If a user function fails, or with `strict` leaves a pixel undefined.
    ReadError
        If a product's file cannot be read.
    """
    nodata = work.plan.request.no_data_value
    wanted = sources.wanted(window)
    core = window if wanted is None else _box(window, wanted)
    if core != window:
        out[...] = nodata
    if core is None:
        return Counts({}, 0, {}, {})
    rows, cols = core.relative_to(window).slices
    inner = out[:, rows, cols]
    keep = None if wanted is None else wanted[rows, cols]
    part = _Part(work, sources, core, keep)
    undefined = part.compute(inner)
    if keep is not None:
        inner[:, ~keep] = nodata
    pixels = inner[0].size if keep is None else int(np.count_nonzero(keep))
    return Counts(undefined, pixels, part.valid_pixels(), part.held_pixels())


def _wanted(plan: Plan, tile_plan: TilePlan, window: Window) -> Bools | None:
    path = plan.request.area_of_interest
    if path is None:
        return None
    return inside(read_area(path, tile_plan.grid.crs), tile_plan.grid.part(window))


def _box(window: Window, wanted: Bools) -> Window | None:
    """Return the smallest part of `window` that holds all wanted pixels."""
    rows, cols = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    if rows.size == 0:
        return None
    return Window(
        row=window.row + int(rows[0]),
        col=window.col + int(cols[0]),
        height=int(rows[-1] - rows[0]) + 1,
        width=int(cols[-1] - cols[0]) + 1,
    )


def _padded(core: Window, padding: tuple[int, int], tile_plan: TilePlan) -> Window:
    """Grow a window by columns and rows, as far as its tile goes: less at a tile's edge."""
    room = tile_plan.room or tile_plan.grid.whole
    inner = core.relative_to(room).padded(padding[1], padding[0], room.shape)
    return inner.model_copy(update={"row": inner.row + room.row, "col": inner.col + room.col})


class _Part:
    """The computation of a part's bands, one after the other."""

    def __init__(
        self, work: ChunkWork, sources: PartSources, core: Window, keep: Bools | None
    ) -> None:
        self._work = work
        self._plan, self._tile_plan, self._where = work.plan, work.tile_plan, work.where
        request, tile_plan = work.plan.request, work.tile_plan
        self._core = core
        self._keep = keep
        self._padded = _padded(core, request.padding, tile_plan)
        self._inner = core.relative_to(self._padded).slices
        self._observed = [
            observe(one, tile_plan.grid, self._padded, request.resampling, within)
            for one, within in zip(tile_plan.series, sources.observed, strict=True)
        ]
        self._series = [
            Series(
                one,
                observed,
                indices_of(one.sensor, one.bands, request),
                gapfilling=request.use_gapfilling,
                interpolation=request.interpolation,
                where=work.where,
                late=work.late,
            )
            for one, observed in zip(tile_plan.series, self._observed, strict=True)
        ]

    def compute(self, out: NDArray[np.float32]) -> dict[str, int]:
        """Fill `out`, (band, row, col) of the core; return the undefined pixels a band."""
        request = self._plan.request
        at = 0
        if request.concat_mode:
            for feature in native_features(self._series, request):
                values = feature.values[self._inner]
                out[at] = np.where(np.isfinite(values), values, request.no_data_value)
                at += 1
        if not request.functions:
            return {}
        functions = self._work.functions
        raster = read_exogenous(request, self._tile_plan.tile, self._tile_plan.grid, self._padded)
        undefined: dict[str, int] = {}
        # Entered for each part: the time of native features does not count.
        with self._work.limit as limit:
            for number, planned in enumerate(self._plan.functions, start=1):
                part = out[at : at + len(planned.labels)]
                made = self._call(functions, number, raster, limit, part)
                for label, count in made.items():  # two functions may give the same label
                    undefined[label] = undefined.get(label, 0) + count
                at += len(planned.labels)
        return undefined

    def valid_pixels(self) -> dict[str, dict[str, int]]:
        """Count the pixels that no mask excludes, by sensor and day, of sensors that are read."""
        return {
            one.sensor.label: _by_day(one, observed.valid[:, *self._inner], self._keep)
            for one, observed in zip(self._tile_plan.series, self._observed, strict=True)
            if one.read and one.sensor.dated
        }

    def held_pixels(self) -> dict[str, int]:
        """Count the pixels of which an index was held within its range, by its label, if any."""
        counts = {}
        for one in self._series:
            for name, held in one.held.items():
                here = held[self._inner] if self._keep is None else held[self._inner] & self._keep
                counts[f"{one.plan.sensor.label}_{name}"] = int(np.count_nonzero(here))
        return {label: count for label, count in counts.items() if count}

    def _call(
        self,
        functions: Functions,
        number: int,
        raster: Raster,
        limit: TimeLimit,
        out: NDArray[np.float32],
    ) -> dict[str, int]:
        """Call the function of that number, from 1, and put its bands in `out`."""
        request, planned = self._plan.request, self._plan.functions[number - 1]
        # A new one for each function: it may change all that it is given.
        accessors = Accessors(
            {one.plan.sensor.label: one for one in self._series},
            raster,
            copies=request.module is not None,
        )
        kwargs = request.functions[number - 1].kwargs
        begin = time.perf_counter()
        features = functions.call(planned.name, accessors, kwargs, self._where, limit)
        log.debug("%s: %s took %.2f s", self._where, planned.name, time.perf_counter() - begin)
        check_shape(features, self._padded.shape, planned.name, self._where)
        check_labels(labels_of(features, number), planned.labels, planned.name, self._where)
        some, full = self._data(accessors.touched)
        undefined: dict[str, int] = {}
        with np.errstate(over="ignore", invalid="ignore"):
            for at, label in enumerate(planned.labels):
                values = features.values[at][self._inner].astype(np.float32)
                finite = np.isfinite(values)
                count = 0 if features.answers else int(np.count_nonzero(full & ~finite))
                if count:
                    undefined[label] = undefined.get(label, 0) + count
                    self._refuse(planned.name, label, full & ~finite)
                out[at] = np.where(finite & some, values, self._plan.request.no_data_value)
        return undefined

    def _data(self, touched: Mapping[str, set[str]]) -> tuple[Bools, Bools]:
        """Tell where some, and where all of the sensors that were read have a valid date."""
        read = [one for one in self._series if one.plan.sensor.label in touched]
        some = np.full(self._core.shape, not read)
        full = np.ones(self._core.shape, bool)
        for one in read:
            has = one.has_data(touched[one.plan.sensor.label])[self._inner]
            some |= has
            full &= has
        return some, full if self._keep is None else full & self._keep

    def _refuse(self, name: str, label: str, bad: Bools) -> None:
        """With `strict`, raise the error that names the first undefined pixel."""
        if not self._plan.request.strict:
            return
        row, col = (int(place[0]) for place in np.nonzero(bad))
        grid = self._tile_plan.grid
        row, col = row + self._core.row, col + self._core.col
        x, y = grid.transform @ (col + 0.5, row + 0.5)
        raise FunctionError(
            f"{name} ({self._where}): {label} is not finite at {np.count_nonzero(bad)} pixel(s), "
            f"first at row {row}, column {col} of the tile (x {x:.2f}, y {y:.2f} in {grid.crs}). "
            "Divide by something that is never 0, or set external_features.strict: False to have "
            "nodata there"
        )


def _by_day(series: SeriesPlan, valid: Bools, keep: Bools | None) -> dict[str, int]:
    """Count the valid pixels of each day, (date, row, col); one valid product of a day will do."""
    counts = {}
    for day, places in groupby(range(len(series.days)), series.days.__getitem__):
        usable = valid[list(places)].any(axis=0)
        counts[stamp(day)] = int(np.count_nonzero(usable if keep is None else usable & keep))
    return counts
