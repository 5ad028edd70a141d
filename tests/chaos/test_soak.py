"""Twenty runs by one process, one server and one worker: none of them keeps more and more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
import yaml

from flows.server import running_server, stop
from sitsflow.io.paths import OutputPaths
from sitsflow.run.output_folder import in_use, leftovers
from tests.chaos.cluster import start_scheduler, start_worker, wait_for
from tests.chaos.soak import output_of
from tests.chaos.usage import Usage, faults, table, usage_of
from tests.flows.conftest import prefect_home
from tests.requests import TILES

pytestmark = [pytest.mark.engine, pytest.mark.soak]

RUNS = int(os.environ.get("SOAK_RUNS", "20"))
ROOT = Path(__file__).resolve().parents[2]
Popen = subprocess.Popen[bytes]
_SETTLE_SECONDS = 2.0
"""The server goes on to write for a moment after a run."""

_MODULE = """\
def highest(self):
    return self.get_interpolated_Sentinel2_B4().max(axis=2), ["highest"]
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files of all processes that are started."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def config(tmp_path: Path, products: Path) -> Path:
    """Two tiles of two chunks each, with one function of the user's own."""
    (tmp_path / "highest.py").write_text(_MODULE)
    sections = {
        "chain": {
            "output_path": "out", "list_tile": list(TILES), "s2_path": str(products),
            "proj": "EPSG:32631", "spatial_resolution": 10,
        },
        "external_features": {
            "module": "highest.py", "functions": ["highest"], "concat_mode": False,
            "number_of_chunks": 2,
        },
    }  # fmt: skip
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections))
    return path


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[psutil.Process]:
    """Kill a process and all that it started at the end."""
    try:
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def worker_below(nanny: psutil.Process) -> psutil.Process:
    """Return the process of a Dask worker, which its nanny started."""

    def find() -> psutil.Process | None:
        children = nanny.children()
        return next((one for one in children if "spawn_main" in " ".join(one.cmdline())), None)

    return wait_for(find, "the Dask worker")


@contextmanager
def soaked(config: Path, folder: Path) -> Iterator[tuple[Popen, dict[str, psutil.Process]]]:
    """Start a scheduler, a worker and the process that makes the runs; yield that, and all."""
    with ExitStack() as stack:
        environment = stack.enter_context(prefect_home(folder / "prefect"))
        environment["PYTHONPATH"] = str(ROOT)
        stack.callback(stop)
        dask = folder / "dask"
        dask.mkdir()
        scheduler, address = start_scheduler(dask, "127.0.0.1", environment)
        found = {"scheduler": stack.enter_context(ended(scheduler))}
        worker = start_worker(dask / "worker", address, "127.0.0.1", environment)
        found["nanny"] = stack.enter_context(ended(worker))
        found["worker"] = worker_below(found["nanny"])
        said = stack.enter_context((folder / "said.txt").open("wb"))
        flow = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.soak", str(config), str(folder), address],
                env=environment,
                start_new_session=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
            )
        )
        found["flow"] = stack.enter_context(ended(flow))
        yield flow, found


def make(number: int, flow: Popen, folder: Path) -> None:
    """Have a run made, and look at what it left in its output folder."""
    assert flow.stdin is not None
    assert flow.stdout is not None
    flow.stdin.write(f"{number}\n".encode())
    flow.stdin.flush()
    status = flow.stdout.readline().decode().strip()
    assert status == "0", (folder / "said.txt").read_text(errors="replace")
    paths = OutputPaths(output_of(number, folder))
    jobs = paths.status.read_text()
    assert "done" in jobs
    assert "already there" not in jobs, f"run {number} did not compute everything"
    assert not in_use(paths)
    assert not leftovers(paths)


def test_runs_keep_nothing(config: Path, temporary: Path, tmp_path: Path) -> None:
    usages: dict[str, list[Usage]] = {}
    left: list[set[str]] = []
    with soaked(config, tmp_path) as (flow, processes):
        for number in range(1, RUNS + 1):
            make(number, flow, tmp_path)
            time.sleep(_SETTLE_SECONDS)
            server = running_server()
            assert server is not None
            for name, process in {"server": server.process, **processes}.items():
                usages.setdefault(name, []).append(usage_of(process))
            left.append({path.name for path in temporary.iterdir()})
    print(f"\n{table(usages)}")
    found = [fault for name, values in usages.items() for fault in faults(name, values)]
    if more := left[-1] - left[0]:
        found.append(f"left in the folder of temporary files: {sorted(more)}")
    assert not found, "\n".join([*found, table(usages)])
