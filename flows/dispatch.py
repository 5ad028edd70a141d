"""Carrying out jobs in the order of their needs, as far as possible when some fail."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from dask import annotate  # type: ignore[attr-defined]
from prefect import Task, get_client, tags
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed
from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture

from flows.board import Board
from sitsflow.jobs import Job, fingerprint, is_done, ram_gb
from sitsflow.plan import Plan, TilePlan
from sitsflow.record import is_current
from tasks.logs import cause, flush

_POLL_SECONDS = 1.0


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
        self._ended: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._submitted = False

    def add(self, task: Task[..., Any], job: Job, after: Iterable[Job] = ()) -> Job:
        """Take a job that needs the jobs `after`; those not of this run count as done."""
        needs = tuple(need for need in after if need in self._entries)
        self._entries[job] = _Entry(job, task, needs, missing=set(needs))
        for need in needs:
            self._entries[need].wanted_by.append(job)
        return job

    def run(self) -> None:
        """Carry out all jobs; return when each is done, has failed or cannot be run."""
        with _light_context(), self._stopping():
            for entry in list(self._entries.values()):
                if not entry.after:
                    self._start(entry)
            while self._running:
                with suppress(queue.Empty):
                    self._take(self._ended.get(timeout=_POLL_SECONDS))
                self._board.refresh(list(self._running))

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Leave workers, and what the server and the table say, in order."""
        try:
            yield
        except BaseException:
            # Workers at work are killed now, as they must be: nobody need be warned of it.
            logging.getLogger("distributed").setLevel(logging.ERROR)
            for job, future in self._running.items():
                if self._board.is_running(job):
                    _force(future.task_run_id, Crashed(message="the run was interrupted"))
            self._board.write("interrupted")
            raise
        if self._submitted:
            _flush_workers(self._runner)

    def _start(self, entry: _Entry) -> None:
        """Submit a job whose needs are met, or pass it over if its files are there."""
        job, plan = entry.job, self._plan
        wanted = fingerprint(job, plan, self._tiles)
        if is_current(job.record(plan.tree), wanted, plan.tree.root):
            # In this process, for a hundredth of a submission: the UI shows it as Cached.
            entry.state = self._here(entry)
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
            error = crash
            entry.state = Crashed(message=cause(crash))
            _force(future.task_run_id, entry.state)
        if entry.state is not None and entry.state.is_completed():
            name = "already there" if entry.state.name == "Cached" else "done"
            self._pass(entry, name)
            return
        if error is None and entry.state is not None:
            found = entry.state.result(raise_on_failure=False)
            error = found if isinstance(found, BaseException) else None
        self._board.ended(job, "failed", cause(error) if error else "it did not end")
        self._give_up(entry, [job.title])

    def _pass(self, entry: _Entry, state: Any) -> None:
        self._board.ended(entry.job, state)
        for name in entry.wanted_by:
            wanting = self._entries[name]
            wanting.missing.discard(entry.job)
            if not wanting.missing:
                self._start(wanting)

    def _give_up(self, failed: _Entry, blame: list[str]) -> None:
        """Show each job that needs `failed`, directly or not, as not run."""
        for name in failed.wanted_by:
            entry = self._entries[name]
            if entry.state is not None:
                continue
            message = f"not run, for want of {', '.join(blame)}"
            entry.state = self._here(entry)
            _force(
                entry.state.state_details.task_run_id, Cancelled(name="Skipped", message=message)
            )
            self._board.ended(entry.job, "not run", message)
            self._give_up(entry, blame)

    def _here(self, entry: _Entry) -> State[Any]:
        """Call the task in this process: it finds its files there, or a need that failed."""
        with self._labels(entry.job):
            state: State[Any] = entry.task(
                **self._parameters(entry.job), wait_for=self._needs(entry), return_state=True
            )
        return state

    def _needs(self, entry: _Entry) -> list[State[Any]]:
        states = (self._entries[need].state for need in entry.after)
        return [state for state in states if state is not None]

    def _labels(self, job: Job) -> Any:
        labels = [f"step:{job.task}", f"ram:{ram_gb(job, self._plan):.1f}gb", "cpu:1"]
        return tags(*labels, *([f"tile:{job.tile}"] if job.tile else []))

    def _parameters(self, job: Job) -> dict[str, Any]:
        parameters: dict[str, Any] = {"output_path": str(self._plan.tree.root)}
        if job.tile:
            parameters["tile"] = job.tile
        if job.index is not None:
            parameters["index"] = job.index
        return {**parameters, "fingerprint": fingerprint(job, self._plan, self._tiles)}


@contextmanager
def _light_context() -> Iterator[None]:
    """Leave the flow's parameters out of what travels with every task: no task asks for them.

    To serialize a block, Prefect makes its JSON schema: seconds of CPU for each task.
    """
    context = FlowRunContext.get()
    assert context is not None, "jobs are carried out inside a flow"
    with context.model_copy(update={"parameters": {}}):
        yield


def _flush_workers(runner: DaskTaskRunner) -> None:
    """Let each worker send what it still has for the server; Dask gives it 4 s, then kills it."""
    client: Any = runner.client
    workers = client.scheduler_info(n_workers=-1)["workers"]
    client.gather([client.submit(flush, workers=[name], pure=False) for name in workers])


def _force(task_run_id: Any, state: State[Any]) -> None:
    """Set the state of a task run, which the server may not have heard of yet."""
    if task_run_id is None:
        return
    with suppress(ObjectNotFound), get_client(sync_client=True) as client:
        client.set_task_run_state(task_run_id, state, force=True)
