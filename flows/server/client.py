"""What a process needs to use a Prefect server."""

from __future__ import annotations

import contextlib
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flows.server.folder import folder, used

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

START_SECONDS = 300  # the first start of all makes the database, on a slow disk a minute or two
_ANSWER_SECONDS = 20  # of a server that should be there
_CERTIFICATE_END = "-----END CERTIFICATE-----"
_BATCH_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "OAR_JOB_ID", "FLUX_JOB_ID")


class ServerError(Exception):
    """The Prefect server does not answer, or could not be started."""


@dataclass(frozen=True)
class Server:
    """A Prefect server of this machine: where its UI is, and whether it was started just now."""

    url: str
    started: bool = False

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return f"{self.url}/api"

    def run_url(self, flow_run_id: object) -> str:
        """Return the address of a flow run in the UI."""
        return f"{self.url}/runs/flow-run/{flow_run_id}"


def configured_api_url() -> str | None:
    """Return the address of the Prefect API that the user configured, None if there is none."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def leave_by_default() -> bool:
    """Whether a server that a run starts stays after it: not in a job of a batch scheduler."""
    # SGE and its successors have their own pair: JOB_ID alone is any program's variable.
    grid_engine = "SGE_ROOT" in os.environ and "JOB_ID" in os.environ
    return not grid_engine and not any(name in os.environ for name in _BATCH_JOBS)


@contextlib.contextmanager
def use(server: Server | str) -> Iterator[None]:
    """Make this process, and those it starts, use a server, given by itself or its API's address.

    While a server of this machine is in use, `stop(unless_used=True)` leaves it alone.
    """
    from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, temporary_settings

    api_url = server if isinstance(server, str) else server.api_url
    settings: dict[Any, str] = {PREFECT_API_URL: api_url}
    if _is_local_http(api_url):
        settings[PREFECT_API_SSL_CERT_FILE] = str(short_certificates(folder()))
    variables = {**QUIET, **{setting.name: value for setting, value in settings.items()}}
    with contextlib.ExitStack() as stack:
        if isinstance(server, Server):
            stack.enter_context(used())
        stack.enter_context(_environment(variables))
        stack.enter_context(temporary_settings(settings))
        yield


def wait_for(api_url: str, seconds: float = START_SECONDS, remedy: str = "") -> None:
    """Return when the server at `api_url` answers.

    Raises
    ------
    ServerError
        If it does not within `seconds`.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answers(api_url):
            return
        time.sleep(0.2)
    raise ServerError(
        f"the Prefect server at {api_url} does not answer after {seconds:.0f} s{remedy}"
    )


def wait_for_configured(api_url: str) -> None:
    """Return when a server answers that should be there.

    Raises
    ------
    ServerError
        If it soon does not.
    """
    remedy = ": start it, or unset PREFECT_API_URL to use the server of this machine"
    wait_for(api_url, _ANSWER_SECONDS, remedy)


def answers(api_url: str) -> bool:
    """Whether a Prefect server answers at this address."""
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:  # urllib's own errors are OSErrors too
        return False


def short_certificates(place: Path) -> Path:
    """Write a bundle of one certificate for Prefect's clients of a server that speaks plain HTTP.

    Each client builds a TLS context from the whole bundle, needed or not: 0.2 s a task.
    """
    import certifi

    from sitsflow.io.record import write_whole

    path = place / "certificate.pem"
    if not path.exists():
        first, end, _ = Path(certifi.where()).read_text("utf-8").partition(_CERTIFICATE_END)
        write_whole(path, f"{first}{end}\n")
    return path


def _is_local_http(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
