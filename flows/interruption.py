"""Ctrl-C as a wish that is looked at between jobs, and not as an exception anywhere."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

_LAST_SECONDS = 60  # from the wish to the end: for the server, the table and the workers

_asked = threading.Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C wait for `raise_if_interrupted`; a second one ends all processes at once.

    Raised inside Prefect's or Dask's own code, a KeyboardInterrupt comes out as another error.
    SIGTERM and SIGHUP count as well, unless somebody else handles or ignores them, as Prefect
    does where it runs a deployment.
    """
    _asked.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    others = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL
    ]
    numbers = [signal.SIGINT, *others]
    before = [signal.signal(number, _ask) for number in numbers]
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def raise_if_interrupted() -> None:
    """Raise the KeyboardInterrupt that somebody asked for."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _ask(_number: int, _frame: object) -> None:
    if _asked.is_set():
        end_at_once()
    _asked.set()
    signal.signal(signal.SIGALRM, lambda *_: end_at_once())
    signal.alarm(_LAST_SECONDS)


def end_at_once() -> None:
    """End this process and those it has started; what is done is recorded in the output folder."""
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)
