"""Step 5: the maps of all tiles become one, or stay as they are; with picture and description."""

from __future__ import annotations

from prefect import task
from prefect.client.schemas.objects import State

from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, load_tile
from sitsflow.run.jobs import Job
from sitsflow.run.previous_run import remove_other_maps
from tasks.rules import RULES, carry_out


@task(name="mosaic", task_run_name="mosaic", **RULES)
def mosaic(output_path: str, fingerprint: str, attempt: int = 1) -> TaskRecord | State[TaskRecord]:
    """Put the tiles together, draw the quicklook, and describe the map as a STAC item."""
    return carry_out(output_path, Job("mosaic"), fingerprint, _finish, attempt)


def _finish(plan: Plan) -> TaskRecord:
    # Within, since pystac takes a tenth of a second: every worker imports every task.
    from sitsflow.steps.final_map import finish_map

    tiles = {tile: load_tile(plan.paths.root, tile) for tile in plan.tile_names}
    made = finish_map(plan, tiles)
    remove_other_maps(plan, made)
    return TaskRecord(task="mosaic", outputs=made)
