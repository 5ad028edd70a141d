"""`make bench-orchestration`: what carrying out a chunk costs beside its work, and what Prefect's
own empty tasks cost on the same workers in the same run.

Both kinds are run in turn (ours, Prefect's, Prefect's, ours), so that what grows with time, as a
database does, falls on both. CPU is that of the flow, the workers and the server together, until
the server has nothing left to take in.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dask
import psutil
from prefect import flow, task

from blocks.cluster import DaskCluster
from flows.cluster import RunCluster
from flows.resources import Resources
from flows.server import find_or_start, stop, use
from tests.flows.trivial import carry_out_trivial

_IDLE_SHARE, _LOOK_SECONDS = 0.3, 2.0  # of a core: even at rest all of these poll
_NAMES = {"ours": "chunk jobs of a step", "theirs": "empty Prefect tasks"}


@dataclass
class Cost:
    """Sums over the blocks of one kind."""

    tasks: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    settled: float = 0.0
    database: int = 0


@task
def empty(number: int) -> None:
    """Do nothing."""


@flow
def empties(number: int) -> None:
    """Map empty tasks as Prefect's users do, and wait for all."""
    with dask.annotate(resources=Resources(0.1).dask):  # type: ignore[attr-defined]
        empty.map(range(number)).wait()


def theirs(number: int, workers: RunCluster) -> None:
    """Run empty tasks in a flow of their own, on the same workers."""
    runner: Any = workers.runner()
    empties.with_options(task_runner=runner)(number)


@flow
def measured(folder: str, number: int) -> dict[str, Cost]:
    """Run both kinds in turn."""
    costs = {"ours": Cost(), "theirs": Cost()}
    with RunCluster(DaskCluster(n_workers=2, memory_gb=4)) as workers:
        warm = Path(folder, "warm")
        carry_out_trivial(warm, 4, workers, ram_gb=0.1)
        theirs(4, workers)
        for block, kind in enumerate(("ours", "theirs", "theirs", "ours")):
            output = Path(folder, f"run{block}")
            if kind == "ours":
                _measure(
                    costs[kind],
                    number // 2,
                    lambda n, output=output: carry_out_trivial(output, n, workers, ram_gb=0.1),
                )
            else:
                _measure(costs[kind], number // 2, lambda n: theirs(n, workers))
    return costs


def _measure(cost: Cost, number: int, run: Callable[[int], object]) -> None:
    _settle()
    cpu, begin, size = _cpu(), time.perf_counter(), _database()
    run(number)
    cost.wall += time.perf_counter() - begin
    _settle()
    cost.settled += time.perf_counter() - begin
    cost.cpu += _cpu() - cpu
    cost.database += _database() - size
    cost.tasks += number


def _family() -> list[psutil.Process]:
    """Return this process, its workers and its server, or the server that it was told of."""
    own = psutil.Process()
    return [own, *own.children(recursive=True), psutil.Process(int(os.environ["BENCH_SERVER"]))]


def _cpu() -> float:
    total = 0.0
    for process in _family():
        times = process.cpu_times()
        total += times.user + times.system
    return total


def _settle() -> None:
    """Wait until nobody has anything to do."""
    while True:
        before = _cpu()
        time.sleep(_LOOK_SECONDS)
        if _cpu() - before < _IDLE_SHARE * _LOOK_SECONDS:
            return


def _database() -> int:
    """Return the bytes of the server's database, 0 where it is not a file here."""
    home = Path(os.environ["PREFECT_HOME"])
    return sum(path.stat().st_size for path in home.glob("prefect.db*"))


def _report(costs: dict[str, Cost], number: int) -> None:
    sys.stdout.write(
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, {number} tasks of each "
        "kind, 2 workers\n"
    )
    sys.stdout.write(f"{'':34}{'CPU s/task':>12}{'ms/task':>10}{'settled':>10}{'kB/task':>10}\n")
    for kind, cost in costs.items():
        sys.stdout.write(
            f"{_NAMES[kind]:34}{cost.cpu / cost.tasks:12.3f}{1e3 * cost.wall / cost.tasks:10.0f}"
            f"{1e3 * cost.settled / cost.tasks:10.0f}{cost.database / cost.tasks / 1e3:10.1f}\n"
        )
    ours, their = costs["ours"], costs["theirs"]
    ratios = {"cpu": ours.cpu / their.cpu, "wall": ours.wall / their.wall}
    sys.stdout.write(f"ours / Prefect's: CPU {ratios['cpu']:.2f}, wall {ratios['wall']:.2f}\n")
    sys.stdout.write(json.dumps({kind: vars(cost) for kind, cost in costs.items()}) + "\n")


def _inside(folder: str, number: int) -> None:
    server = find_or_start()
    os.environ["BENCH_SERVER"] = str(server.process.pid)
    try:
        with use(server):
            _report(measured(folder, number), number)
    finally:
        stop()


def main() -> None:
    """Measure with a server of its own; its database too, unless one is configured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--number", type=int, default=200, help="tasks of each kind")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        _inside(options.inside, options.number)
        return
    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory(prefix="sitsflow-bench-") as folder:
        # In a child: Prefect reads its settings once.
        subprocess.run(
            [sys.executable, "-m", __spec__.name, "--inside", folder, "-n", str(options.number)],
            env={
                **os.environ,
                "PREFECT_HOME": f"{folder}/home",
                "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
                # Workers import the task from here.
                "PYTHONPATH": str(root),
            },
            check=True,
        )


if __name__ == "__main__":
    main()
