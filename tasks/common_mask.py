"""Step 2: the common mask of a tile."""

from __future__ import annotations

from prefect import task
from prefect.client.schemas.objects import State

from sitsflow.io.record import TaskRecord
from sitsflow.plan import load_tile
from sitsflow.run.jobs import Job
from sitsflow.steps.common_mask import write_common_mask
from tasks.rules import RULES, carry_out


@task(name="common_mask", task_run_name="common_mask {tile}", **RULES)
def common_mask(
    output_path: str, tile: str, fingerprint: str, attempt: int = 1
) -> TaskRecord | State[TaskRecord]:
    """Write where all sensors of one tile look, as raster and as polygons."""
    return carry_out(
        output_path,
        Job("common_mask", tile),
        fingerprint,
        lambda plan: write_common_mask(plan, load_tile(plan.paths.root, tile)),
        attempt,
    )
