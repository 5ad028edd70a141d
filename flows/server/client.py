"""Using a Prefect server, as long as it answers."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.server.folder import folder, used
from flows.server.password import auth_string

if TYPE_CHECKING:
    from flows.server.process import Server

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "DASK_LOGGING__DISTRIBUTED": "warning",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_CLI_PROMPT": "false",
    # `python -m` would put the current folder on the path, and with it a user's tasks.py.
    "PYTHONSAFEPATH": "1",
}
"""Environment of the server and of all that use it: private, quiet, with a safe import path."""

_LOOK_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
_OWN_FAULTS = 500
"""HTTP statuses from here on are faults of the server, such as a database that is locked."""
_CERTIFICATE_END = "-----END CERTIFICATE-----"


def configured_api_url() -> str | None:
    """Return the address of the Prefect API that the user configured, None if there is none."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


@contextlib.contextmanager
def use(server: Server | str) -> Iterator[None]:
    """Make this process, and those it starts, use a server, given by itself or its API's address.

    While a server of this machine is in use, `stop(unless_used=True)` leaves it alone.
    """
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_SSL_CERT_FILE,
        PREFECT_API_URL,
        temporary_settings,
    )

    api_url = server if isinstance(server, str) else server.api_url
    settings: dict[Any, str] = {PREFECT_API_URL: api_url}
    # The password is that of the server of this machine: no other server may see it.
    if not isinstance(server, str) and (auth := auth_string()):
        settings[PREFECT_API_AUTH_STRING] = auth
    if api_url.startswith(("http://127.0.0.1:", "http://localhost:")):
        settings[PREFECT_API_SSL_CERT_FILE] = str(_short_certificates())
    variables = QUIET | {setting.name: value for setting, value in settings.items()}
    before = {name: os.environ[name] for name in variables if name in os.environ}
    with (
        contextlib.nullcontext() if isinstance(server, str) else used(),
        temporary_settings(settings),
    ):
        os.environ.update(variables)
        try:
            yield
        finally:
            for name in variables.keys() - before.keys():
                os.environ.pop(name, None)
            os.environ.update(before)


def answers(api_url: str) -> bool:
    """Whether a Prefect server answers at this address."""
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:  # urllib's own errors are OSErrors too
        return False


@contextlib.contextmanager
def ended_without_server(
    api_url: str | None, end: Callable[[], None], patience: float = _PATIENCE_SECONDS
) -> Iterator[None]:
    """Call `end`, in a thread, when the server has not answered for `patience` seconds.

    Without it every task, and every call of the flow itself, waits a minute or more for the
    server before it fails; thousands of chunks would do so one after the other.
    """
    left = threading.Event()

    def watch(url: str) -> None:
        heard = time.monotonic()
        while not left.wait(min(_LOOK_SECONDS, patience / 2)):
            if answers(url):
                heard = time.monotonic()
            elif time.monotonic() > heard + patience and not left.is_set():
                sys.stderr.write(f"sitsflow: {gone(url)}\n")
                end()
                return

    if api_url is not None:
        threading.Thread(target=watch, args=(api_url,), name="server-watch", daemon=True).start()
    try:
        yield
    finally:
        left.set()


def gone(api_url: object, status: int | None = None) -> str:
    """Return what to say of a server that is gone, or answers with an error of this HTTP status."""
    how = "does not answer any more"
    if status is not None:
        fault = "does not accept a request" if status < _OWN_FAULTS else "has a fault of its own"
        how = f"{fault} (HTTP status {status}), and its log says why"
    return (
        f"the Prefect server at {api_url} {how}; what is done is kept: start the same command "
        "again to resume the run"
    )


def _short_certificates() -> Path:
    """Write a bundle of one certificate for Prefect's clients of a server that speaks plain HTTP.

    Each client builds a TLS context from the whole bundle, needed or not: 0.2 s a task.
    """
    import certifi

    from sitsflow.io.record import write_whole

    path = folder() / "certificate.pem"
    if not path.exists():
        first, end, _ = Path(certifi.where()).read_text("utf-8").partition(_CERTIFICATE_END)
        write_whole(path, f"{first}{end}\n")
    return path
