"""Noticing that the Prefect server of a run is gone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flows.server.client import answers

_LOOK_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0


@contextmanager
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
                sys.stderr.flush()
                end()
                return

    thread = threading.Thread(target=watch, args=(api_url,), name="server-watch", daemon=True)
    if api_url is not None:
        thread.start()
    try:
        yield
    finally:
        left.set()


def gone(api_url: object) -> str:
    """Return what to say where a server was there and is no more."""
    return (
        f"the Prefect server at {api_url} does not answer any more; what is done is kept: start "
        "the same command again to resume the run"
    )
