"""What a piece of work takes: seconds, CPU seconds, memory."""

from __future__ import annotations

import resource
import sys
import time
from typing import TypedDict


class Spent(TypedDict):
    """Fields of a task's record."""

    seconds: float
    cpu_seconds: float
    peak_rss_mb: float


class Cost:
    """A clock started when made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def spent(self) -> Spent:
        """Return what was spent since; the peak memory is that of the process's whole life."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
        return Spent(
            seconds=round(time.perf_counter() - self._wall, 3),
            cpu_seconds=round(time.process_time() - self._cpu, 3),
            peak_rss_mb=round(peak * unit / 1e6, 1),
        )
