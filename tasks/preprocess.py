"""Step 1: sensors pre-processing of a tile (reference grid and dates)."""

from __future__ import annotations

from prefect import task
from prefect.client.schemas.objects import State

from sitsflow.io.record import TaskRecord
from sitsflow.plan import load_tile
from sitsflow.run.jobs import Job
from sitsflow.steps.preprocess import prepare_tile
from tasks.rules import RULES, carry_out


@task(name="preprocess", task_run_name="preprocess {tile}", **RULES)
def preprocess(
    output_path: str, tile: str, fingerprint: str, attempt: int = 1
) -> TaskRecord | State[TaskRecord]:
    """Write the reference raster and the dates files of one tile."""
    return carry_out(
        output_path,
        Job("preprocess", tile),
        fingerprint,
        lambda plan: prepare_tile(plan, load_tile(plan.paths.root, tile)),
        attempt,
    )
