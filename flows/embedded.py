"""A Prefect server that ends with the process that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from flows.server.client import QUIET, short_certificates

_STOP_SECONDS = 15


class EmbeddedServer(NamedTuple):
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


@contextlib.contextmanager
def embedded_server(port: int | None = None) -> Iterator[EmbeddedServer]:
    """Start a server process on a loopback port, a free one if none is given; stop it on leaving.

    It has a session of its own, so that Ctrl-C in the terminal reaches the run first, and it
    ends with this process whatever that dies of. It may not be ready yet: see `wait_for`.

    Yields
    ------
    EmbeddedServer
        With `environment`, the variables under which a process uses this server.
    """
    url = f"http://127.0.0.1:{port or _free_port()}"
    with tempfile.TemporaryDirectory(prefix="sitsflow-server-") as scratch:
        environment = {
            **QUIET,
            "PREFECT_API_URL": f"{url}/api",
            "PREFECT_UI_URL": url,
            "PREFECT_SERVER_UI_API_URL": f"{url}/api",
            "PREFECT_API_SSL_CERT_FILE": str(short_certificates(Path(scratch))),
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
            yield EmbeddedServer(process, url, environment, path)
        finally:
            stop(process)


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
