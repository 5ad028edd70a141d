"""One job on its way: its task, what it needs, what it asks for, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prefect import Task, tags
from prefect.client.schemas.objects import State

from flows.attempts import Share
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.jobs import Job, fingerprint


@dataclass
class Entry:
    """A job of a run. `missing` are those of its needs that are not met yet."""

    job: Job
    task: Task[..., Any]
    after: tuple[Job, ...]
    missing: set[Job]
    share: Share
    attempt: int = 1
    wanted_by: list[Job] = field(default_factory=list)
    state: State[Any] | None = None

    @property
    def title(self) -> str:
        """Name of its task run, e.g. ``write_features T31TCJ 3 (attempt 2)``."""
        again = f" (attempt {self.attempt})" if self.attempt > 1 else ""
        return self.job.title + again

    @property
    def named(self) -> Task[..., Any]:
        """The task, under a name that tells the attempt."""
        return self.task if self.attempt == 1 else self.task.with_options(task_run_name=self.title)

    def labels(self) -> Any:
        """Return the context in which task runs get the job's tags."""
        tile = [f"tile:{self.job.tile}"] if self.job.tile else []
        return tags(f"step:{self.job.task}", *self.share.tags, *tile)

    def parameters(self, plan: Plan, tiles: Mapping[str, TilePlan]) -> dict[str, Any]:
        """Return the arguments of the task: plain and small, for they travel."""
        job = self.job
        given: dict[str, Any] = {"output_path": str(plan.paths.root)}
        if job.tile:
            given["tile"] = job.tile
        if job.index is not None:
            given["index"] = job.index
        if self.attempt > 1:
            given["attempt"] = self.attempt
        return {**given, "fingerprint": fingerprint(job, plan, tiles)}
