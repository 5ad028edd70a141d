"""What the run took, and how each of its jobs ended, from the files that the jobs left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sitsflow.io.record import TaskRecord, load_record
from sitsflow.plan import Plan, TilePlan
from sitsflow.report.figures import duration, memory, plural, rate, whole
from sitsflow.request import STEPS
from sitsflow.run.jobs import TASKS, Job, all_jobs, is_done, selected_steps
from sitsflow.run.status import JobStatus, load_status

_MOST_NAMED = 40


@dataclass(frozen=True)
class Outcome:
    """One job: whether its files are there, what it said when it was done, how it stands."""

    job: Job
    done: bool
    record: TaskRecord | None
    status: JobStatus | None

    @property
    def failed(self) -> bool:
        """Whether it was tried, and did not come to its end."""
        return not self.done and self.status is not None and self.status.state == "failed"


@dataclass(frozen=True)
class StepCost:
    """What one step took, as text; `share` of all seconds."""

    title: str
    tasks: str
    total: str
    middle: str
    longest: str
    cpu: str
    peak: str
    speed: str
    share: float
    peak_share: float


@dataclass(frozen=True)
class Failure:
    """A job that failed, and why."""

    title: str
    message: str
    log: str


def outcomes_of(plan: Plan, tiles: Mapping[str, TilePlan]) -> list[Outcome]:
    """Return how each job stands, also of steps that this run leaves out but an earlier one did."""
    return [_outcome(job, plan, tiles) for job in all_jobs(plan, tiles)]


def _outcome(job: Job, plan: Plan, tiles: Mapping[str, TilePlan]) -> Outcome:
    done = is_done(job, plan, tiles)
    record = load_record(job.record(plan.paths), plan.paths.root) if done else None
    return Outcome(job, done, record, load_status(plan.paths, job.name))


def costs_of(outcomes: list[Outcome]) -> list[StepCost]:
    """Sum up the costs of the jobs of each step that are done."""
    records = [(one.job.task, one.record) for one in outcomes if one.record is not None]
    whole_seconds = sum(record.seconds for _, record in records) or 1.0
    highest = max((record.peak_rss_mb for _, record in records), default=0.0) or 1.0
    found = []
    for task, (_, title) in zip(TASKS, STEPS, strict=True):
        these = [record for name, record in records if name == task]
        if these:
            found.append(_step(title, these, whole_seconds, highest))
    return found


def _step(title: str, records: list[TaskRecord], whole_seconds: float, highest: float) -> StepCost:
    seconds = [record.seconds for record in records]
    pixels = sum(record.pixels for record in records)
    peak = max(record.peak_rss_mb for record in records)
    total = sum(seconds)
    return StepCost(
        title=title,
        tasks=whole(len(records)),
        total=duration(total),
        middle=duration(median(seconds)),
        longest=duration(max(seconds)),
        cpu=duration(sum(record.cpu_seconds for record in records)),
        peak=memory(peak),
        speed=rate(pixels / total) if pixels and total else "",
        share=total / whole_seconds,
        peak_share=peak / highest,
    )


def failures_of(outcomes: list[Outcome]) -> list[Failure]:
    """Return the jobs that failed, with their causes."""
    return [
        Failure(one.job.title, one.status.message or "no cause was noted", one.status.log)
        for one in outcomes
        if one.failed and one.status is not None
    ]


def missing_of(plan: Plan, outcomes: list[Outcome]) -> list[str]:
    """Say what the steps of this run should have made and did not, in a few lines."""
    selected = selected_steps(plan)
    missing = [one.job for one in outcomes if not one.done and one.job.step in selected]
    by_task = {task: [job for job in missing if job.task == task] for task in TASKS}
    lines = []
    if by_task["mosaic"]:
        paths = plan.paths
        what = "description of the maps of tiles" if paths.mosaic == "none" else "map of all tiles"
        path = paths.collection if paths.mosaic == "none" else paths.map
        lines.append(f"the {what}, {path.relative_to(paths.root)}")
    if maps := by_task["merge_tile"]:
        lines.append(f"{plural(len(maps), 'map')} of single tiles: {_names(maps)}")
    chunks: dict[str, list[Job]] = {}
    for job in by_task["write_features"]:
        chunks.setdefault(job.tile, []).append(job)
    for tile, jobs in chunks.items():
        numbers = ", ".join(str(job.index) for job in jobs[:_MOST_NAMED])
        more = ", …" if len(jobs) > _MOST_NAMED else ""
        lines.append(f"{plural(len(jobs), 'chunk')} of tile {tile}: {numbers}{more}")
    for task, words in (("preprocess", "dates and grids"), ("common_mask", "common masks")):
        if by_task[task]:
            lines.append(f"{words} of tiles {_names(by_task[task])}")
    return lines


def _names(jobs: list[Job]) -> str:
    shown = ", ".join(job.tile for job in jobs[:_MOST_NAMED])
    return shown + (", …" if len(jobs) > _MOST_NAMED else "")


def began_and_ended(outcomes: list[Outcome]) -> tuple[datetime, datetime] | None:
    """Return when the last run's first job began and its last one ended, None if unknown."""
    times = list(_times(outcomes))
    if not times:
        return None
    return min(start for start, _ in times), max(end for _, end in times)


def _times(outcomes: list[Outcome]) -> Iterator[tuple[datetime, datetime]]:
    for one in outcomes:
        status = one.status
        if status is not None and status.start is not None:
            yield status.start, status.start + timedelta(seconds=status.seconds or 0.0)
