"""Step 3: the features of a chunk."""

from __future__ import annotations

from prefect import task
from prefect.client.schemas.objects import State

from sitsflow.io.record import TaskRecord
from sitsflow.plan import load_tile
from sitsflow.run.jobs import Job
from sitsflow.steps.chunk import write_chunk
from tasks.rules import RULES, carry_out


@task(name="write_features", task_run_name="write_features {tile} {index}", **RULES)
def write_features(
    output_path: str, tile: str, index: int, fingerprint: str, attempt: int = 1
) -> TaskRecord | State[TaskRecord]:
    """Compute all features of chunk `index` of one tile, and write them."""
    return carry_out(
        output_path,
        Job("write_features", tile, index),
        fingerprint,
        lambda plan: write_chunk(plan, load_tile(plan.paths.root, tile), index),
        attempt,
    )
