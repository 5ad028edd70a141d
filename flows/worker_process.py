"""A process worker that ends, with all it started, when the process that started it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

import psutil

_GRACE_SECONDS = 20.0


def end_family(process: psutil.Process, seconds: float = _GRACE_SECONDS) -> None:
    """End a worker and the runs it started: interrupt the runs, wait, then kill what is left.

    An interrupted run leaves its output folder in a state that can be resumed. Runs have sessions
    of their own, so that the worker's process group is not all of its family.
    """
    family = _family(process)
    for member in family:
        if member == process or _is_run(member):
            with contextlib.suppress(psutil.Error):
                member.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(family, timeout=seconds)
    for member in {*alive, *_family(process)}:
        with contextlib.suppress(psutil.Error):
            member.kill()
    psutil.wait_procs(family, timeout=seconds)


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _is_run(process: psutil.Process) -> bool:
    try:
        return "prefect.engine" in process.cmdline() or "prefect.flow_engine" in process.cmdline()
    except psutil.Error:
        return False


def _end_with(descriptor: int) -> None:
    """End everything when the other end of a pipe closes: the parent is gone, however it died."""

    def watch() -> None:
        while os.read(descriptor, 1):
            pass
        me = psutil.Process()
        for child in me.children():
            end_family(child)
        me.kill()

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def main() -> None:
    """Run Prefect's process worker on the pool named by the only argument."""
    _end_with(sys.stdin.fileno())
    sys.argv = ["prefect", "worker", "start", "--pool", sys.argv[1], "--type", "process"]
    from prefect.cli import app

    app()


if __name__ == "__main__":
    main()
