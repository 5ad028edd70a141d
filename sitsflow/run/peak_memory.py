"""The most memory that this process had."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from pathlib import Path


def reset_peak() -> None:
    """Start a new high-water mark where the kernel lets a process do so (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Return the peak resident memory since `reset_peak`, in MB.

    Where that is unknown it is that of the process's life by `getrusage`, which on Linux begins
    with the peak of the process that started this one.
    """
    with contextlib.suppress(OSError):
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
        if found:
            return int(found[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6  # Linux counts in KiB
