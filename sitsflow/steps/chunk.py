"""One chunk: from product files to feature values, and to a file."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import reduce
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
from sitsflow.io.opening import reading
from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.steps.chunk_file import write_chunk_file
from sitsflow.steps.sources import sources_text
from sitsflow.timeseries.observations import Observations
from sitsflow.timeseries.series import Series

log = logging.getLogger(__name__)

Bools = NDArray[np.bool_]
Raster = tuple[NDArray[np.float32], list[str]] | None


class ChunkFeatures(NamedTuple):
    """A chunk's features: (band, row, col) float32 with the nodata value where there is none."""

    values: NDArray[np.float32]
    undefined: dict[str, int]
    """Pixels with data that a function left NaN or infinite, by band; only bands with some."""
    pixels: int
    """Pixels wanted: without those outside the area of interest."""
    valid: dict[str, dict[str, int]]
    """How many of these no mask excludes, by sensor label and day, of sensors that are read."""
    held: dict[str, int]
    """Those of which an index was held within its range on some date, by label."""

    def joined(self, below: ChunkFeatures) -> ChunkFeatures:
        """Return these with those of the pixels below them."""
        labels = (*self.valid, *(label for label in below.valid if label not in self.valid))
        return ChunkFeatures(
            values=np.concatenate([self.values, below.values], axis=1),
            undefined=_summed(self.undefined, below.undefined),
            pixels=self.pixels + below.pixels,
            valid={
                label: _summed(self.valid.get(label, {}), below.valid.get(label, {}))
                for label in labels
            },
            held=_summed(self.held, below.held),
        )


def write_chunk(plan: Plan, tile_plan: TilePlan, index: int) -> TaskRecord:
    """Compute one chunk of a tile and write its file."""
    window = tile_plan.chunks[index]
    path = plan.paths.chunk(tile_plan.tile, index)
    begin = time.perf_counter()
    log.info("%s chunk %d: %s", tile_plan.tile, index, sources_text(tile_plan))
    computed = compute_chunk(plan, tile_plan, index)
    write_chunk_file(plan, tile_plan, index, computed.values)
    warnings = [
        f"{label}: {count} pixel(s) not finite, written as nodata"
        for label, count in computed.undefined.items()
    ]
    for warning in warnings:
        log.warning("%s chunk %d: %s", tile_plan.tile, index, warning)
    for label, count in computed.held.items():
        log.info(
            "%s chunk %d: %s: %d pixel(s) beyond -1000 or 1000 on some date, held there",
            tile_plan.tile, index, label, count,
        )  # fmt: skip
    record = TaskRecord(
        task="write_features",
        tile=tile_plan.tile,
        outputs=(path,),
        pixels=computed.pixels,
        nan_counts=computed.undefined,
        valid_pixels=computed.valid,
        held_counts=computed.held,
        warnings=tuple(warnings),
    )
    seconds = time.perf_counter() - begin
    log.info(
        "%s chunk %d: %d x %d pixels of %d bands, %.1f s, %.2g Mpixel/s",
        tile_plan.tile, index, window.height, window.width, len(plan.labels), seconds,
        record.pixels / seconds / 1e6,
    )  # fmt: skip
    return record


def compute_chunk(plan: Plan, tile_plan: TilePlan, index: int) -> ChunkFeatures:
    """Compute the features of one chunk, in parts if it is planned so; see `compute_window`."""
    parts = [
        compute_window(plan, tile_plan, window, f"chunk {index}")
        for window in tile_plan.passes(index)
    ]
    return reduce(ChunkFeatures.joined, parts)


def compute_window(plan: Plan, tile_plan: TilePlan, window: Window, name: str) -> ChunkFeatures:
    """Compute the features of a window of a tile, which `name` stands for in messages.

    Raises
    ------
    FunctionError
        If a user function fails, or with `strict` leaves a pixel undefined.
    ReadError
        If a product's file cannot be read.
    """
    request = plan.request
    where = f"tile {tile_plan.tile}, {name}"
    wanted = _wanted(plan, tile_plan, window)
    values = np.full((len(plan.labels), *window.shape), request.no_data_value, np.float32)
    core = window if wanted is None else _box(window, wanted)
    if core is None:
        log.info("%s: outside the area of interest", where)
        return ChunkFeatures(values, {}, 0, {}, {})
    rows, cols = core.relative_to(window).slices
    part = values[:, rows, cols]
    keep = None if wanted is None else wanted[rows, cols]
    with reading(remote=request.allow_remote):
        chunk = _Chunk(plan, tile_plan, where, core, keep)
        undefined = chunk.compute(part)
        valid, held = chunk.valid_pixels(), chunk.held_pixels()
    if keep is not None:
        part[:, ~keep] = request.no_data_value
    pixels = part[0].size if keep is None else int(np.count_nonzero(keep))
    return ChunkFeatures(values, undefined, pixels, valid, held)


def _summed(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of two counts by name, names of the first in front."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *other)}


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


class _Chunk:
    """The computation of one chunk's bands, one after the other."""

    def __init__(
        self, plan: Plan, tile_plan: TilePlan, where: str, core: Window, keep: Bools | None
    ) -> None:
        request = plan.request
        self._plan = plan
        self._tile_plan = tile_plan
        self._where = where
        self._core = core
        self._keep = keep
        self._padded = _padded(core, request.padding, tile_plan)
        self._inner = core.relative_to(self._padded).slices
        self._observed = [
            Observations(one, tile_plan.grid, self._padded, request.resampling)
            for one in tile_plan.series
        ]
        self._series = [
            Series(
                one,
                observed,
                indices_of(one.sensor, one.bands, request),
                gapfilling=request.use_gapfilling,
                interpolation=request.interpolation,
                where=self._where,
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
        functions = planned_functions(self._plan)
        raster = read_exogenous(request, self._tile_plan.tile, self._tile_plan.grid, self._padded)
        undefined: dict[str, int] = {}
        with TimeLimit(request.timeout, self._where) as limit:
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
