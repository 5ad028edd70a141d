"""Starting a server in the background, by Prefect's own command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flows.server.client import QUIET, ServerError
from flows.server.log import write_log_settings
from flows.server.process import ServerProcess, find_process, remember_machine

_COMMAND = [sys.executable, "-m", "prefect", "server", "start", "--background"]


def start_process(home: Path, folder: Path, port: int) -> ServerProcess:
    """Start a server; it may not answer yet.

    Raises
    ------
    ServerError
        With what Prefect's command says.
    """
    done = subprocess.run(
        [*_COMMAND, "--host", "127.0.0.1", "--port", str(port), "--analytics-off"],
        cwd=home,
        env=_environment(home, folder, port),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        # Ctrl-C in the terminal is for the run, not for the server.
        start_new_session=True,
    )
    if done.returncode:
        raise ServerError(f"the Prefect server did not start: {done.stdout}{done.stderr}".strip())
    server = find_process(home)
    if server is None:
        raise ServerError("the Prefect server ended at once")
    remember_machine(home, server.process.pid)
    return server


def _environment(home: Path, folder: Path, port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    inherited = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return {
        **inherited,
        **QUIET,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        "PREFECT_UI_URL": url,
        # Prefect's default lets every page that the user's browser shows call this server.
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"{url},http://localhost:{port}",
        "PREFECT_LOGGING_CONFIG_PATH": str(write_log_settings(folder)),
        # Options of uvicorn, which Prefect's command does not have.
        "UVICORN_ACCESS_LOG": "false",
        "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "5",
    }
