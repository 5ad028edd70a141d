"""Jobs that do next to nothing, for tests and measurements of how they are carried out."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from prefect import task

from flows import step
from flows.cluster import RunCluster
from flows.progress import RunProgress
from flows.resources import Resources, RetryLimits
from flows.rounds import StepRounds
from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, save_plan
from sitsflow.run.jobs import Job
from tasks.rules import RULES, carry_out
from tests.plans import grid_at, plan_for

_REST_SECONDS = 0.4
_PATIENCE_SECONDS = 60


@task(name="write_features", task_run_name="write_features {tile} {index}", **RULES)
def rest(
    output_path: str, tile: str, index: int, fingerprint: str, attempt: int = 1
) -> TaskRecord | Any:
    """Rest, once as many have begun as the file `together` says; write when that was, and where."""

    def work(plan: Plan) -> TaskRecord:
        begin = time.time()
        meeting = plan.paths.root / "together"
        if meeting.exists():
            (plan.paths.root / f"{index}.begun").touch()
            _meet(plan.paths.root, int(meeting.read_text()))
            time.sleep(_REST_SECONDS)
        path = plan.paths.root / f"{tile}_{index}.json"
        path.write_text(json.dumps([os.getpid(), begin, time.time()]))
        return TaskRecord(task="", outputs=(path,), pixels=1)

    return carry_out(output_path, Job("write_features", tile, index), fingerprint, work, attempt)


def _meet(folder: Path, number: int) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while len(list(folder.glob("*.begun"))) < number and time.monotonic() < until:
        time.sleep(0.05)


def carry_out_trivial(
    output: Path, number: int, workers: RunCluster, ram_gb: float, together: int = 0
) -> RunProgress:
    """Carry out `number` chunk jobs as a step, inside a flow.

    The first `together` of them are to run at the same time, if anything lets them; with 0 they
    do not even rest.
    """
    plan, tiles = plan_for(output, {"A": grid_at(0, 0, number, 4)}, chunks=number)
    plan = plan.model_copy(update={"chunk_ram_gb": ram_gb})
    save_plan(plan, tiles)
    if together:
        (output / "together").write_text(str(together))
    jobs = [Job("write_features", "A", index) for index in range(number)]
    each = Resources(ram_gb)
    workers.start({"write_features": each})
    progress = RunProgress(plan, jobs, cluster=workers)
    with progress.shown(), patch.dict(step.TASKS, write_features=rest):
        StepRounds(plan, workers, progress, RetryLimits()).run("write_features", jobs, each, 0, [])
    return progress


def intervals(output: Path) -> list[tuple[int, float, float]]:
    """Process, begin and end of each job."""
    return [tuple(json.loads(path.read_text())) for path in sorted(output.glob("A_*.json"))]


def most_at_once(spans: list[tuple[int, float, float]]) -> int:
    """How many of `spans` overlap at most."""
    edges = sorted([(end, -1) for _, _, end in spans] + [(begin, 1) for _, begin, _ in spans])
    now = most = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most
