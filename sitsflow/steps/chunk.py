"""One chunk: from product files to feature values, and to a file."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.grid import Window
from sitsflow.io.opening import reading_for
from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.chunk_file import write_chunk_file
from sitsflow.steps.chunk_part import ChunkWork, PartSources, compute_part
from sitsflow.steps.elevation_holes import WARNING, count_holes
from sitsflow.steps.sources import sources_text

log = logging.getLogger(__name__)


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
    if holes := count_holes(tile_plan, tile_plan.reads(index)):
        log.info("%s chunk %d: %d pixel(s) without height", tile_plan.tile, index, holes)
        warnings.append(WARNING)
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
    return _computed(plan, tile_plan, tile_plan.reads(index), f"chunk {index}")


def compute_window(plan: Plan, tile_plan: TilePlan, window: Window, name: str) -> ChunkFeatures:
    """Compute the features of a window of a tile, which `name` stands for in messages.

    Raises
    ------
    FunctionError
        If a user function fails, or with `strict` leaves a pixel undefined.
    ReadError
        If a product's file cannot be read.
    """
    return _computed(plan, tile_plan, [window], name)


def _computed(plan: Plan, tile_plan: TilePlan, reads: Sequence[Window], name: str) -> ChunkFeatures:
    """Compute windows that lie below each other."""
    work = ChunkWork(plan, tile_plan, f"tile {tile_plan.tile}, {name}")
    top, height = reads[0].row, sum(window.height for window in reads)
    values = np.empty((len(plan.labels), height, reads[0].width), np.float32)
    counts = []
    # A part that is done leaves its files open for the next one.
    with reading_for(plan.request, keep_open=len(reads) > 1):
        for window in reads:
            parts = tile_plan.passes(window)
            read = PartSources(work, window, shared=len(parts) > 1)
            for part in parts:
                rows = slice(part.row - top, part.row - top + part.height)
                counts.append(compute_part(work, read, part, values[:, rows]))
    pixels = sum(one.pixels for one in counts)
    if not pixels:
        log.info("%s: outside the area of interest", work.where)
    labels = dict.fromkeys(label for one in counts for label in one.valid)
    return ChunkFeatures(
        values,
        _summed([one.undefined for one in counts]),
        pixels,
        {label: _summed([one.valid.get(label, {}) for one in counts]) for label in labels},
        _summed([one.held for one in counts]),
    )


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums of counts by name, names of the first in front."""
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: sum(one.get(name, 0) for one in counts) for name in names}
