"""`sitsflow run` on two local workers: the command, its workers and its server."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.jobs import CHUNKS, LAST, START, TILE, Job

WORKERS = 2
_LOOK_SECONDS = 0.1
_COMMAND = (sys.executable, "-c", "from flows.cli import main; main()")


def run_flow(configuration: dict[str, Any], home: Path) -> dict[str, float | None]:
    """Run with a Prefect server of its own that is there already; return what it takes.

    What is in the configuration's output folder is removed. `home` gets the server's and logs.

    CPU is that of the command, of its workers, and of the server meanwhile; so are memory, at the
    moment when they have most together, and bytes read.
    """
    shutil.rmtree(configuration["chain"]["output_path"], ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    config = home / "bench.yaml"
    # JSON is YAML.
    config.write_text(json.dumps(configuration), encoding="utf-8")
    with _server(home) as (server, environment):
        tree = _Tree(server)
        cpu, begin = _ended_cpu(), time.perf_counter()
        with (home / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [*_COMMAND, "run", str(config), "--workers", str(WORKERS)],
                env=environment,
                stdout=log,
                stderr=log,
            )
            with tree.watched(process.pid):
                status = process.wait()
        wall = time.perf_counter() - begin
        if status:
            raise RuntimeError(f"sitsflow run failed; see {home / 'run.log'}")
        return {
            "cpu_s": _ended_cpu() - cpu + tree.server_cpu(),
            "server_cpu_s": tree.server_cpu(),
            "wall_s": wall,
            "peak_mb": tree.peak / 1e6,
            "read_mb": tree.read_mb(),
        }


def configuration_of(job: Job, products: Path, out: Path) -> dict[str, Any]:
    """Return the configuration of a job."""
    functions = [(one.name, dict(one.kwargs)) for one in job.functions]
    found = configuration(products, out, TILE, job.crs, (START, LAST), functions)
    found["python_data_managing"] = {"number_of_chunks": CHUNKS, "chunk_size_mode": "split_number"}
    return found


def configuration(
    products: Path,
    out: Path,
    tile: str,
    crs: str,
    days: tuple[date, date],
    functions: Sequence[tuple[str, dict[str, Any]]],
) -> dict[str, Any]:
    """Return the configuration of functions of Sentinel-2 over a tile, from one day to another."""
    first, last = days
    return {
        "chain": {
            "output_path": str(out),
            "list_tile": [tile],
            "s2_path": str(products),
            "spatial_resolution": 10,
            "proj": crs,
        },
        "sensors_data_interpolation": {"auto_date": False},
        "Sentinel_2": {"start_date": first.isoformat(), "end_date": last.isoformat()},
        "external_features": {"functions": [*map(list, functions)], "concat_mode": False},
    }


def _ended_cpu() -> float:
    """Return the CPU seconds of all children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _server(home: Path) -> Iterator[tuple[psutil.Process, dict[str, str]]]:
    root = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": str(root),
    }
    environment.pop("PREFECT_API_URL", None)
    with (home / "server.log").open("wb") as log:
        subprocess.run(
            [*_COMMAND, "server", "start"], env=environment, check=True, stdout=log, stderr=log
        )
    found = subprocess.run(
        [*_COMMAND, "server", "status"],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    try:
        number = re.search(r"process +(\d+)", found.stdout)
        assert number is not None, found.stdout
        yield psutil.Process(int(number[1])), environment
    finally:
        subprocess.run(
            [*_COMMAND, "server", "stop"], env=environment, check=True, stdout=subprocess.DEVNULL
        )


class _Tree:
    """The processes of a run: memory and bytes read, looked at while they live."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self._cpu_before = _cpu(server)
        self._read: dict[int, int] = {}
        self.peak = 0

    @contextmanager
    def watched(self, number: int) -> Iterator[None]:
        """Look at a process and all below it, again and again, until the block ends."""
        ended = threading.Event()
        root = psutil.Process(number)

        def look() -> None:
            while not ended.wait(_LOOK_SECONDS):
                self._look(root)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _look(self, root: psutil.Process) -> None:
        total = 0
        with suppress(psutil.Error):
            for process in (self._server, root, *root.children(recursive=True)):
                with suppress(psutil.Error):
                    total += process.memory_info().rss
                    if hasattr(process, "io_counters") and process != self._server:
                        counters = process.io_counters()
                        self._read[process.pid] = getattr(counters, "read_chars", 0)
        self.peak = max(self.peak, total)

    def read_mb(self) -> float | None:
        """Return the bytes that the run's processes read, files or their cache; in MB."""
        return sum(self._read.values()) / 1e6 if any(self._read.values()) else None

    def server_cpu(self) -> float:
        """Return the CPU seconds of the server since the beginning."""
        return _cpu(self._server) - self._cpu_before


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
