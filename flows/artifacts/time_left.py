"""How long a run still takes, estimated from the jobs that have ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until the last job ends; `is_all` is False if some steps could not be counted."""

    seconds: float
    is_all: bool

    def __str__(self) -> str:
        return f"{'about' if self.is_all else 'at least'} {_rounded(self.seconds)}"


def time_left(
    jobs: Iterable[Job], statuses: Mapping[str, JobStatus], now: datetime
) -> TimeLeft | None:
    """Estimate the time until all `jobs` are done; None where nothing is known yet.

    Each job still to do takes as long as those of its step took on average, and as many run at a
    time as ran on average since the step began. A step of which no job has ended is not counted.

    Parameters
    ----------
    jobs : iterable of Job
        All jobs of the run, in the order of the steps.
    now : datetime
        With a time zone, as the starts of the jobs are.
    """
    steps: dict[str, list[JobStatus]] = {}
    for job in jobs:
        steps.setdefault(job.task, []).append(statuses[job.name])
    total, is_known, is_all = 0.0, False, True
    at_a_time: float | None = None
    for step in steps.values():
        at_a_time = _at_a_time(step, now) or at_a_time
        if all(status.state not in ("running", "waiting") for status in step):
            continue
        seconds = None if at_a_time is None else _seconds_left(step, at_a_time, now)
        if seconds is None:
            is_all = False
        else:
            total, is_known = total + seconds, True
    return TimeLeft(total, is_all) if is_known else None


def _seconds_left(step: list[JobStatus], at_a_time: float, now: datetime) -> float | None:
    each = _seconds_of_a_job(step)
    if each is None:
        return None
    left = [
        max(0.0, each - _elapsed(status, now)) if status.state == "running" else each
        for status in step
        if status.state in ("running", "waiting")
    ]
    return max(sum(left) / at_a_time, *left)


def _seconds_of_a_job(step: list[JobStatus]) -> float | None:
    """Return the mean of the jobs of this run, else of those of an earlier one, else None."""
    for state in ("done", "already there"):
        known = [one.seconds for one in step if one.state == state and one.seconds is not None]
        if known:
            return fmean(known)
    return None


def _at_a_time(step: list[JobStatus], now: datetime) -> float | None:
    """Return how many jobs of a step ran at a time, from the first begin to the last end."""
    spans = [
        (status.start.timestamp(), _elapsed(status, now))
        for status in step
        if status.start is not None and status.state in ("running", "done", "failed")
    ]
    if not spans:
        return None
    length = max(start + seconds for start, seconds in spans) - min(start for start, _ in spans)
    return max(1.0, sum(seconds for _, seconds in spans) / length) if length > 0 else None


def _elapsed(status: JobStatus, now: datetime) -> float:
    if status.state == "running":
        return 0.0 if status.start is None else max(0.0, (now - status.start).total_seconds())
    return status.seconds or 0.0


def _rounded(seconds: float) -> str:
    """Return a duration as exact as an estimate is."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "1 min"
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    if hours < 10:
        return f"{hours} h {minutes:02d} min"
    return f"{round(seconds / 3600)} h"
