"""Why a file could not be written: a full disk, a quota, or a limit of the system."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from sitsflow.errors import DiskFullError, SitsflowError

_FULL_BYTES = 16_000_000
"""A disk with less is full: GDAL says of a failed write neither why nor how much it wanted."""


def disk_full(path: Path, error: BaseException) -> DiskFullError | None:
    """Return the error to raise instead of `error` if the disk of `path` could not take the file.

    Parameters
    ----------
    path : Path
        File that was being written, in a folder that exists.
    error : BaseException
        What the system or GDAL said.
    """
    if isinstance(error, SitsflowError):
        return None
    numbers = {one.errno for one in _chain(error) if isinstance(one, OSError) and one.errno}
    largest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    limited = largest != resource.RLIM_INFINITY
    free = shutil.disk_usage(path.parent).free
    if errno.EFBIG in numbers or (limited and not numbers):
        why = f"files may have {largest:,} bytes at most (`ulimit -f`); raise that limit"
    elif errno.EDQUOT in numbers:
        why = f"your quota on {mount_point(path.parent)} is used up; make room"
    elif errno.ENOSPC in numbers or free < _FULL_BYTES:
        why = f"{mount_point(path.parent)} is full, with {free / 1e6:.0f} MB free; make room"
    else:
        return None
    return DiskFullError(f"{path} could not be written: {why}, and run again")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def mount_point(path: Path) -> Path:
    """Return the folder at which the file system of a path is mounted."""
    real = path.resolve()
    return next(folder for folder in (real, *real.parents) if os.path.ismount(folder))
