"""Waiting for files that another machine has written: a shared folder may show them late."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

# NFS clients may believe for 60 s what they last saw of a file or a folder (nfs(5): acregmax and
# acdirmax). A bit more, so that the last look is after that.
WAIT_SECONDS = 90.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_log = logging.getLogger(__name__)


def wait_while(lacking: Callable[[], str], say: Callable[[str], None] = _log.info) -> str:
    """Wait while something is lacking that was promised, for `WAIT_SECONDS` at most.

    Parameters
    ----------
    lacking : callable
        Says what is lacking, in words that name the file; nothing if all is there. It is called
        at once, then again after pauses: where all is there, nothing is waited for.
    say : callable
        Takes a sentence about the wait, if there is one.

    Returns
    -------
    str
        What is lacking still; empty if all is there.
    """
    lack, began, pause = lacking(), time.monotonic(), _FIRST_PAUSE
    if not lack:
        return ""
    say(f"waiting for what another process wrote, up to {WAIT_SECONDS:g} s: {lack}")
    while lack and (left := began + WAIT_SECONDS - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
        lack = lacking()
    if not lack:
        say(f"all is there after {time.monotonic() - began:.1f} s")
    return lack
