"""The Prefect server of this machine: found or started, used, stopped.

It is started by Prefect's own command, listens on 127.0.0.1 only, and stays. Importing this
package does not import Prefect.
"""

from flows.server.client import (
    QUIET,
    Server,
    ServerError,
    configured_api_url,
    leave_by_default,
    use,
    wait_for,
    wait_for_configured,
)
from flows.server.log import ErrorLog
from flows.server.machine import Status, find_or_start, status, stop, stop_at_exit
from flows.server.watch import ended_without_server, gone

__all__ = [
    "QUIET",
    "ErrorLog",
    "Server",
    "ServerError",
    "Status",
    "configured_api_url",
    "ended_without_server",
    "find_or_start",
    "gone",
    "leave_by_default",
    "status",
    "stop",
    "stop_at_exit",
    "use",
    "wait_for",
    "wait_for_configured",
]
