"""A run of the command, one of whose processes is killed, and what the next run makes of it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from flows.server import running_server
from sitsflow.io.paths import OutputPaths
from tests.chaos.attack import Verdict
from tests.flows.conftest import COMMAND
from tests.requests import TILES

PATIENCE_SECONDS = 300
"""Of one run: a server that is gone is waited for for a minute."""

CHUNKS = 5
JOBS = len(TILES) * (CHUNKS + 3) + 1
_LATEST = JOBS - 2
"""Jobs done at the latest kill: a tile and the map are still to be merged."""

_ATTEMPTS = 3

_MODULE = """\
import time

def highest(self):
    red = self.get_interpolated_Sentinel2_B4()
    if red.shape[1] > 90:  # a chunk's pixels, not those of a trial
        time.sleep(0.3)
    return red.max(axis=2), ["highest"]
"""

Find = Callable[["Run"], psutil.Process | None]


@dataclass
class Run:
    """One run of the command in a folder of its own."""

    folder: Path
    products: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def paths(self) -> OutputPaths:
        """Where its files lie."""
        return OutputPaths(self.folder / "out")

    @property
    def said(self) -> str:
        """What all its commands printed."""
        return (self.folder / "said.txt").read_text(errors="replace")

    def prepare(self) -> None:
        """Write its configuration and its function."""
        self.folder.mkdir()
        (self.folder / "slow.py").write_text(_MODULE)
        sections = {
            "chain": {
                "output_path": "out", "list_tile": list(TILES), "s2_path": str(self.products),
                "proj": "EPSG:32631", "spatial_resolution": 10,
            },
            "external_features": {
                "module": "slow.py", "functions": ["highest"], "concat_mode": False,
                "number_of_chunks": CHUNKS,
            },
        }  # fmt: skip
        (self.folder / "run.yaml").write_text(yaml.safe_dump(sections))

    def start(self) -> None:
        """Start the command; it is the same each time."""
        with (self.folder / "said.txt").open("ab") as said:
            self.process = subprocess.Popen(
                [*COMMAND, "run", str(self.folder / "run.yaml"), "--workers", "2"],
                env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip

    def wait(self) -> int | None:
        """Wait for its end; return its status, None if it does not end (then it is killed)."""
        assert self.process is not None
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            for one in psutil.Process(self.process.pid).children(recursive=True):
                one.kill()
            self.process.kill()
            self.process.wait()
            return None

    def done(self) -> dict[str, tuple[int, ...]]:
        """Times of change of the record and the file of each finished chunk, by its record."""
        found = {}
        for record in self.paths.record("any").parent.glob("write_features_*.json"):
            files = [self.paths.root / name for name in json.loads(record.read_bytes())["files"]]
            times = (one.stat().st_mtime_ns for one in (record, *files))
            found[record.name] = tuple(times)
        return found

    def count(self) -> int:
        """Return the number of finished jobs."""
        return len(list(self.paths.record("any").parent.glob("*.json")))


def flow_of(run: Run) -> psutil.Process | None:
    """Return the process of the flow, which is the command."""
    assert run.process is not None
    return psutil.Process(run.process.pid)


def worker_of(run: Run) -> psutil.Process | None:
    """Return the first process of a Dask worker."""
    flow = flow_of(run)
    assert flow is not None
    for child in flow.children(recursive=True):
        try:
            if any("spawn_main" in text for text in child.cmdline()):
                return child
        except psutil.Error:
            continue
    return None


def server_of(run: Run) -> psutil.Process | None:
    """Return the Prefect server of the home that this process and the run have."""
    del run
    server = running_server()
    return None if server is None else server.process


VICTIMS: dict[str, Find] = {
    "kill -9 of the flow": flow_of,
    "kill -9 of a worker": worker_of,
    "kill -9 of the server": server_of,
}


def kill_once(
    run: Run, find: Find, rng: random.Random, attempt: int
) -> dict[str, tuple[int, ...]] | None:
    """Start a run, and kill one of its processes at a random moment, earlier at later attempts.

    Returns
    -------
    dict, or None
        What was finished at the kill; None if the run was over before.
    """
    jobs = rng.randrange(_LATEST + 1) // attempt
    delay = rng.uniform(0, 0.8 if jobs else 8)
    run.start()
    assert run.process is not None
    while run.process.poll() is None and run.count() < jobs:
        time.sleep(0.02)
    time.sleep(delay)
    while run.process.poll() is None:
        victim = find(run)
        if victim is not None:
            victim.kill()
            return run.done()
        time.sleep(0.02)
    return None


def judge(run: Run, find: Find, rng: random.Random, undisturbed: bytes) -> Verdict:
    """Kill once, run the same command until the map is there, and compare."""
    finished = None
    for attempt in range(1, _ATTEMPTS + 1):
        finished = kill_once(run, find, rng, attempt)
        if finished is not None:
            break
        shutil.rmtree(run.paths.root, ignore_errors=True)
    if finished is None:
        return Verdict("lost", f"the run was over before the kill:\n{run.said}")
    status = run.wait()
    if status is None:
        return Verdict("lost", f"no end {PATIENCE_SECONDS} s after the kill:\n{run.said}")
    if status != 0:
        run.start()
        status = run.wait()
    if status != 0:
        return Verdict("lost", f"not resumed (exit status {status}):\n{run.said}")
    # Dask's workers log what failed in their own words, with an address in the code.
    if "Traceback (most recent call last)" in run.said:
        return Verdict("lost", f"a traceback:\n{run.said}")
    after = run.done()
    again = [name for name, times in finished.items() if after.get(name) != times]
    if again:
        return Verdict("lost", f"finished before the kill, and made again: {', '.join(again)}")
    if run.paths.map.read_bytes() != undisturbed:
        return Verdict("silently wrong", "other bytes than those of an undisturbed run")
    return Verdict("survived", f"{len(finished)} chunks were finished")
