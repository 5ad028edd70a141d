"""The most memory that a process had."""

from __future__ import annotations

import re
import resource
from pathlib import Path


def peak_mb() -> float:
    """Return the peak resident memory of this process in MB.

    Linux lets a process begin with the peak of the one that started it, in `getrusage` (and so
    GNU's `time`); not in `/proc`.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None, "every version of Linux tells it"
    return int(found[1]) * 1024 / 1e6
