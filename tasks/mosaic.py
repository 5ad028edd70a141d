"""Step 5: the maps of all tiles become one, with its picture and its description."""

from __future__ import annotations

from prefect import task
from prefect.client.schemas.objects import State

from sitsflow.item import write_item
from sitsflow.jobs import Job
from sitsflow.mosaic import mosaic_tiles
from sitsflow.plan import Plan, load_tile
from sitsflow.quicklook import title_of, write_quicklook
from sitsflow.record import TaskRecord
from tasks.rules import RULES, carry_out


@task(name="mosaic", task_run_name="mosaic", **RULES)
def mosaic(output_path: str, fingerprint: str, attempt: int = 1) -> TaskRecord | State[TaskRecord]:
    """Put the tiles together, draw the quicklook, and describe the map as a STAC item."""
    return carry_out(output_path, Job("mosaic"), fingerprint, _finish, attempt)


def _finish(plan: Plan) -> TaskRecord:
    tree = plan.tree
    mosaic_tiles(plan, {tile: load_tile(tree.root, tile) for tile in plan.tile_names})
    write_quicklook(tree.map, tree.quicklook, title_of(plan))
    write_item(plan, tree.map, tree.item)
    return TaskRecord(task="mosaic", outputs=(tree.map, tree.quicklook, tree.item))
