"""Jobs that do next to nothing, for tests and measurements of how they are carried out."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from prefect import task

from flows.attempts import RetryLimits
from flows.board import Board
from flows.dispatch import Dispatch
from flows.workers import Workers
from sitsflow.jobs import Job
from sitsflow.plan import Plan, save_plan
from sitsflow.record import TaskRecord
from tasks.rules import RULES, carry_out
from tests.plans import grid_at, plan_for


@task(name="write_features", task_run_name="write_features {tile} {index}", **RULES)
def rest(
    output_path: str, tile: str, index: int, fingerprint: str, attempt: int = 1
) -> TaskRecord | Any:
    """Sleep for as long as the file `seconds` says, and write when that was, and where."""

    def work(plan: Plan) -> TaskRecord:
        begin = time.time()
        seconds = plan.tree.root / "seconds"
        if seconds.exists():
            time.sleep(float(seconds.read_text()))
        path = plan.tree.root / f"{tile}_{index}.json"
        path.write_text(json.dumps([os.getpid(), begin, time.time()]))
        return TaskRecord(task="", outputs=(path,), pixels=1)

    return carry_out(output_path, Job("write_features", tile, index), fingerprint, work, attempt)


def carry_out_trivial(
    output: Path, number: int, workers: Workers, ram_gb: float, seconds: float = 0.0
) -> Board:
    """Carry out `number` chunk jobs through the dispatch, inside a flow."""
    plan, tiles = plan_for(output, {"A": grid_at(0, 0, number, 4)}, chunks=number)
    plan = plan.model_copy(update={"chunk_ram_gb": ram_gb})
    save_plan(plan, tiles)
    if seconds:
        (output / "seconds").write_text(str(seconds))
    jobs = [Job("write_features", "A", index) for index in range(number)]
    board = Board(plan, jobs)
    work = Dispatch(plan, tiles, workers, board, RetryLimits())
    for job in jobs:
        work.add(rest, job)
    work.run()
    return board


def intervals(output: Path) -> list[tuple[int, float, float]]:
    """Process, begin and end of each job."""
    return [tuple(json.loads(path.read_text())) for path in sorted(output.glob("A_*.json"))]


def most_at_once(spans: list[tuple[int, float, float]]) -> int:
    """How many of `spans` overlap at most."""
    edges = sorted([(end, -1) for _, _, end in spans] + [(begin, 1) for _, begin, _ in spans])
    now = most = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most
