"""A Prefect server of one's own, for runs where no other is configured."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "DASK_LOGGING__DISTRIBUTED": "warning",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_CLI_PROMPT": "false",
}
"""Settings of the server and of everything that talks to it: private, and without noise."""

START_SECONDS = 300  # the first start of all makes the database, on a slow disk a minute or two
_ANSWER_SECONDS = 20  # of a server that should be there
_STOP_SECONDS = 15
_CERTIFICATE_END = "-----END CERTIFICATE-----"


class Server(NamedTuple):
    """A server that was started here: its process, and what its clients need."""

    process: subprocess.Popen[bytes]
    url: str
    environment: Mapping[str, str]
    log: Path

    def last_words(self) -> str:
        """Return the end of what the server printed: why it died, if it did."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return f"{self.url}/api"


class ServerError(Exception):
    """The embedded server did not start."""


@contextlib.contextmanager
def embedded_server(port: int | None = None) -> Iterator[Server]:
    """Start a server process on a loopback port, a free one if none is given; stop it on leaving.

    It has a session of its own, so that Ctrl-C in the terminal reaches the run first, and it
    ends with this process whatever that dies of. It may not be ready yet: see `wait_for`.

    Yields
    ------
    Server
        With `environment`, the variables under which a process uses this server.
    """
    url = f"http://127.0.0.1:{port or _free_port()}"
    with tempfile.TemporaryDirectory(prefix="sitsflow-server-") as scratch:
        environment = {
            **QUIET,
            "PREFECT_API_URL": f"{url}/api",
            "PREFECT_UI_URL": url,
            "PREFECT_SERVER_UI_API_URL": f"{url}/api",
            **_short_certificates(Path(scratch)),
        }
        own = {**os.environ, **environment, "PREFECT_SERVER_LOGGING_LEVEL": "ERROR"}
        # The server asks its own API for nothing but through this process's settings.
        del own["PREFECT_API_URL"]
        path = Path(scratch) / "server.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.api_process", url.rpartition(":")[2]],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=own,
                start_new_session=True,
            )
        try:
            yield Server(process, url, environment, path)
        finally:
            stop(process)


def wait_for(api_url: str, seconds: float = START_SECONDS, remedy: str = "") -> None:
    """Return when the server at `api_url` answers.

    Raises
    ------
    ServerError
        If it does not within `seconds`.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if _answers(f"{api_url}/health"):
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
    remedy = ": start it, or unset PREFECT_API_URL to have one started for the run"
    wait_for(api_url, _ANSWER_SECONDS, remedy)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:  # urllib's own errors are OSErrors too
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own group: ask, wait, then kill the whole group."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _short_certificates(folder: Path) -> dict[str, str]:
    """Name a bundle of one certificate for Prefect's clients of a server that speaks plain HTTP.

    Each client builds a TLS context from the whole bundle, needed or not: 0.2 s a task.
    """
    import certifi

    first = Path(certifi.where()).read_text(encoding="utf-8").partition(_CERTIFICATE_END)
    path = folder / "certificate.pem"
    path.write_text(f"{first[0]}{first[1]}\n", encoding="utf-8")
    return {"PREFECT_API_SSL_CERT_FILE": str(path)}
