"""A server, a worker and the deployments on this machine, until Ctrl-C: ``make serve``.

``python -m deployments.serve [FOLDER]``; FOLDER is where the demonstration's products are simulated
if no configuration is saved yet, `demo` if not given. Port 4200, or `SITSFLOW_PORT`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import State, StateType
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from prefect.states import Crashed

from deployments.deploy import deploy
from deployments.register import POOL
from deployments.settings import kept_settings
from flows import saved
from flows.configuration import load
from flows.demo import prepare
from flows.embedded import embedded_server
from flows.former import close_tasks
from flows.launch import configured_server
from flows.server import ServerError, wait_for
from flows.worker_process import end_family

_DEMO_SIZE = 250
_LOOK_SECONDS = 1.0
_STOPPED = "the worker was stopped; run it again to resume"


def serve(port: int, folder: Path) -> int:
    """Serve until interrupted, or until a part ends by itself; return the exit status."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with embedded_server(port) as server:
        _say(f"starting Prefect on {server.url}; its database is in {_home()}")
        wait_for(server.api_url)
        with temporary_settings({PREFECT_API_URL: server.api_url}):
            _save_demo(folder)
            with kept_settings():
                said = deploy(server.environment)
            _say("".join(f"  {line}\n" for line in said))
            with _worker(server.environment) as worker:
                _say(_welcome(server.url))
                complaints = _Complaints(server.log)
                while not stop.wait(_LOOK_SECONDS):
                    for part, process in (("server", server.process), ("worker", worker)):
                        if process.poll() is not None:
                            _say(f"the {part} ended by itself\n{server.last_words()}")
                            return 1
                    complaints.tell()
                _say("stopping: runs under way are interrupted, and can be resumed")
            _close_runs()
    return 0


@contextlib.contextmanager
def _worker(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process worker; nothing that it started outlives this block, or this process."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "flows.worker_process", POOL],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **environment, "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING"},
        start_new_session=True,
    )
    try:
        yield worker
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            end_family(psutil.Process(worker.pid))
        worker.wait()


def _close_runs() -> None:
    """Mark as crashed what the server still believes to be running on our worker."""
    under_way = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=under_way))
            ),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])),
        )
        for run in runs:
            state: State[Any] = Crashed(message=_STOPPED)
            client.set_flow_run_state(run.id, state, force=True)
            close_tasks(client, run.id, _STOPPED)


def _save_demo(folder: Path) -> None:
    """Give the form something to choose from: the demonstration, where nothing is saved yet."""
    if saved.names():
        return
    _say(f"no configuration is saved yet: simulating the demonstration in {folder}")
    saved.save(
        "demo", load(str(prepare(folder, _DEMO_SIZE, lambda _done, _all: None))).configuration
    )


def _welcome(url: str) -> str:
    return (
        f"{url}\n"
        "  Make a map: Deployments > on-demand > Run > Custom run; in `config` pick one of: "
        f"{', '.join(saved.names())}; Submit.\n"
        "  Save your own: sitsflow config save NAME FILE, in another terminal after\n"
        f"    export PREFECT_API_URL={url}/api\n"
        "Ctrl-C stops the server, the worker and its runs."
    )


def _home() -> Path:
    return get_current_settings().home


class _Complaints:
    """Repeats what the server complains of, which only writes errors: its last line, once each."""

    def __init__(self, log: Path) -> None:
        self._log, self._seen = log, 0
        self._told: set[str] = set()

    def tell(self) -> None:
        """Say what is new."""
        with self._log.open("rb") as log:
            log.seek(self._seen)
            new = log.read()
        self._seen += len(new)
        lines = new.decode("utf-8", "replace").strip().splitlines()
        if lines and lines[-1] not in self._told:
            self._told.add(lines[-1])
            _say(f"the server complains: {lines[-1]}\n  (more in {self._log})")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def main() -> None:
    """Serve, unless a server is configured already."""
    if (url := configured_server()) is not None:
        sys.exit(f"a Prefect server is configured already, {url}: use `make deploy`")
    given = os.environ.get("SITSFLOW_PORT", "4200")
    if not (given.isdecimal() and 0 < int(given) < 65536):
        sys.exit(f"SITSFLOW_PORT is {given!r}, which is no port: a number from 1 to 65535")
    port = int(given)
    if not _is_free(port):
        sys.exit(f"port {port} of this machine is in use: choose another, SITSFLOW_PORT=4201")
    try:
        status = serve(port, Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
    except ServerError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stdout}{error.stderr}")
    sys.exit(status)


if __name__ == "__main__":
    main()
