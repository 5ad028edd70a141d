"""The Prefect server of this machine: found or started, used, stopped.

It is Prefect's own application, listens on 127.0.0.1 only, and stays. Importing this
package does not import Prefect.
"""

from flows.server.client import (
    QUIET,
    configured_api_url,
    ended_without_server,
    gone,
    use,
)
from flows.server.errors import ServerError
from flows.server.log import ErrorLog
from flows.server.machine import find_or_start, find_server, stop, stop_at_exit
from flows.server.password import refuse_shared_machine
from flows.server.process import Server, running_server

__all__ = [
    "QUIET",
    "ErrorLog",
    "Server",
    "ServerError",
    "configured_api_url",
    "ended_without_server",
    "find_or_start",
    "find_server",
    "gone",
    "refuse_shared_machine",
    "running_server",
    "stop",
    "stop_at_exit",
    "use",
]
