"""How far a step is, in a number and in a line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from sitsflow.request import STEPS
from sitsflow.run.jobs import TASKS, Job
from sitsflow.run.status import JobStatus, State, counts

DONE: tuple[State, ...] = ("done", "already there")
TITLES = dict(zip(TASKS, (title for _, title in STEPS), strict=True))

_WORDS: Mapping[State, str] = {
    "failed": "failed",
    "running": "running",
    "waiting": "to come",
    "not run": "not run",
}


def by_step(jobs: Iterable[Job], statuses: Mapping[str, JobStatus]) -> dict[str, dict[str, int]]:
    """Return how many jobs of each step stand in each state; steps without jobs are left out."""
    found: dict[str, list[JobStatus]] = {}
    for job in jobs:
        found.setdefault(job.task, []).append(statuses[job.name])
    return {task: counts(these) for task, these in found.items()}


def jobs_done(tally: Mapping[str, int]) -> int:
    """Return how many of the jobs counted by state are done, by this run or an earlier one."""
    return sum(tally.get(state, 0) for state in DONE)


def percent_done(tally: Mapping[str, int]) -> float:
    """Return how much is done, in per cent with one decimal: 100 only if all is."""
    total = sum(tally.values())
    return math.floor(1000 * jobs_done(tally) / total) / 10 if total else 0.0


def in_words(tally: Mapping[str, int]) -> str:
    """Return e.g. ``12 of 50 done: 1 failed, 2 running, 35 to come``."""
    done, total = jobs_done(tally), sum(tally.values())
    rest = [f"{tally[state]} {words}" for state, words in _WORDS.items() if tally.get(state)]
    if there := tally.get("already there"):
        rest.insert(0, f"{there} by an earlier run")
    return f"{done} of {total} done" + (f": {', '.join(rest)}" if rest else "")
