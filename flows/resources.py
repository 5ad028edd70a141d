"""How much of a worker a task asks for, and what it gets in the next round if memory ran out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

MORE_CHUNKS = "cut the tiles in more chunks (external_features.number_of_chunks)"


@dataclass(frozen=True)
class Resources:
    """Memory in GB, and CPUs: of a task, or of a whole worker."""

    ram_gb: float
    cpu: float = 1

    @property
    def tags(self) -> list[str]:
        """How Prefect shows it: ``ram:0.5gb``, ``cpu:1``."""
        return [f"ram:{max(0.1, round(self.ram_gb, 1)):g}gb", f"cpu:{self.cpu:g}"]

    @property
    def dask(self) -> dict[str, float]:
        """How Dask counts it."""
        return {"RAM": self.ram_gb, "CPU": self.cpu}

    def fits(self, worker: Resources) -> bool:
        """Whether a worker with nothing else to do can take it."""
        return self.ram_gb <= worker.ram_gb and self.cpu <= worker.cpu

    def __str__(self) -> str:
        return f"{gb(self.ram_gb)} and {self.cpu:g} CPU"


@dataclass(frozen=True)
class RetryLimits:
    """iota2's `task_retry_limits`: how far a task may go that ran out of memory."""

    allowed_retry: int = 0
    maximum_ram: float = inf
    maximum_cpu: int = 1

    def next_resources(
        self, had: Resources, attempt: int, largest: Resources, alone: float
    ) -> Resources | None:
        """Return what the attempt after number `attempt` gets, None where it would be no more.

        Parameters
        ----------
        had : Resources
            What the attempt that ran out of memory had asked for.
        attempt : int
            Its number, from 1.
        largest : Resources
            The most that a worker has, or could have.
        alone : float
            Memory of its worker in GB where it had that for itself, else 0. To double what was
            asked for is no help as long as it stays below.
        """
        if attempt > self.allowed_retry:
            return None
        most = min(self.maximum_ram, largest.ram_gb)
        ram = 2 * had.ram_gb
        while ram <= alone < most:
            ram *= 2
        ram = min(ram, most)
        if ram <= had.ram_gb:
            return None
        return Resources(ram, max(had.cpu, min(2 * had.cpu, self.maximum_cpu, largest.cpu)))

    def exhausted(self, how: str, had: Resources, attempt: int, largest: Resources) -> str:
        """Return why a task is not tried again, and what can be done.

        Parameters
        ----------
        how : str
            How it ended, e.g. ``its worker process died``.
        """
        times = f"attempt {attempt} of {1 + self.allowed_retry}"
        if attempt > self.allowed_retry:
            remedy = "allow more of task_retry_limits.allowed_retry"
            remedy += f" (now {self.allowed_retry}) and"
        elif self.maximum_ram <= largest.ram_gb:
            remedy = "raise"
        else:
            remedy = (
                f"use workers with more memory (the largest has {gb(largest.ram_gb)}; of local "
                "ones, fewer have more each), or"
            )
        remedy += f" task_retry_limits.maximum_ram (now {gb(self.maximum_ram)})"
        return f"{how} with {gb(had.ram_gb)} given, on {times}: {MORE_CHUNKS}, or {remedy}"


def too_large(task: str, wanted: Resources, largest: Resources) -> str:
    """Return what to do about a task that no worker has room for; only chunks can be smaller."""
    fewer = (
        f"{MORE_CHUNKS}, lower task_retry_limits.maximum_ram where chunks are automatic, or "
        if task == "write_features"
        else ""
    )
    return (
        f"{task} asks for {wanted}, and the largest worker has {largest}: {fewer}use a cluster "
        "with larger workers"
    )


def gb(value: float) -> str:
    """Return gigabytes as text, with no more digits than an estimate has."""
    return f"{round(value, 1):g} GB" if value >= 0.1 else f"{value:.2g} GB"


def most_ram(wanted: Mapping[str, Resources]) -> float:
    """Return the memory of the largest of several tasks, in GB."""
    return max(each.ram_gb for each in wanted.values())
