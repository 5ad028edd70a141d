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
def locked(name: str = "lock", how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Let one process at a time look for the server, start or stop it."""
    with (folder() / name).open("w") as file:
        fcntl.flock(file, how)
        yield


def used() -> contextlib.AbstractContextManager[None]:
    """Be one of those that use the server, until the end of the block or of this process."""
    return locked("users", fcntl.LOCK_SH)


def is_used() -> bool:
    """Whether a process uses the server."""
    try:
        with locked("users", fcntl.LOCK_EX | fcntl.LOCK_NB):
            return False
    except BlockingIOError:
        return True
