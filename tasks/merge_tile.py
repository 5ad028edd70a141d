"""Step 4: the chunks of a tile become its map."""

from __future__ import annotations

import logging

from prefect import task
from prefect.client.schemas.objects import State

from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, load_tile
from sitsflow.run.empty_maps import empty_map
from sitsflow.run.jobs import Job, only_laid_out_otherwise
from sitsflow.steps import mosaic
from tasks.rules import RULES, carry_out

_log = logging.getLogger("sitsflow.merge_tile")  # a job's log keeps what is below `sitsflow`


@task(name="merge_tile", task_run_name="merge_tile {tile}", **RULES)
def merge_tile(
    output_path: str, tile: str, fingerprint: str, attempt: int = 1
) -> TaskRecord | State[TaskRecord]:
    """Put the chunk files of one tile together."""
    job = Job("merge_tile", tile)

    def merge(plan: Plan) -> TaskRecord:
        tile_plan = load_tile(plan.paths.root, tile)
        again = only_laid_out_otherwise(job, plan, {tile: tile_plan})
        made = mosaic.merge_tile(plan, tile_plan, again=again)
        warnings = (empty_map(tile),) if made.empty else ()
        for text in warnings:
            _log.warning("%s", text)
        return TaskRecord(task="merge_tile", tile=tile, outputs=(made.path,), warnings=warnings)

    return carry_out(output_path, job, fingerprint, merge, attempt)
