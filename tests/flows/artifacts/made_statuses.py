"""Statuses of jobs, made by hand."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus, State

BEGAN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def chunk_jobs(number: int, tile: str = "A") -> list[Job]:
    return [Job("write_features", tile, index) for index in range(number)]


def statuses_of(jobs: Sequence[Job], *states: State) -> dict[str, JobStatus]:
    """A status a job; the last of `states` is that of all that follow."""
    found = {}
    for at, job in enumerate(jobs):
        state = states[min(at, len(states) - 1)]
        ended = state in ("done", "failed")
        found[job.name] = JobStatus(
            title=job.title,
            state=state,
            seconds=at if ended else None,
            peak_rss_mb=1200 if ended else None,
            log=f"logs/x/{job.name}.out",
            message="too | wet\n  to *say*" if state == "failed" else "",
            remedy="Wait." if state == "failed" else "",
            task_run="0123" if ended else "",
        )
    return found


def seen_after(
    at: float, jobs: Sequence[Job], seconds: Sequence[float], slots: int
) -> tuple[dict[str, JobStatus], float]:
    """Carry out `jobs`, so many at a time, and look at them after `at` seconds.

    Returns
    -------
    dict of str to JobStatus
        Where each job stands then.
    float
        Seconds until the last one ends.
    """
    free = [0.0] * slots
    found, ends = {}, []
    for job, length in zip(jobs, seconds, strict=True):
        start = heapq.heappop(free)
        heapq.heappush(free, start + length)
        ends.append(start + length)
        status = JobStatus(title=job.title)
        if start <= at:
            begun = {"state": "running", "start": BEGAN + timedelta(seconds=start)}
            status = status.model_copy(update=begun)
        if start + length <= at:
            status = status.model_copy(update={"state": "done", "seconds": length})
        found[job.name] = status
    return found, max(ends) - at
