"""What processes hold between runs: memory, files, threads, children, ports, locks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from scipy.stats import theilslopes

WARM_UP = 5
"""Runs that are left out: imports, compiled code and caches of a fixed size fill in them."""

MOST_GROWTH = 0.10
"""Of the memory of a process, in ten runs."""

_REFERENCE = 5
"""Runs after the warm-up that later ones are compared with."""

_LEAK_A_RUN = 0.5
"""Of files, threads and the like; the pools of connections of the server fill more slowly."""

COUNTS = ("files", "threads", "children", "ports", "locks")


@dataclass(frozen=True)
class Usage:
    """What one process holds. `memory` is what it has to itself, in MB (unique set size)."""

    memory: float
    files: int
    threads: int
    children: int
    ports: int
    locks: int


def usage_of(process: psutil.Process) -> Usage:
    """Measure a process; ports are those where it or its children listen."""
    children = process.children(recursive=True)
    return Usage(
        memory=process.memory_full_info().uss / 1e6,
        files=process.num_fds(),
        threads=process.num_threads(),
        children=len(children),
        ports=sum(map(_ports, [process, *children])),
        locks=_locks({process.pid, *(child.pid for child in children)}),
    )


def growth_in_ten_runs(values: Sequence[float]) -> float:
    """Return the growth in ten runs as a share of the first ones after the warm-up.

    The slope is the median of those between all pairs of runs (Theil and Sen): a single run that
    holds more, or less, for a moment does not decide.
    """
    after = values[WARM_UP:]
    slope = theilslopes(after).slope
    return float(10 * slope / median(after[:_REFERENCE]))


def faults(name: str, usages: Sequence[Usage]) -> list[str]:
    """Return what a process of this name holds more and more of."""
    found = []
    growth = growth_in_ten_runs([usage.memory for usage in usages])
    if growth > MOST_GROWTH:
        found.append(f"{name}: memory grows by {growth:.1%} in ten runs")
    for what in COUNTS:
        values = [getattr(usage, what) for usage in usages]
        if theilslopes(values[WARM_UP:]).slope >= _LEAK_A_RUN:
            found.append(f"{name}: {what} grow, {values}")
    return found


def table(usages: Mapping[str, Sequence[Usage]]) -> str:
    """Lay out the memory of each process after each run, and how its counts began and ended."""
    names = list(usages)
    rows = [("run", *(f"{name}, MB" for name in names))]
    for number, after in enumerate(zip(*usages.values(), strict=True), start=1):
        rows.append((str(number), *(f"{usage.memory:.1f}" for usage in after)))
    growths = (growth_in_ten_runs([one.memory for one in usages[name]]) for name in names)
    rows.append(("growth in 10 runs", *(f"{growth:+.1%}" for growth in growths)))
    for what in COUNTS:
        counts = ([getattr(usage, what) for usage in usages[name][WARM_UP:]] for name in names)
        rows.append((what, *(f"{min(count)}-{max(count)}" for count in counts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _ports(process: psutil.Process) -> int:
    try:
        connections = process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return 0
    return sum(one.status == psutil.CONN_LISTEN for one in connections)


def _locks(processes: set[int]) -> int:
    """Count the locks of files that processes hold (``/proc/locks``: the fifth word is a PID)."""
    lines = Path("/proc/locks").read_text().splitlines()
    return sum(int(line.replace("-> ", "").split()[4]) in processes for line in lines)
