"""Where all jobs of a run stand: in memory, in the status table, on the display, in the log."""

from __future__ import annotations

import time
from datetime import datetime

from prefect.logging import get_run_logger

from flows.artifacts import How, RunArtifacts
from flows.display import display
from sitsflow.io.record import load_record
from sitsflow.plan import Plan
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus, State, counts, load_status, save_status, write_table

_REFRESH_SECONDS = 2.0


class Board:
    """Keeps the status of each job, and shows every change, on `artifacts` too if given."""

    def __init__(self, plan: Plan, jobs: list[Job], artifacts: RunArtifacts | None = None) -> None:
        self._tree = plan.paths
        self._statuses = {job.name: self._first(job) for job in jobs}
        self._began = datetime.now().astimezone()
        self._written = 0.0
        self._artifacts = artifacts
        display.get().begin(jobs)
        if artifacts is not None:
            artifacts.begin(self._statuses)
        self.write("running")

    def _first(self, job: Job) -> JobStatus:
        log = job.log(self._tree).relative_to(self._tree.root).as_posix()
        return JobStatus(title=job.title, log=log)

    def ended(self, job: Job, state: State, message: str = "") -> None:
        """Note that `job` ended; what its own process wrote of it is kept."""
        status = self._found(job, state).model_copy(update={"state": state})
        if state == "failed" and not (message or status.message):
            message = "it did not end"
        if message:
            status = status.model_copy(update={"message": message})
        self._statuses[job.name] = status
        if state != "done":
            save_status(self._tree, job.name, status)
        display.get().ended(job, status)
        level = "error" if state == "failed" else "info"
        getattr(get_run_logger(), level)("%s: %s%s", status.title, state, _why(status))

    def again(self, job: Job, attempt: int, message: str) -> None:
        """Note that `job` waits for its next attempt, and why the last one failed."""
        status = self._first(job).model_copy(update={"attempt": attempt, "message": message})
        self._statuses[job.name] = status
        save_status(self._tree, job.name, status)
        said = f"{status.title}: attempt {attempt} follows: {message}"
        display.get().say(said)
        get_run_logger().warning("%s", said)

    def _found(self, job: Job, state: State) -> JobStatus:
        if state in ("done", "failed"):
            return load_status(self._tree, job.name) or self._statuses[job.name]
        if state == "not run":
            return self._first(job)
        record = load_record(job.record(self._tree), self._tree.root)
        if record is None:
            return self._first(job)
        costs = {"seconds": record.seconds, "peak_rss_mb": record.peak_rss_mb}
        return self._first(job).model_copy(update=costs)

    def refresh(self, running: list[Job]) -> None:
        """Write the table again if the last one is some seconds old."""
        if time.monotonic() - self._written < _REFRESH_SECONDS:
            return
        for job in running:
            found = load_status(self._tree, job.name)
            if found is not None and self.is_running(job):
                self._statuses[job.name] = found
        self.write("running")
        if self._artifacts is not None:
            self._artifacts.refresh(self._statuses)

    def is_running(self, job: Job, attempt: int | None = None) -> bool:
        """Whether a process has begun `job`, or an attempt at it, in this run and not ended it."""
        found = load_status(self._tree, job.name)
        return (
            found is not None
            and found.state == "running"
            and attempt in (None, found.attempt)
            and found.start is not None
            and found.start >= self._began
        )

    def write(self, how: How) -> None:
        """Write the table, with `how` the run stands in its heading."""
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        tally = ", ".join(f"{n} {state}" for state, n in counts(self._statuses.values()).items())
        write_table(self._tree, self._statuses, f"sitsflow features map, {how} at {now}: {tally}")
        self._written = time.monotonic()
        if self._artifacts is not None and how != "running":
            self._artifacts.settle(self._statuses, how)

    def of(self, state: State) -> list[JobStatus]:
        """Return the jobs that stand in `state`, in the order of the table."""
        return [status for status in self._statuses.values() if status.state == state]


def _why(status: JobStatus) -> str:
    return f": {status.message}" if status.message else ""
