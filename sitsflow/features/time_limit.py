"""A limit for the time that a user's functions take on a chunk."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Self

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_GRACE_SECONDS = 30.0
"""How long a function may go on after its time is up: only compiled code does."""


class TimeIsUp(BaseException):
    """Raised inside a function whose time is up; no `Exception`, which a function may catch."""


class TimeLimit:
    """Interrupts functions that are called through it when their time is up, all together.

    Python code is interrupted at its next line. Compiled code cannot be: if it has not come back
    after half a minute the process ends. Entered again, it leaves what is left of the time.

    Parameters
    ----------
    seconds : float or None
        None: any time.
    where : str
        Tile and chunk, for the log.
    """

    def __init__(self, seconds: float | None, where: str = "") -> None:
        self.seconds = seconds
        self._where = where
        self._thread_id = threading.get_ident()
        self._lock = threading.Lock()
        self._inside = False
        self._over = threading.Event()
        self._left = seconds
        self._entered = 0.0

    def __enter__(self) -> Self:
        if self._left is not None:
            self._over, self._entered = threading.Event(), time.monotonic()
            arguments = (self._over, max(0.0, self._left))
            threading.Thread(
                target=self._watch, args=arguments, name="time limit", daemon=True
            ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._left is not None:
            self._left -= time.monotonic() - self._entered
            self._leave()

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function; `TimeIsUp` comes out of it when its time is up."""
        if self.seconds is None:
            return function(*args, **kwargs)
        self._inside = True
        try:
            return function(*args, **kwargs)
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._inside = False
            _raise_in(self._thread_id, None)  # one that is on its way would come too late

    def _watch(self, over: threading.Event, seconds: float) -> None:
        if over.wait(seconds):
            return
        for _ in range(int(_GRACE_SECONDS / _AGAIN_SECONDS)):
            with self._lock:
                if self._inside:
                    _raise_in(self._thread_id, TimeIsUp)
            if over.wait(_AGAIN_SECONDS):
                return
        if self._inside and not over.is_set():
            log.error("%s: compiled code does not end; this process ends instead", self._where)
            os._exit(1)


def _raise_in(thread_id: int, error: type[BaseException] | None) -> None:
    """Raise an exception in another thread, or take back one that was not raised yet."""
    what = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), what)
