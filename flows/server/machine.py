"""The Prefect server of this machine, at most one for each home of Prefect."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.server.client import START_SECONDS, Server, ServerError
from flows.server.folder import folder, home, is_used, locked
from flows.server.log import Complaints, log_path
from flows.server.process import ServerProcess, find_process, forget, is_free
from flows.server.start import start_process

_LONG_SECONDS = 4.0
_PORTS_TRIED = 100
_UNKNOWN = "`prefect server start` shows why"


@dataclass(frozen=True)
class Status:
    """The server of this machine, as it is now.

    Attributes
    ----------
    server : Server
        Its addresses.
    pid : int
        Number of its process.
    since : datetime
        When it was started.
    database : str
        Path of the file, or address without the password.
    size : int or None
        Bytes of that file, None if the database is no file.
    log : Path
        Where its errors are.
    """

    server: Server
    pid: int
    since: datetime
    database: str
    size: int | None
    log: Path


def find_or_start(port: int | None = None) -> Server:
    """Return the server of this machine, which answers; start it if there is none.

    Parameters
    ----------
    port : int, optional
        Where it is started: if not given Prefect's configured port, usually 4200, or the next
        that is free. A server that is there already keeps its own.

    Raises
    ------
    ServerError
        If it does not start, with the cause.
    """
    with locked():
        if (found := find_process(home())) is not None:
            if why_not := _wait(found):
                raise ServerError(
                    f"the Prefect server of this machine, process {found.process.pid}, {why_not}: "
                    f"see {log_path(folder())}, or stop it (sitsflow server stop)"
                )
            if port not in (None, found.port):
                _say(f"the Prefect server of this machine is there already, on port {found.port}")
            return Server(found.url)
        if port is not None:
            if not is_free(port):
                raise ServerError(f"port {port} of this machine is in use: choose another")
            return _start(port)
        return _start_on_a_free_port()


def stop(*, unless_used: bool = False) -> bool:
    """Stop the server of this machine, and return when it is gone.

    Parameters
    ----------
    unless_used : bool
        Leave it if a process uses it: see `use`.

    Returns
    -------
    bool
        Whether there was one that is stopped now.
    """
    with locked():
        found = find_process(home())
        if found is None or (unless_used and is_used()):
            return False
        _end(found)
    return True


def status() -> Status | None:
    """Return what there is to know of the server of this machine, None if there is none."""
    found = find_process(home())
    if found is None:
        return None
    database = _database()
    path = Path(database)
    return Status(
        server=Server(found.url),
        pid=found.process.pid,
        since=datetime.fromtimestamp(found.process.create_time()),
        database=database,
        size=path.stat().st_size if path.is_file() else None,
        log=log_path(folder()),
    )


def _start_on_a_free_port() -> Server:
    from prefect.settings import get_current_settings

    first = get_current_settings().server.api.port
    last: ServerError | None = None
    for port in range(first, min(first + _PORTS_TRIED, 65536)):
        if not is_free(port):
            continue
        if port != first:
            _say(
                f"port {first} is in use by another program: the Prefect server of this machine "
                f"takes port {port}"
            )
        try:
            return _start(port)
        except ServerError as error:
            if is_free(port):
                raise
            last = error  # somebody else was quicker
    raise last or ServerError(f"no port from {first} on is free on this machine")


def _start(port: int) -> Server:
    complaints = Complaints(log_path(folder()))
    server = start_process(home(), folder(), port)
    try:
        why_not = _wait(server)
    except BaseException:  # Ctrl-C too
        _end(server)
        raise
    if why_not:
        _end(server)
        raise ServerError(f"the Prefect server {why_not}: {complaints.new() or _UNKNOWN}")
    return Server(server.url, started=True)


def _wait(server: ServerProcess) -> str:
    """Return when the server answers, or else what it did instead."""
    began = time.monotonic()
    said = False
    while not server.answers():
        waited = time.monotonic() - began
        if not server.is_alive():
            return "ended at its start"
        if waited > START_SECONDS:
            return f"does not answer after {START_SECONDS} s"
        if waited > _LONG_SECONDS and not said:
            _say("waiting for the Prefect server; its first start takes up to a minute")
            said = True
        time.sleep(0.1)
    return ""


def _end(server: ServerProcess) -> None:
    server.end()
    forget(home())


def _database() -> str:
    from prefect.settings import get_current_settings
    from sqlalchemy import make_url

    secret = get_current_settings().server.database.connection_url
    url = make_url(secret.get_secret_value() if secret else "")
    is_file = url.get_backend_name() == "sqlite" and url.database
    return url.database or "" if is_file else url.render_as_string(hide_password=True)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
