"""Carrying out jobs in the order of their needs, as far as possible when some fail."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from dask import annotate  # type: ignore[attr-defined]
from distributed import KilledWorker
from prefect import Task, allow_failure, tags
from prefect.client.schemas.objects import State
from prefect.states import Crashed
from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture

from flows.board import Board
from flows.engine import flush_workers, force_state, hush_workers, interruptible, light_context
from sitsflow.errors import ResourceError
from sitsflow.jobs import Job, fingerprint, is_done, ram_gb
from sitsflow.plan import Plan, TilePlan
from sitsflow.record import is_current
from tasks.logs import cause
from tasks.skip import skip

_POLL_SECONDS = 1.0
_KILLED = (
    "its worker process died, each time it was tried, as when memory runs out: cut the tiles in "
    "more chunks (external_features.number_of_chunks), or use fewer workers"
)


@dataclass
class _Entry:
    """One job: its task, what it needs, and how far it is."""

    job: Job
    task: Task[..., Any]
    after: tuple[Job, ...]
    missing: set[Job]
    wanted_by: list[Job] = field(default_factory=list)
    state: State[Any] | None = None


class Dispatch:
    """Takes jobs in an order in which needs come first, then carries all of them out.

    A job is submitted when all it needs is done. Where one fails, what needs it is not run, and
    everything else is.
    """

    def __init__(
        self, plan: Plan, tiles: dict[str, TilePlan], runner: DaskTaskRunner, board: Board
    ) -> None:
        self._plan, self._tiles = plan, tiles
        self._runner, self._board = runner, board
        self._entries: dict[Job, _Entry] = {}
        self._running: dict[Job, PrefectDaskFuture[Any]] = {}
        self._ended: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._submitted = self._interrupted = False

    def add(self, task: Task[..., Any], job: Job, after: Iterable[Job] = ()) -> Job:
        """Take a job that needs the jobs `after`; those not of this run count as done."""
        needs = tuple(need for need in after if need in self._entries)
        self._entries[job] = _Entry(job, task, needs, missing=set(needs))
        for need in needs:
            self._entries[need].wanted_by.append(job)
        return job

    def run(self) -> None:
        """Carry out all jobs; return when each is done, has failed or cannot be run."""
        with light_context(), self._stopping(), interruptible(self._interrupt):
            for entry in list(self._entries.values()):
                if not entry.after:
                    self._start(entry)
            while self._running:
                with suppress(queue.Empty):
                    job = self._ended.get(timeout=_POLL_SECONDS)
                    if job is not None:
                        self._take(job)
                self._heed()
                self._board.refresh(list(self._running))

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Leave workers, and what the server and the table say, in order."""
        try:
            yield
        except BaseException:
            if self._submitted:
                hush_workers(self._runner)
            for job, future in self._running.items():
                if self._board.is_running(job):
                    force_state(future.task_run_id, Crashed(message="the run was interrupted"))
                    self._board.ended(job, "not run", "interrupted")
            self._board.write("interrupted")
            raise
        if self._submitted:
            flush_workers(self._runner)

    def _interrupt(self) -> None:
        self._interrupted = True
        self._ended.put(None)

    def _heed(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt

    def _start(self, entry: _Entry) -> None:
        """Submit a job whose needs are met, or pass it over if its files are there."""
        self._heed()
        job, plan = entry.job, self._plan
        wanted = fingerprint(job, plan, self._tiles)
        if is_current(job.record(plan.tree), wanted, plan.tree.root):
            # In this process, for a hundredth of a submission: the UI shows it as Cached.
            with self._labels(job):
                entry.state = entry.task(
                    **self._parameters(job), wait_for=self._needs(entry), return_state=True
                )
            self._pass(entry, "already there")
        elif is_done(job, plan, self._tiles):
            self._pass(entry, "already there")
        else:
            gb = ram_gb(job, plan)
            with self._labels(job), annotate(resources={"RAM": gb, "CPU": 1}):
                future = self._runner.submit(
                    entry.task,
                    parameters=self._parameters(job),
                    wait_for=self._needs(entry),  # type: ignore[arg-type]  # states will do
                )
            self._running[job] = future
            self._submitted = True
            future.add_done_callback(lambda _: self._ended.put(job))

    def _take(self, job: Job) -> None:
        """Note how a submitted job ended, and start what waited for it."""
        entry, future = self._entries[job], self._running.pop(job)
        error: BaseException | None = None
        try:
            entry.state = future.wrapped_future.result()
        except Exception as crash:  # noqa: BLE001 - whatever Dask says of a lost worker
            error = ResourceError(_KILLED) if isinstance(crash, KilledWorker) else crash
            entry.state = Crashed(message=cause(error))
            force_state(future.task_run_id, entry.state)
        if entry.state is not None and entry.state.is_completed():
            name = "already there" if entry.state.name == "Cached" else "done"
            self._pass(entry, name)
            return
        if error is None and entry.state is not None:
            found = entry.state.result(raise_on_failure=False)
            error = found if isinstance(found, BaseException) else None
        self._board.ended(job, "failed", cause(error) if error else "it did not end")
        self._give_up(entry, job)

    def _pass(self, entry: _Entry, state: Any) -> None:
        self._board.ended(entry.job, state)
        for name in entry.wanted_by:
            wanting = self._entries[name]
            wanting.missing.discard(entry.job)
            if not wanting.missing:
                self._start(wanting)

    def _give_up(self, missing: _Entry, failed: Job) -> None:
        """Show each job that needs a failed one, directly or not, as not run."""
        for name in missing.wanted_by:
            entry = self._entries[name]
            if entry.state is not None:
                continue
            message = f"not run, for want of {failed.title}"
            # The edge to what failed: its own need may be a job that was not run either.
            because = self._entries[failed].state
            edges = [allow_failure(because)] if because and because.is_failed() else None
            with self._labels(entry.job):
                entry.state = skip.with_options(name=entry.task.name)(
                    entry.job.title, message, wait_for=edges, return_state=True
                )
            self._board.ended(entry.job, "not run", message)
            self._give_up(entry, failed)

    def _needs(self, entry: _Entry) -> list[State[Any]]:
        states = (self._entries[need].state for need in entry.after)
        return [state for state in states if state is not None]

    def _labels(self, job: Job) -> Any:
        gb = round(ram_gb(job, self._plan), 1)
        labels = [f"step:{job.task}", f"ram:{gb:g}gb", "cpu:1"]
        return tags(*labels, *([f"tile:{job.tile}"] if job.tile else []))

    def _parameters(self, job: Job) -> dict[str, Any]:
        parameters: dict[str, Any] = {"output_path": str(self._plan.tree.root)}
        if job.tile:
            parameters["tile"] = job.tile
        if job.index is not None:
            parameters["index"] = job.index
        return {**parameters, "fingerprint": fingerprint(job, self._plan, self._tiles)}
