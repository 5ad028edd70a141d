"""Running a step until each of its jobs is done or has failed for good, round by round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from prefect.exceptions import CancelledRun, CrashedRun, FailedRun
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.cluster import RunCluster
from flows.progress import RunProgress
from flows.resources import Resources, RetryLimits, gb
from flows.step import run_step
from sitsflow.plan import Plan
from sitsflow.request import STEPS
from sitsflow.run.job_text import jobs_text
from sitsflow.run.jobs import TASKS, Job

_SENDS_AFTER_LOSS = 2
_ROUNDS_IN_VAIN = 3  # in a row, in which workers died before any job began
_NO_HEARTBEATS = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
"""A step lives and dies with its run, which has some. To end its own takes up to a second."""


@dataclass
class Round:
    """Jobs of one step that ask for the same, and are at the same attempt."""

    jobs: list[Job]
    resources: Resources
    attempt: int = 1
    memory_attempt: int = 1
    """Like `attempt`, but counts only those that ran out of memory."""


@dataclass
class StepRounds:
    """The rounds of the steps of a run."""

    plan: Plan
    cluster: RunCluster
    progress: RunProgress
    limits: RetryLimits
    _losses: dict[Job, int] = field(default_factory=dict)

    def run(
        self, task: str, jobs: list[Job], resources: Resources, there: int, not_run: list[Job]
    ) -> None:
        """Run one step, as a flow run a round.

        Parameters
        ----------
        jobs : list of Job
            Those to be run.
        there : int
            How many more need not run.
        not_run : list of Job
            Those that lack what a failed job should have made.
        """
        rounds = [Round(jobs, resources)]
        number, in_vain = 1, 0
        while rounds:
            one = rounds.pop(0)
            if one.jobs:
                self.cluster.grow(one.resources)
            self._run_round(task, one, number, there, not_run)
            unbegun = [job for job, (_, begun) in self.progress.lost.items() if not begun]
            in_vain = in_vain + 1 if unbegun and len(unbegun) == len(one.jobs) else 0
            rounds += self._following(one, give_up=in_vain >= _ROUNDS_IN_VAIN)
            number, there, not_run = number + 1, 0, []

    def _run_round(
        self, task: str, one: Round, number: int, there: int, not_run: Sequence[Job]
    ) -> None:
        self.progress.short_of_memory.clear()
        self.progress.lost.clear()
        title = dict(zip(TASKS, (title for _, title in STEPS), strict=True))[task]
        if number > 1:
            title += f", round {number}"
        if one.memory_attempt > 1:
            title += f": {gb(one.resources.ram_gb)}"
        step = run_step.with_options(flow_run_name=title)
        if one.jobs:
            runner: Any = self.cluster.runner()
            step = step.with_options(task_runner=runner)
        with temporary_settings(_NO_HEARTBEATS):
            state = step(
                output_path=str(self.plan.paths.root),
                task=task,
                jobs=jobs_text(one.jobs),
                ram_gb=one.resources.ram_gb,
                cpu=one.resources.cpu,
                attempt=one.attempt,
                already_there=there,
                not_run=jobs_text(not_run),
                return_state=True,
            )
        error = None if state.is_completed() else state.result(raise_on_failure=False)
        # A step that ends in order returns its state; whatever else ended it ends the run.
        if isinstance(error, BaseException) and not isinstance(
            error, (FailedRun, CrashedRun, CancelledRun)
        ):
            raise error

    def _following(self, one: Round, *, give_up: bool) -> list[Round]:
        """Return the rounds in which the jobs that this one did not settle run again."""
        waited, lost = [], []
        for job, (worker, begun) in self.progress.lost.items():
            died = f"its worker process ({worker}) died"
            if begun:
                lost += self._lost(job, died, one)
            elif give_up:
                message = f"{died} before it began, like others before: see the workers' logs"
                self.progress.ended(job, "failed", message)
            else:
                waited.append(job)
        rounds = [
            Round(waited, one.resources, one.attempt, one.memory_attempt),
            Round(lost, one.resources, one.attempt + 1, one.memory_attempt),
            *self._larger(one),
        ]
        return [following for following in rounds if following.jobs]

    def _lost(self, job: Job, died: str, one: Round) -> list[Job]:
        """Return a job whose worker was lost if it may be sent again, as it was."""
        self._losses[job] = self._losses.get(job, 0) + 1
        how = f"lost: {died}, and not for its memory"
        if self._losses[job] > _SENDS_AFTER_LOSS:
            times = f"{self._losses[job]} times; see the workers' logs"
            self.progress.ended(job, "failed", f"{how}, {times}")
            return []
        self.progress.again(job, one.attempt + 1, f"{how}; sent again with {one.resources}")
        return [job]

    def _larger(self, one: Round) -> list[Round]:
        """Return the round that gives jobs more which ran out of memory, if there is more."""
        short = self.progress.short_of_memory
        if not short:
            return []
        had, largest = one.resources, self.cluster.largest
        more = self.limits.next_resources(had, one.memory_attempt, largest, self.cluster.alone_gb)
        for job, how in short.items():
            if more is None:
                message = self.limits.exhausted(how, had, one.memory_attempt, largest)
                self.progress.ended(job, "failed", message)
            else:
                message = f"{how} with {had}; tried again with {more}"
                self.progress.again(job, one.attempt + 1, message)
        if more is None:
            return []
        return [Round(list(short), more, one.attempt + 1, one.memory_attempt + 1)]
