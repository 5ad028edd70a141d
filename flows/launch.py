"""Running the flow in a process of its own, with a server that outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flows.embedded import EmbeddedServer, embedded_server
from flows.server import QUIET

_POLL_SECONDS = 0.5
_LAST_SECONDS = 60  # given to an interrupted run: Prefect tells the server, Dask its workers


@dataclass(frozen=True)
class RunOptions:
    """What a process needs to know to run the flow; travels as JSON on its command line."""

    config: str
    overrides: tuple[str, ...] = ()
    fresh: bool = False
    workers: int | None = None
    cluster: str | None = None
    debug: bool = False
    embedded: bool = False
    """Whether the server is one that ends with the run."""

    def to_json(self) -> str:
        """Return the options as one line of text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunOptions:
        """Return the options that `to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "overrides": tuple(values["overrides"])})


def configured_server() -> str | None:
    """Return the address of the Prefect API that the user configured, None if there is none."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def launch(options: RunOptions) -> int:
    """Run the flow in a child process; return its exit status.

    The server is stopped last, when the child's log and event workers have drained: an order
    that one process alone cannot keep, since they drain as it exits.
    """
    with ExitStack() as stack:
        server = None
        environment: Mapping[str, str] = QUIET
        if configured_server() is None:
            server = stack.enter_context(embedded_server())
            environment = server.environment
            options = replace(options, embedded=True)
        child, alive = _start(options, environment)
        try:
            with _forwarded(child):
                return _wait(child, server)
        finally:
            _end(child)
            os.close(alive)


def _start(
    options: RunOptions, environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the run; the pipe's end that is returned closes when this process dies."""
    read, write = os.pipe()
    quiet = {} if options.debug else {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
    # The session is its own, so that Ctrl-C reaches it once, from here, and not Dask's workers.
    child = subprocess.Popen(
        [sys.executable, "-m", "flows.runner", options.to_json(), str(read)],
        env={**os.environ, **environment, **quiet},
        pass_fds=[read],
        start_new_session=True,
    )
    os.close(read)
    return child, write


def _wait(child: subprocess.Popen[bytes], server: EmbeddedServer | None) -> int:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = child.wait(_POLL_SECONDS)
            return status if status in (0, 1, 2) else 1
        if server is not None and server.process.poll() is not None:
            sys.stderr.write(
                f"sitsflow: the Prefect server ended by itself:\n{server.last_words()}\n"
            )
            child.send_signal(signal.SIGINT)
            server = None


@contextlib.contextmanager
def _forwarded(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass Ctrl-C and requests to end on to the run; the second one kills it."""
    asked = 0

    def forward(number: int, _frame: object) -> None:
        nonlocal asked
        asked += 1
        with contextlib.suppress(ProcessLookupError):
            if asked == 1:
                child.send_signal(signal.SIGINT)
                signal.alarm(_LAST_SECONDS)
            else:
                os.killpg(child.pid, signal.SIGKILL)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = [signal.signal(number, forward) for number in numbers]
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _end(child: subprocess.Popen[bytes]) -> None:
    """See that nothing of the child's session is left, Dask's workers included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def is_block(config: str) -> bool:
    """Whether a configuration is the name of a saved block rather than a file."""
    return config.startswith("block:") and not Path(config).exists()
