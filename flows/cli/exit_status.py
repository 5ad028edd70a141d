"""How a command ends: its exit status, and the message of what went wrong."""

from __future__ import annotations

import sys
import traceback
from enum import IntEnum

from flows.server import ServerError
from sitsflow.errors import SitsflowError


class ExitStatus(IntEnum):
    """Exit statuses of the `sitsflow` command, as docs/running.md lists them."""

    MADE = 0
    """Everything that was asked for is there."""
    FAILED = 1
    """The run failed, is incomplete, or was interrupted."""
    WRONG = 2
    """What was asked for cannot be run: nothing was computed."""


def explain(error: Exception, *, debug: bool = False) -> ExitStatus:
    """Write what went wrong to standard error, and return the exit status.

    Parameters
    ----------
    error : Exception
        What ended the command. Errors that sitsflow raises on purpose are their message alone.
    debug : bool
        Whether to write the traceback first.
    """
    expected = isinstance(error, SitsflowError | ServerError)
    if debug:
        traceback.print_exception(error)
    text = str(error) if expected else f"{type(error).__name__}: {error}"
    sys.stderr.write(f"sitsflow: {text}\n")
    if not (expected or debug):
        sys.stderr.write("(run with --debug for the traceback)\n")
    return ExitStatus.WRONG if isinstance(error, SitsflowError) else ExitStatus.FAILED
