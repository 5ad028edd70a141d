"""The Prefect server of this machine, at most one for each home of Prefect."""

from __future__ import annotations

import atexit
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from flows.server.client import START_SECONDS, Server, ServerError
from flows.server.folder import is_used, locked
from flows.server.log import ErrorLog, log_path
from flows.server.process import ServerProcess, find_process, forget, is_free
from flows.server.start import import_errors, start_process

_LONG_SECONDS = 4.0
_PORTS_TRIED = 100
_started_here: list[str] = []
_ENDED = "ended at its start"


class Status(NamedTuple):
    """The server of this machine, as it is now."""

    server: Server
    pid: int
    since: datetime
    database: str
    """Its file, or its address without the password."""
    size: int | None
    """Bytes of that file and its journal, None if the database is no file."""
    log: Path
    """Where its errors are."""


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
        found = find_process()
        if found is None:
            forget()
            return _start_on_a_free_port() if port is None else _start(port)
        if why_not := _wait(found):
            raise ServerError(
                f"the Prefect server of this machine, process {found.process.pid}, {why_not}: "
                f"see {log_path()}, or stop it (sitsflow server stop)"
            )
        if port not in (None, found.port):
            _say(f"the Prefect server of this machine is there already, on port {found.port}")
        return Server(found.url)


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
        found = find_process()
        if found is None:
            forget()
            return False
        if unless_used and is_used():
            return False
        found.end()
    return True


def stop_at_exit() -> None:
    """Stop the server when this process ends, if it was started by it and no other uses it.

    Call it before Prefect is imported: what is registered first is called last, and what Prefect
    still has to send to the server is sent before.
    """
    atexit.register(_stop_own)


def _stop_own() -> None:
    if _started_here:
        stop(unless_used=True)


def status() -> Status | None:
    """Return what there is to know of the server of this machine, None if there is none."""
    found = find_process()
    if found is None:
        return None
    since = datetime.fromtimestamp(found.process.create_time())
    return Status(Server(found.url), found.process.pid, since, *_database(), log_path())


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
    if not is_free(port):
        raise ServerError(f"port {port} of this machine is in use: choose another")
    errors = ErrorLog()
    server = start_process(port)
    why_not = _ENDED
    if server is not None:
        try:
            why_not = _wait(server)
        finally:  # after Ctrl-C too
            if why_not:
                server.end()
    if server is None or why_not:
        said = "".join(f"\n  {cause}" for cause in errors.new() or import_errors(port))
        raise ServerError(f"the Prefect server {why_not}:{said}\n  (more in {errors.path})")
    _started_here.append(server.url)
    return Server(server.url, started=True)


def _wait(server: ServerProcess) -> str:
    """Return when the server answers, or else what it did instead."""
    began = time.monotonic()
    said = False
    while not server.answers():
        waited = time.monotonic() - began
        if not server.is_alive():
            return _ENDED
        if waited > START_SECONDS:
            return f"does not answer after {START_SECONDS} s"
        if waited > _LONG_SECONDS and not said:
            _say("waiting for the Prefect server; its first start takes up to a minute")
            said = True
        time.sleep(0.1)
    return ""


def _database() -> tuple[str, int | None]:
    """Return where the database is, and its bytes if it is a file."""
    from prefect.settings import get_current_settings
    from sqlalchemy import make_url

    secret = get_current_settings().server.database.connection_url
    url = make_url(secret.get_secret_value() if secret else "")
    if url.get_backend_name() != "sqlite" or not url.database:
        return url.render_as_string(hide_password=True), None
    files = [Path(f"{url.database}{suffix}") for suffix in ("", "-wal")]
    return url.database, sum(path.stat().st_size for path in files if path.is_file())


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
