"""Runs without products: maps made by hand, of any number of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.jobs import Job
from sitsflow.steps.mosaic import merge_tile, mosaic_tiles
from tests.plans import NODATA, grid_at, plan_for, write_map
from tests.sitsflow.report.runs import carry_out


def made(
    folder: Path,
    labels: Sequence[str],
    values: np.ndarray,
    failing: Mapping[str, str] | None = None,
    **record: object,
) -> tuple[Plan, dict[str, TilePlan]]:
    """A run of one tile whose pixels are `values` (band, row, col), NaN for none."""
    grid = grid_at(0, 0, *values.shape[1:])
    plan, tiles = plan_for(folder, {"T31TCJ": grid}, labels, chunks=2)
    pixels = np.where(np.isnan(values), NODATA, values)

    def work(plan: Plan, tiles: Mapping[str, TilePlan], job: Job) -> TaskRecord:
        if job.task == "write_features":
            assert job.index is not None
            window = tiles[job.tile].chunks[job.index]
            path = plan.paths.chunk(job.tile, job.index)
            write_map(plan, path, pixels[(slice(None), *window.slices)], grid.part(window))
            return TaskRecord(task="", tile=job.tile, outputs=(path,), **record)
        if job.task == "merge_tile":
            return TaskRecord(task="", outputs=(merge_tile(plan, tiles[job.tile]).path,))
        if job.task == "mosaic":
            return TaskRecord(task="", outputs=(mosaic_tiles(plan, tiles).path,))
        return TaskRecord(task="")

    carry_out(plan, tiles, failing, work)
    return plan, tiles
