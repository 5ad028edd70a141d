"""The Prefect server of this machine, at most one for each home of Prefect."""

from __future__ import annotations

import atexit
import sys
import time

from flows.server.client import answers, configured_api_url
from flows.server.errors import ServerError
from flows.server.folder import is_used, locked
from flows.server.log import log_path
from flows.server.password import check_password
from flows.server.process import Server, forget, running_server, start, wait_for

_ANSWER_SECONDS = 20  # of a server that should be there
_started_here: list[Server] = []


def find_server() -> Server | str:
    """Return the address of the configured Prefect API, or else the server of this machine.

    Raises
    ------
    ServerError
        If it does not answer.
    """
    url = configured_api_url()
    if url is None:
        return find_or_start()
    until = time.monotonic() + _ANSWER_SECONDS
    while not answers(url):
        if time.monotonic() > until:
            raise ServerError(
                f"the Prefect server at {url} does not answer after {_ANSWER_SECONDS} s: start it, "
                "or unset PREFECT_API_URL to use the server of this machine"
            )
        time.sleep(0.2)
    return url


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
        If it does not start, with the cause; if its password is another.
    """
    with locked():
        found = running_server()
        why_not = wait_for(found) if found else ""
        if found is None or not found.is_alive():
            forget()
            _started_here.append(start(port))
            return _started_here[-1]
        if why_not:
            raise ServerError(
                f"the Prefect server of this machine, process {found.process.pid}, {why_not}: "
                f"see {log_path()}, or stop it (sitsflow server stop)"
            )
        check_password(found.api_url)
        if port not in (None, found.port):
            sys.stderr.write(
                f"the Prefect server of this machine is there already, on port {found.port}\n"
            )
        return found


def stop(*, unless_used: bool = False) -> bool:
    """Stop the server of this machine, wait until it is gone, and return whether there was one.

    Parameters
    ----------
    unless_used : bool
        Leave it if a process uses it: see `use`.
    """
    with locked():
        found = running_server()
        if found is None:
            forget()
        elif unless_used and is_used():
            return False
        else:
            found.end()
    return found is not None


def stop_at_exit() -> None:
    """Stop the server when this process ends, if it was started by it and no other uses it.

    Call it before Prefect is imported: what is registered first is called last, and what Prefect
    still has to send to the server is sent before.
    """
    atexit.register(lambda: _started_here and stop(unless_used=True))
