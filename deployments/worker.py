"""Prefect's process worker, which ends with the process that started it, and its runs with it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

_GRACE_SECONDS = 20.0
# Of Linux: <linux/prctl.h>.
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
_LIBC = ctypes.CDLL(None)


@contextlib.contextmanager
def process_worker(pool: str, name: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process worker; nothing that it started outlives this block, or this process.

    What it and its runs print is in `log`: the UI shows what matters of it.

    Yields
    ------
    subprocess.Popen
        The worker: it may end by itself.
    """
    # Runs whose worker was killed become children of this process.
    _LIBC.prctl(_SET_CHILD_SUBREAPER, 1)
    command = [sys.executable, "-m", "prefect", "worker", "start"]
    with log.open("wb") as file:
        worker = subprocess.Popen(
            [*command, "--pool", pool, "--type", "process", "--name", name],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**os.environ, "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING"},
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        yield worker
    finally:
        end_runs()
        worker.terminate()
        try:
            worker.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        _kill_rest()


def end_runs(seconds: float = _GRACE_SECONDS) -> None:
    """Interrupt the runs that descend from this process, and wait for them.

    An interrupted run leaves its output folder in a state that can be resumed. Prefect's worker
    would kill it.
    """
    runs = [one for one in psutil.Process().children(recursive=True) if _is_run(one)]
    for run in runs:
        with contextlib.suppress(psutil.Error):
            run.send_signal(signal.SIGINT)
    psutil.wait_procs(runs, timeout=seconds)


def _kill_rest() -> None:
    rest = psutil.Process().children(recursive=True)
    for process in rest:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(rest, timeout=_GRACE_SECONDS)


def _is_run(process: psutil.Process) -> bool:
    try:
        return "prefect.engine" in process.cmdline() or "prefect.flow_engine" in process.cmdline()
    except psutil.Error:
        return False


def _end_with_parent() -> None:
    """Have the worker asked to end when its parent is gone, however it died: it kills its runs."""
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
