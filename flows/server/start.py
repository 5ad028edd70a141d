"""Starting a server in the background, by Prefect's own command."""

from __future__ import annotations

import os
import subprocess
import sys

from flows.server.client import QUIET, ServerError
from flows.server.folder import home
from flows.server.log import causes, write_log_settings
from flows.server.process import ServerProcess, find_process, remember_machine


def start_process(port: int) -> ServerProcess | None:
    """Start a server, which may not answer yet; return None if it has ended again.

    Raises
    ------
    ServerError
        With what Prefect's command says.
    """
    command = ["-m", "prefect", "server", "start", "--background", "--host", "127.0.0.1"]
    done = _run([*command, "--port", str(port)], port)
    if done.returncode:
        raise ServerError(f"the Prefect server did not start: {done.stdout}{done.stderr}".strip())
    server = find_process()
    if server is not None:
        remember_machine(server)
    return server


def import_errors(port: int) -> list[str]:
    """Return why a server ended before it could write to its log: at an import."""
    return causes(_run(["-c", "import prefect.server.api.server"], port).stderr)


def _run(arguments: list[str], port: int) -> subprocess.CompletedProcess[str]:
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        **QUIET,
        "PREFECT_HOME": str(home()),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        "PREFECT_UI_URL": url,
        # Prefect's default lets every page that the user's browser shows call this server: read
        # its answers, and, even without those, change and delete what it keeps.
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"{url},http://localhost:{port}",
        "PREFECT_LOGGING_CONFIG_PATH": str(write_log_settings()),
        # Options of uvicorn, which Prefect's command does not have.
        "UVICORN_ACCESS_LOG": "false",
        "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "5",
    }
    environment.pop("PREFECT_API_URL", None)
    # In a session of its own: Ctrl-C in the terminal is for the run, not for the server.
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=home(),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
