"""Where all jobs of a run stand: in memory, in the status table, in the UI and on the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from prefect.exceptions import Pause
from prefect.logging import get_run_logger

from flows.artifacts import How, RunArtifacts
from flows.cluster import RunCluster
from flows.display import Display, NoDisplay
from sitsflow.io.record import load_record
from sitsflow.plan import Plan
from sitsflow.run.jobs import Job
from sitsflow.run.status import (
    JobStatus,
    State,
    counts,
    load_status,
    save_status,
    write_table,
)

_REFRESH_SECONDS = 2.0


class RunProgress:
    """Keeps the status of each job, and shows every change.

    Attributes
    ----------
    paths : OutputPaths
        Where the run's files are.
    blocked : dict of str to str
        Tiles that lack the result of a job, with the title of that job, which failed.
    short_of_memory : dict of Job to str
        Jobs that may run again in a further round of their step, and how each ended.
    lost : dict of Job to (str, bool)
        Jobs whose worker died for another reason: its address, and whether the job had begun.
    """

    def __init__(
        self,
        plan: Plan,
        jobs: list[Job],
        display: Display | None = None,
        artifacts: RunArtifacts | None = None,
        cluster: RunCluster | None = None,
    ) -> None:
        self.paths = plan.paths
        self._jobs = tuple(jobs)
        self._statuses = {job.name: self._first(job) for job in jobs}
        self._written = 0.0
        self._display = display or NoDisplay()
        self._artifacts = artifacts
        self._cluster = cluster
        self.blocked: dict[str, str] = {}
        self.short_of_memory: dict[Job, str] = {}
        self.lost: dict[Job, tuple[str, bool]] = {}
        self._display.begin(jobs)
        if artifacts is not None:
            artifacts.begin(self._statuses)
        self.write("running")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Be the progress of the run under way: steps, whose parameters are plain, find it."""
        token = _progress.set(self)
        try:
            yield
        except Pause:
            raise
        except BaseException:
            self.write("interrupted")
            raise
        finally:
            _progress.reset(token)

    def _first(self, job: Job) -> JobStatus:
        log = job.log(self.paths).relative_to(self.paths.root).as_posix()
        return JobStatus(title=job.title, log=log)

    def ended(self, job: Job, state: State, message: str = "") -> None:
        """Note that `job` ended; what its own process wrote of it is kept."""
        status = self._found(job, state).model_copy(update={"state": state})
        if state == "failed":
            self.blocked.setdefault(job.tile, job.title)
            message = message or status.message or "it did not end"
        if message:
            status = status.model_copy(update={"message": message})
        self._statuses[job.name] = status
        if state != "done":
            save_status(self.paths, job.name, status)
        self._display.ended(job, status)
        level = "error" if state == "failed" else "info"
        getattr(get_run_logger(), level)("%s: %s%s", status.title, state, _why(status))

    def seen(self, job: Job) -> None:
        """Take in what a job's own process wrote of it, if that was not there when it ended."""
        kept = self._statuses[job.name]
        if kept.state == "done" and kept.seconds is None:
            self._statuses[job.name] = self._found(job, "done").model_copy(update={"state": "done"})

    def is_blocked(self, job: Job) -> bool:
        """Whether `job` lacks what a failed job should have made: of its tile, or of any."""
        return bool(self.blocked) if not job.tile else job.tile in self.blocked

    def not_run(self, job: Job) -> None:
        """Note that `job` cannot run, since one that it needs failed."""
        failed = self.blocked.get(job.tile) or next(iter(self.blocked.values()))
        self.ended(job, "not run", f"not run, because {failed} failed")

    def worker_died(self, job: Job, worker: str, attempt: int) -> None:
        """Note that the worker at this address died to which `job` had been sent."""
        begun = self.has_begun(job, attempt)
        if begun and self._cluster is not None and self._cluster.ran_out_of_memory(worker):
            died = f"its worker process ({worker}) died at its memory limit"
            self.short_of_memory[job] = died
        else:
            self.lost[job] = (worker, begun)

    def again(self, job: Job, attempt: int, message: str) -> None:
        """Note that `job` waits for its next attempt, and why the last one failed."""
        status = self._first(job).model_copy(update={"attempt": attempt, "message": message})
        self._statuses[job.name] = status
        save_status(self.paths, job.name, status)
        self.say(f"{status.title}: attempt {attempt} follows: {message}", warning=True)

    def say(self, text: str, *, warning: bool = False) -> None:
        """Say a sentence in the log and on the terminal."""
        get_run_logger().log(30 if warning else 20, "%s", text)
        self._display.say(text)

    def _found(self, job: Job, state: State) -> JobStatus:
        if state in ("done", "failed"):
            return load_status(self.paths, job.name) or self._statuses[job.name]
        if state == "not run":
            return self._first(job)
        record = load_record(job.record(self.paths), self.paths.root)
        if record is None:
            return self._first(job)
        costs = {"seconds": record.seconds, "peak_rss_mb": record.peak_rss_mb}
        return self._first(job).model_copy(update=costs)

    @property
    def n_workers(self) -> int:
        """How many workers there were a few seconds ago."""
        return 0 if self._cluster is None else self._cluster.n_workers

    def refresh(self, running: Iterable[Job]) -> None:
        """Look at the workers; write the table again if the last one is some seconds old."""
        if self._cluster is not None:
            self._cluster.look()
            while self._cluster.warnings:
                self.say(self._cluster.warnings.pop(0), warning=True)
        if time.monotonic() - self._written < _REFRESH_SECONDS:
            return
        for job in running:
            found = load_status(self.paths, job.name)
            if found is not None and self.has_begun(job):
                self._statuses[job.name] = found
        self.write("running")
        if self._artifacts is not None:
            self._artifacts.refresh(self._statuses)

    def has_begun(self, job: Job, attempt: int | None = None) -> bool:
        """Whether a process has begun `job`, or an attempt at it, in this run and not ended it.

        What earlier runs say of jobs was removed when this one began: clocks may differ.
        """
        found = load_status(self.paths, job.name)
        return found is not None and found.state == "running" and attempt in (None, found.attempt)

    def write(self, how: How) -> None:
        """Write the table, with `how` the run stands in its heading."""
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        tally = ", ".join(f"{n} {state}" for state, n in counts(self._statuses.values()).items())
        write_table(self.paths, self._statuses, f"sitsflow features map, {how} at {now}: {tally}")
        self._written = time.monotonic()
        if self._artifacts is not None and how != "running":
            self._artifacts.settle(self._statuses, how)

    def state(self, job: Job) -> State:
        """Return how `job` stands."""
        return self._statuses[job.name].state

    def tally(self, task: str) -> dict[str, int]:
        """Return how many jobs of a task stand in each state that occurs."""
        return counts(self._statuses[job.name] for job in self._jobs if job.task == task)

    def of(self, state: State) -> list[JobStatus]:
        """Return the jobs that stand in `state`, in the order of the table."""
        return [status for status in self._statuses.values() if status.state == state]


_progress: ContextVar[RunProgress] = ContextVar("progress")


def progress() -> RunProgress:
    """Return the progress of the run under way."""
    return _progress.get()


def _why(status: JobStatus) -> str:
    return f": {status.message}" if status.message else ""
