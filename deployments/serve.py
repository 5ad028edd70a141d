"""The server of this machine, a worker and the deployments, until Ctrl-C: ``make serve``.

``python -m deployments.serve [FOLDER]``; FOLDER is where an example is simulated if no
configuration is saved yet, `example` if not given. `SITSFLOW_PORT` chooses the server's port;
`SITSFLOW_AUTH=user:password` gives it a password. `SITSFLOW_MODULE_PATHS`, `SITSFLOW_DATA_ROOTS`
and `SITSFLOW_CLUSTERS` say what runs may use.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType

from blocks.allowed import CLUSTERS, DATA_ROOTS, MODULE_PATHS, Allowed
from deployments.deploy import deploy
from deployments.register import POOL
from deployments.settings import kept_settings
from deployments.worker import process_worker
from flows.cli import saved
from flows.cli.demo import prepare
from flows.cli.load import load
from flows.cli.server import database
from flows.previous_run import close_run
from flows.server import (
    ErrorLog,
    Server,
    ServerError,
    configured_api_url,
    find_or_start,
    refuse_shared_machine,
    running_server,
    stop,
    use,
)
from flows.server.folder import folder
from flows.server.password import VARIABLE, auth_string
from sitsflow.errors import SitsflowError

EXAMPLE = "example"
_SIZE = 250
_LOOK_SECONDS = 1.0
_SHOWN = 2000  # of the worker's log, if it ends by itself
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPED = "the worker was stopped; run it again to resume"


def serve(port: int | None, example: Path) -> int:
    """Serve until interrupted, or until a part ends by itself; return the exit status."""
    refuse_shared_machine()
    allowed = _allow(example)
    with _server(port) as server:
        _say(f"  its database is {database()}")
        _save_example(example)
        with kept_settings():
            said = deploy()
        _say("".join(f"  {line}\n" for line in said))
        log = folder() / "worker.log"
        name = f"{socket.gethostname()}-{os.getpid()}"
        try:
            with process_worker(POOL, name, log) as worker:
                _say(_welcome(server, allowed))
                return _watch(server, worker, log)
        finally:
            if server.is_alive():
                _close_runs(name)


@contextlib.contextmanager
def _server(port: int | None) -> Iterator[Server]:
    """Use this machine's server; stop it if it was not there, and nothing else uses it."""
    server = find_or_start(port)
    _say(f"Prefect {'started' if server.started else 'runs already'}: {server.url}")
    try:
        with use(server):
            yield server
    finally:
        if server.started and not stop(unless_used=True) and server.is_alive():
            _say("the server stays, for a run uses it; `sitsflow server stop` stops it")


def _watch(server: Server, worker: subprocess.Popen[bytes], log: Path) -> int:
    """Return when a part ends by itself; until then tell what the server complains of."""
    errors = ErrorLog()
    while server.is_alive():
        _tell(errors)
        if worker.poll() is not None:
            _say(f"the worker ended by itself\n{log.read_text('utf-8', 'replace')[-_SHOWN:]}")
            return 1
        time.sleep(_LOOK_SECONDS)
    _tell(errors)
    _say("the server has ended")
    return 1


def _tell(errors: ErrorLog) -> None:
    for cause in errors.new():
        _say(f"the server complains: {cause}\n  (more in {errors.path})")


def _close_runs(worker: str) -> None:
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
            if run.labels.get("prefect.worker.name") != worker:
                continue
            close_run(client, run.id, _STOPPED)


def _save_example(place: Path) -> None:
    """Give the form something to choose from, where nothing is saved yet."""
    if saved.names():
        return
    _say(f"no configuration is saved yet: simulating an example in {place}")
    config = prepare(place, _SIZE, lambda _done, _all: None)
    saved.save(EXAMPLE, load(str(config)).configuration)


def _allow(example: Path) -> Allowed:
    """Return what runs may use; without a word of data also the example."""
    allowed = Allowed.by_environment(os.environ)
    if not os.environ.get(DATA_ROOTS):
        allowed = replace(allowed, data=(*allowed.data, example.resolve()))
        # The worker and its runs read it there.
        os.environ[DATA_ROOTS] = os.pathsep.join(map(str, allowed.data))
    return allowed


def _welcome(server: Server, allowed: Allowed) -> str:
    modules = ", ".join(map(str, allowed.modules)) or "none, the built-in ones alone"
    also = ", and the server" if server.started else "; the server stays"
    login = f"  It asks for the user:password of {VARIABLE}.\n" if auth_string() else ""
    return (
        f"{server.url}\n{login}"
        "  Make a map: Deployments > on-demand > Run > Custom run; in `config` pick one of: "
        f"{', '.join(saved.names())}; Submit.\n"
        "  Save your own, in another terminal: sitsflow config save NAME FILE\n"
        f"  Runs may use functions of: {modules} ({MODULE_PATHS})\n"
        f"  and read and write in: {', '.join(map(str, allowed.data))} ({DATA_ROOTS})\n"
        f"  with local workers{_clusters(allowed)}\n"
        f"Ctrl-C stops the worker and its runs{also}."
    )


def _clusters(allowed: Allowed) -> str:
    also = ", ".join(allowed.clusters)
    return f", and on {also}" if also else f" alone ({CLUSTERS})"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """End in order, once: what asks again while that is under way is not heard."""
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    _say("stopping: runs under way are interrupted, and can be resumed")
    raise KeyboardInterrupt


def _wanted_port() -> int | None:
    given = os.environ.get("SITSFLOW_PORT")
    if given is None:
        return None
    if not (given.isdecimal() and 0 < int(given) < 65536):
        sys.exit(f"SITSFLOW_PORT is {given!r}, which is no port: a number from 1 to 65535")
    return int(given)


def main() -> None:
    """Serve, unless another server is configured."""
    own = running_server()
    if (url := configured_api_url()) not in (None, own and own.api_url):
        sys.exit(f"a Prefect server is configured already, {url}: use `make deploy`")
    port = _wanted_port()
    for number in _ENDS:
        signal.signal(number, _interrupt)
    try:
        ended = serve(port, Path(sys.argv[1] if len(sys.argv) > 1 else EXAMPLE))
    except KeyboardInterrupt:
        ended = 0
    except (ServerError, SitsflowError) as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stdout}{error.stderr}")
    sys.exit(ended)


if __name__ == "__main__":
    main()
