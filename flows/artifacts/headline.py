"""How a run is doing, in one sentence and in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flows.artifacts.markdown import counted
from flows.artifacts.progress import DONE, jobs_done, percent_done
from flows.artifacts.time_left import TimeLeft
from sitsflow.report.figures import duration
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus, counts

How = Literal["running", "finished", "failed", "interrupted", "suspended"]
"""How a run is: under way, or how it ended. Failed: what could be made was made."""

_AGAIN = "Start the same run again to do the rest."


@dataclass(frozen=True)
class Timing:
    """When a run began, when it is looked at, and how long it still takes, if that is known."""

    began: datetime
    now: datetime
    left: TimeLeft | None = None

    @property
    def elapsed(self) -> str:
        """How long the run has taken, in words."""
        return duration(round((self.now - self.began).total_seconds()))


def headline(
    jobs: Iterable[Job], statuses: Mapping[str, JobStatus], how: How, timing: Timing
) -> str:
    """Return one sentence, or two, that say how the run is doing."""
    tally = counts(statuses.values())
    total, failed = len(statuses), tally.get("failed", 0)
    failures = f", {failed:,} failed" if failed else ""
    so_far = f"{_percent(tally)} done, {jobs_done(tally):,} of {counted(total, 'job')}{failures}"
    if how == "running":
        left = f"; {timing.left} left" if timing.left else ""
        return f"Running: {so_far}{left}."
    if how == "interrupted":
        return f"Interrupted: {so_far}. {_AGAIN}"
    if how == "suspended":
        return f"Suspended: {so_far}. *Resume* goes on where it is."
    if how == "failed" and failed:
        return f"{counted(failed, 'job')} failed{_missing(jobs, statuses)}. {_AGAIN}"
    if how == "failed":
        return f"Failed: {so_far}. The log of the run says why."
    there = tally.get("already there", 0)
    by_earlier = f", {there:,} of them by an earlier run" if there else ""
    return f"Finished: {counted(total, 'job')} done{by_earlier}, in {timing.elapsed}."


def short_headline(statuses: Mapping[str, JobStatus], how: How, timing: Timing) -> str:
    """Return the same in the few words that a card of the UI has room for."""
    tally = counts(statuses.values())
    failed = tally.get("failed", 0)
    failures = f", {failed:,} failed" if failed else ""
    if how == "finished":
        return f"Finished in {timing.elapsed}"
    if how == "running":
        left = f", {timing.left} left" if timing.left else ""
        return f"{_percent(tally)} done{failures}{left}"
    return f"{how.capitalize()}: {_percent(tally)} done{failures}"


def _percent(tally: Mapping[str, int]) -> str:
    return f"{int(percent_done(tally))} %"


def _missing(jobs: Iterable[Job], statuses: Mapping[str, JobStatus]) -> str:
    """Say which maps are missing; where none were asked for, how many jobs were not run."""
    missing = [job for job in jobs if statuses[job.name].state not in DONE]
    tiles = sum(job.task == "merge_tile" for job in missing)
    maps = [f"{'map' if tiles == 1 else 'maps'} of {counted(tiles, 'tile')}"] if tiles else []
    maps += ["mosaic" for job in missing if job.task == "mosaic"]
    if maps:
        verb = "is" if len(maps) == 1 and tiles < 2 else "are"
        return f"; the {' and the '.join(maps)} {verb} missing"
    left = sum(statuses[job.name].state == "not run" for job in missing)
    return f"; {counted(left, 'job')} therefore not run" if left else ""
