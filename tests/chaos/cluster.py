"""A Dask scheduler and its workers as processes of their own, as an operator starts them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from blocks.cluster import WORKER_ENVIRONMENT

PATIENCE_SECONDS = 120
T = TypeVar("T")
RESOURCES = ("--nthreads", "1", "--resources", "RAM=4 CPU=1", "--memory-limit", "4GB")
ENVIRONMENT = {
    **WORKER_ENVIRONMENT,
    "DASK_LOGGING__DISTRIBUTED": "error",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
}


def start_scheduler(
    folder: Path, host: str, environment: Mapping[str, str], before: Sequence[str] = ()
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a scheduler, by a command that goes `before` if any; return it and its address."""
    contact = folder / "scheduler.json"
    where = ("--host", host, "--port", "0", "--scheduler-file", str(contact))
    process = _start(folder / "scheduler", environment, [*before, *_cli("scheduler"), *where])

    def address() -> Any:
        assert process.poll() is None, _said(folder / "scheduler")
        return json.loads(contact.read_text())["address"] if contact.exists() else None

    return process, wait_for(address, "the Dask scheduler")


def start_worker(
    folder: Path,
    scheduler: str,
    host: str,
    environment: Mapping[str, str],
    before: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start a worker with one thread, 4 GB and one CPU, in a folder that is made for it."""
    arguments = (scheduler, "--host", host, *RESOURCES)
    return _start(folder, environment, [*before, *_cli("worker"), *arguments])


def wait_for(found: Callable[[], T | None], what: str) -> T:
    """Return what `found` finds, as soon as it does."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (one := found()) is None:
        assert time.monotonic() < until, f"no sign of {what} in {PATIENCE_SECONDS} s"
        time.sleep(0.1)
    return one


def _cli(name: str) -> list[str]:
    return [sys.executable, "-m", f"distributed.cli.dask_{name}", "--no-dashboard"]


def _start(
    folder: Path, environment: Mapping[str, str], command: list[str]
) -> subprocess.Popen[bytes]:
    folder.mkdir()
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(
            command, cwd=folder, env={**environment, **ENVIRONMENT}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip


def _said(folder: Path) -> str:
    return (folder / "said.txt").read_text(errors="replace")
