"""What a person can do about an error, by its kind."""

from __future__ import annotations

import errno

from sitsflow.errors import (
    DiskFullError,
    ExpressionError,
    FunctionError,
    GridError,
    InputChangedError,
    MissingInputError,
    OutputError,
    ProductError,
    ReadError,
    ResourceError,
    SensorFileError,
)

# What is computed again follows from the fingerprints of `sitsflow.planning.fingerprints`.
_AGAIN = "then run again: only what is missing is computed"
_FEATURES = (
    "then run again: the chunks of all tiles are computed again, because they depend on its code; "
    "pre-processing and common masks are kept"
)
_TILE = "then run again: its tile is computed again, and others only if their dates change"

# In this order: a class comes before those that it is derived from.
_REMEDIES: tuple[tuple[type[BaseException], str], ...] = (
    (FunctionError, f"Correct the function, {_FEATURES}."),
    (
        ReadError,
        f"It was tried several times. Check that the file can be read, {_AGAIN}, or its whole "
        "tile if you replace the file by another one.",
    ),
    (
        InputChangedError,
        "Bring the file back as it was, or complete what replaces it, "
        "then run again: the tiles that the file is of are computed again if its pixels changed.",
    ),
    (ProductError, f"Repair or remove the product, {_TILE}."),
    (MissingInputError, "Check that the products are where the configuration says."),
    (GridError, "Look at chain.proj, chain.spatial_resolution and the area of interest."),
    (ExpressionError, "Correct the expression in the configuration."),
    (SensorFileError, "Correct the description of the sensor."),
    (
        ResourceError,
        "Cut the tiles in more chunks (external_features.number_of_chunks), or use workers with "
        "more memory.",
    ),
    (DiskFullError, f"Make room on the disk, or raise the limit, {_AGAIN}."),
    (OutputError, "Look at the output folder; --fresh computes everything again."),
    (MemoryError, "Give it more memory or smaller chunks, as the cause says."),
    (
        FileNotFoundError,
        f"A file is gone that was there when the run began: restore it, {_AGAIN} if its content "
        "is the same.",
    ),
    (PermissionError, f"Let the user who runs this read and write that file, {_AGAIN}."),
    (OSError, f"Check that the disk is there and can be read and written, {_AGAIN}."),
)
_FULL = (errno.ENOSPC, errno.EDQUOT)


def remedy_of(error: BaseException) -> str:
    """Return what to do about `error`, in a sentence."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"The disk is full: make room, {_AGAIN}."
    for kind, remedy in _REMEDIES:
        if isinstance(error, kind):
            return remedy
    return f"This was not expected: the log has the traceback. Correct what it shows, {_AGAIN}."
