"""Step 5: the maps of all tiles become one, with its picture and its description."""

from __future__ import annotations

from prefect import task
from prefect.client.schemas.objects import State

from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, load_tile
from sitsflow.run.jobs import Job
from sitsflow.steps.mosaic import mosaic_tiles
from sitsflow.steps.quicklook import title_of, write_quicklook
from tasks.rules import RULES, carry_out


@task(name="mosaic", task_run_name="mosaic", **RULES)
def mosaic(output_path: str, fingerprint: str, attempt: int = 1) -> TaskRecord | State[TaskRecord]:
    """Put the tiles together, draw the quicklook, and describe the map as a STAC item."""
    return carry_out(output_path, Job("mosaic"), fingerprint, _finish, attempt)


def _finish(plan: Plan) -> TaskRecord:
    # Within, since pystac takes a tenth of a second: every worker imports every task.
    from sitsflow.steps.item import write_item

    paths = plan.paths
    mosaic_tiles(plan, {tile: load_tile(paths.root, tile) for tile in plan.tile_names})
    write_quicklook(paths.map, paths.quicklook, title_of(plan))
    write_item(plan, paths.map, paths.item)
    return TaskRecord(task="mosaic", outputs=(paths.map, paths.quicklook, paths.item))
