"""Our files about the server of this machine, in a folder of Prefect's home, and their locks."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


def home() -> Path:
    """Return the folder where Prefect keeps its database, settings and `server.pid`."""
    from prefect.settings import get_current_settings

    return get_current_settings().home


def folder() -> Path:
    """Return the folder of our own files, which is there."""
    path = home() / "sitsflow"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Let one process at a time look for the server, start or stop it."""
    with (folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def used() -> Iterator[None]:
    """Be one of those that use the server, until the end of the block or of this process."""
    with (folder() / "users").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def is_used() -> bool:
    """Whether a process uses the server."""
    with (folder() / "users").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
