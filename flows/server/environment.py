"""What the process of the server of this machine is told by its environment."""

from __future__ import annotations

import os

from flows.server.client import QUIET
from flows.server.folder import home
from flows.server.log import SETTINGS
from flows.server.password import auth_string


def server_environment(port: int) -> dict[str, str]:
    """Return the environment of a server that listens on `port` of this machine only."""
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
        "PREFECT_LOGGING_CONFIG_PATH": str(SETTINGS),
        # Options of uvicorn.
        "UVICORN_ACCESS_LOG": "false",
        "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "5",
    }
    environment.pop("PREFECT_API_URL", None)
    if auth := auth_string():
        environment["PREFECT_SERVER_API_AUTH_STRING"] = auth
    return environment
