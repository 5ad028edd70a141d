"""One step of a run as a flow of its own: its task, mapped over tiles and chunks on Dask."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import dask
from distributed import KilledWorker
from prefect import Task, flow, tags, unmapped
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from prefect_dask.task_runners import PrefectDaskFuture

from flows.artifacts import StepArtifact
from flows.crashed_tasks import CrashedTasks
from flows.interruption import raise_if_interrupted
from flows.prefect_compat import is_suspended, settings_written_once, suspend
from flows.progress import progress
from flows.resources import Resources
from sitsflow.plan import load_plan, load_tile
from sitsflow.run.job_text import parse_jobs
from sitsflow.run.jobs import Job, fingerprint
from tasks.common_mask import common_mask
from tasks.logs import cause
from tasks.merge_tile import merge_tile
from tasks.mosaic import mosaic
from tasks.preprocess import preprocess
from tasks.write_features import write_features

TASKS: dict[str, Task[..., Any]] = {
    task.name: task for task in (preprocess, common_mask, write_features, merge_tile, mosaic)
}
_POLL_SECONDS = 1.0
_SUBMITTED = 200
_SUBMITTED_A_WORKER = 4
"""Jobs on their way at once, at least and by workers: each takes 0.2 MB of this process."""


@flow(name="step", persist_result=False, validate_parameters=False)
def run_step(
    output_path: str,
    task: str,
    jobs: str,
    ram_gb: float,
    cpu: float = 1,
    attempt: int = 1,
    already_there: int = 0,
    not_run: str = "",
) -> State[None]:
    """Run one task for some jobs; what became of each is kept by the run's progress.

    Parameters
    ----------
    output_path : str
        Output folder of a run, which holds its plan.
    task : str
        Name of the task, e.g. ``write_features``.
    jobs : str
        Tiles and numbers of chunks, e.g. ``T31TCJ 0-24, T31TDJ 0-11 13``.
    ram_gb, cpu : float
        What each job asks for.
    attempt : int
        More than 1 where earlier attempts at these jobs failed.
    already_there : int
        Jobs of the step that need not run: their files are there.
    not_run : str
        Jobs that cannot run, since one that they need failed.
    """
    shown = progress()
    left_out = parse_jobs(task, not_run)
    for job in left_out:
        shown.not_run(job)
    wanted = parse_jobs(task, jobs)
    if wanted:
        step = _Step(Path(output_path), TASKS[task], Resources(ram_gb, cpu), attempt)
        step.run(wanted)
    return _outcome(wanted, left_out, already_there)


class _Step:
    """The jobs of a step on their way."""

    def __init__(self, root: Path, task: Task[..., Any], each: Resources, attempt: int) -> None:
        self._root, self._each, self._attempt = root, each, attempt
        again = f" (attempt {attempt})" if attempt > 1 else ""
        self._task = task.with_options(task_run_name=f"{task.task_run_name}{again}")
        self._shown = progress()
        self._running: dict[Job, PrefectDaskFuture[Any]] = {}
        self._ended: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._crashed = CrashedTasks()
        self._artifact = StepArtifact(self._shown.paths, task.name)

    def run(self, jobs: list[Job]) -> None:
        """Map the task over `jobs`, and wait for all of them."""
        try:
            with settings_written_once():
                for _, tile_jobs in groupby(jobs, key=lambda job: job.tile):
                    self._map(list(tile_jobs))
                    self._follow(wait=False)
                    while len(self._running) >= self._most_submitted:
                        self._follow(wait=True)
            while self._running:
                self._follow(wait=True)
        except BaseException:
            self._abandon()
            raise
        finally:
            self._crashed.settle()
            self._artifact.show(self._shown.tally(self._task.name), last=True)

    @property
    def _most_submitted(self) -> int:
        return max(_SUBMITTED, _SUBMITTED_A_WORKER * self._shown.n_workers)

    def _map(self, jobs: list[Job]) -> None:
        """Submit the jobs of one tile, which Dask starts where there is room for each."""
        plan = load_plan(self._root)
        names = [jobs[0].tile] if jobs[0].tile else plan.tile_names
        tiles = {name: load_tile(self._root, name) for name in names}
        arguments: dict[str, Any] = {"fingerprint": [fingerprint(job, plan, tiles) for job in jobs]}
        if jobs[0].tile:
            arguments["tile"] = unmapped(jobs[0].tile)
        if jobs[0].index is not None:
            arguments["index"] = [job.index for job in jobs]
        labels = [f"step:{jobs[0].task}", *self._each.tags]
        labels += [f"tile:{jobs[0].tile}"] if jobs[0].tile else []
        with tags(*labels), dask.annotate(resources=self._each.dask):  # type: ignore[attr-defined]
            futures = self._task.map(
                output_path=unmapped(str(self._root)),
                attempt=unmapped(self._attempt),
                **arguments,
            )
        for job, future in zip(jobs, futures, strict=True):
            self._running[job] = future
            future.add_done_callback(lambda _, job=job: self._ended.put(job))

    def _follow(self, *, wait: bool) -> None:
        """Note which jobs have ended; stop if somebody asked for it."""
        raise_if_interrupted()
        if is_suspended():
            self._hold()
        for job in self._just_ended(wait=wait):
            self._note(job, self._running.pop(job))
        self._shown.refresh(list(self._running))
        self._artifact.show(self._shown.tally(self._task.name))

    def _just_ended(self, *, wait: bool) -> Iterator[Job]:
        try:
            yield self._ended.get(timeout=_POLL_SECONDS if wait else 0)
            while True:
                yield self._ended.get(timeout=0)
        except queue.Empty:
            return

    def _note(self, job: Job, future: PrefectDaskFuture[Any]) -> None:
        """Note how a job ended."""
        try:
            state: State[Any] = future.wrapped_future.result()
        except KilledWorker as killed:
            worker = killed.last_worker.address
            self._shown.worker_died(job, worker, self._attempt)
            self._crashed.add(future.task_run_id, f"its worker process ({worker}) died")
            return
        except Exception as error:  # noqa: BLE001 - whatever Dask says of a lost cluster
            self._crashed.add(future.task_run_id, cause(error))
            self._shown.ended(job, "failed", cause(error))
            return
        if state.is_completed():
            self._shown.ended(job, "already there" if state.name == "Cached" else "done")
            return
        raised = state.result(raise_on_failure=False)
        if isinstance(raised, MemoryError):
            self._shown.short_of_memory[job] = f"out of memory ({cause(raised)})"
        else:
            why = cause(raised) if isinstance(raised, BaseException) else ""
            self._shown.ended(job, "failed", why)

    def _hold(self) -> None:
        """End as suspended: what runs goes on to its end, what waits is left for later."""
        waiting = [job for job in self._running if not self._shown.has_begun(job)]
        for job in waiting:
            _cancel(self._running.pop(job))
        self._shown.say(f"suspended: {len(self._running)} jobs that have begun go on to their end")
        while self._running:
            raise_if_interrupted()
            for job in self._just_ended(wait=True):
                if job in self._running:
                    self._note(job, self._running.pop(job))
        self._shown.write("suspended")
        suspend()

    def _abandon(self) -> None:
        """Leave what the server and the table say in order, when the run stops here."""
        for job, future in self._running.items():
            if self._shown.has_begun(job, self._attempt):
                self._crashed.add(future.task_run_id, "the run was interrupted")
                self._shown.ended(job, "not run", "interrupted")
            _cancel(future)
        self._running.clear()


def _cancel(future: PrefectDaskFuture[Any]) -> None:
    wrapped: Any = future.wrapped_future
    wrapped.cancel()


def _outcome(jobs: list[Job], left_out: list[Job], already_there: int) -> State[None]:
    """Return how the step ended, in words that its bar on the run's page shows."""
    shown = progress()
    states = [shown.state(job) for job in jobs]
    parts = [f"{states.count('done') + states.count('already there')} of {len(jobs)} done"]
    if already_there:
        parts.append(f"{already_there} more were there")
    if left_out:
        parts.append(f"not run: {', '.join(job.title for job in left_out[:5])}")
        parts[-1] += f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
    if short := len(shown.short_of_memory):
        parts.insert(0, f"{short} ran out of memory")
    if lost := len(shown.lost):
        parts.insert(0, f"{lost} lost their worker")
    if failed := states.count("failed"):
        parts.insert(0, f"{failed} failed")
    message = ", ".join(parts)
    if failed or short or lost:
        return Failed(message=message)
    if left_out and not jobs:
        return Cancelled(name="Skipped", message=message)
    return Completed(message=message)
