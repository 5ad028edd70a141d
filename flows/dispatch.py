"""Carrying out jobs in the order of their needs, as far as possible when some fail."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from distributed import KilledWorker
from prefect import Task, allow_failure
from prefect.client.schemas.objects import State
from prefect.states import Crashed
from prefect_dask.task_runners import PrefectDaskFuture

from flows.attempts import RetryLimits, Share
from flows.board import Board
from flows.engine import Verdicts, interruptible, light_context
from flows.entry import Entry
from flows.workers import Workers, most_by_task
from sitsflow.io.record import is_current
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.jobs import Job, fingerprint, is_done, ram_gb
from tasks.logs import cause
from tasks.skip import skip

_POLL_SECONDS = 1.0
_DEATHS_IN_VAIN = 3  # workers in a row that may die with no task begun, as by a lost machine


class Dispatch:
    """Takes jobs in an order in which needs come first, then carries all of them out.

    A job is submitted when all it needs is done. Where one runs out of memory it is submitted
    again, with more. Where one fails, what needs it is not run, and everything else is.
    """

    def __init__(
        self,
        plan: Plan,
        tiles: dict[str, TilePlan],
        workers: Workers,
        board: Board,
        limits: RetryLimits,
    ) -> None:
        self._plan, self._tiles = plan, tiles
        self._workers, self._board, self._limits = workers, board, limits
        self._entries: dict[Job, Entry] = {}
        self._running: dict[Job, PrefectDaskFuture[Any]] = {}
        self._large: list[Entry] = []
        self._ended: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._verdicts = Verdicts()
        self._vain: set[str] = set()
        self._interrupted = False

    def add(self, task: Task[..., Any], job: Job, after: Iterable[Job] = ()) -> Job:
        """Take a job that needs the jobs `after`; those not of this run count as done."""
        needs = tuple(need for need in after if need in self._entries)
        share = Share(ram_gb(job, self._plan))
        self._entries[job] = Entry(job, task, needs, missing=set(needs), share=share)
        for need in needs:
            self._entries[need].wanted_by.append(job)
        return job

    def run(self) -> None:
        """Carry out all jobs; return when each is done, has failed or cannot be run."""
        light = light_context(inherited=self._workers.are_local)
        with light, self._stopping(), interruptible(self._interrupt):
            for entry in list(self._entries.values()):
                if not entry.after:
                    self._start(entry)
            while self._running or self._large:
                if not self._running:
                    self._enlarge()
                with suppress(queue.Empty):
                    job = self._ended.get(timeout=_POLL_SECONDS)
                    if job is not None:
                        self._take(job)
                self._heed()
                self._workers.look()
                self._board.refresh(list(self._running))

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Leave workers, and what the server and the table say, in order."""
        try:
            yield
        except BaseException:
            self._workers.hush()
            for job, future in self._running.items():
                if self._board.is_running(job, self._entries[job].attempt):
                    crashed: State[Any] = Crashed(message="the run was interrupted")
                    self._verdicts.give(future.task_run_id, crashed)
                    self._board.ended(job, "not run", "interrupted")
            self._board.write("interrupted")
            raise
        self._workers.flush()
        self._verdicts.settle()

    def _interrupt(self) -> None:
        self._interrupted = True
        self._ended.put(None)

    def _heed(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt

    def _start(self, entry: Entry) -> None:
        """Submit a job whose needs are met, or pass it over if its files are there."""
        self._heed()
        job, plan = entry.job, self._plan
        wanted = fingerprint(job, plan, self._tiles)
        if is_current(job.record(plan.paths), wanted, plan.paths.root):
            # In this process, for a hundredth of a submission: the UI shows it as Cached.
            with entry.labels():
                entry.state = entry.task(
                    **entry.parameters(plan, self._tiles),
                    wait_for=self._needs(entry),
                    return_state=True,
                )
            self._pass(entry, "already there")
        elif is_done(job, plan, self._tiles):
            self._pass(entry, "already there")
        else:
            self._submit(entry)

    def _submit(self, entry: Entry) -> None:
        """Let Dask start a job where there is room for it."""
        job = entry.job
        if not self._workers.are_open:
            shares = ((one.job.task, one.share) for one in self._entries.values())
            self._workers.open(most_by_task(shares))
        parameters = entry.parameters(self._plan, self._tiles)
        with entry.labels():
            future = self._workers.submit(entry.named, parameters, self._needs(entry), entry.share)
        self._running[job] = future
        future.add_done_callback(lambda _: self._ended.put(job))

    def _enlarge(self) -> None:
        """Submit what needs larger workers than there were, now that these have nothing to do."""
        large, self._large = self._large, []
        self._workers.grow(max(entry.share.ram_gb for entry in large))
        for entry in large:
            self._submit(entry)

    def _take(self, job: Job) -> None:
        """Note how a submitted job ended, and start what waited for it."""
        entry, future = self._entries[job], self._running.pop(job)
        try:
            entry.state = future.wrapped_future.result()
        except KilledWorker as killed:
            self._bereave(entry, future, killed.last_worker.address)
            return
        except Exception as crash:  # noqa: BLE001 - whatever Dask says of a lost cluster
            entry.state = Crashed(message=cause(crash))
            self._verdicts.give(future.task_run_id, entry.state)
            self._fail(entry, cause(crash))
            return
        self._vain.clear()
        if entry.state is not None and entry.state.is_completed():
            self._pass(entry, "already there" if entry.state.name == "Cached" else "done")
            return
        error = entry.state.result(raise_on_failure=False) if entry.state is not None else None
        if isinstance(error, MemoryError):
            self._starve(entry, f"out of memory ({cause(error)})")
        else:
            self._fail(entry, cause(error) if isinstance(error, BaseException) else "")

    def _bereave(self, entry: Entry, future: PrefectDaskFuture[Any], worker: str) -> None:
        """Go on after the death of a worker that Dask blames on all that it was sent.

        What had begun there is the suspect; what only waited there is sent elsewhere as it is.
        """
        if self._board.is_running(entry.job, entry.attempt):
            self._vain.clear()
            died = f"its worker process ({worker}) died, as when memory runs out,"
            entry.state = Crashed(message=f"{died} with {entry.share} given")
            with entry.labels():
                self._verdicts.insist(future.task_run_id, entry.state, entry.task, entry.title)
            self._starve(entry, died)
            return
        self._vain.add(worker)
        waited = f"its worker process ({worker}) died before it began"
        entry.state = Crashed(message=waited)
        self._verdicts.give(future.task_run_id, entry.state)
        if len(self._vain) > _DEATHS_IN_VAIN:
            self._fail(entry, f"{waited}, like {len(self._vain) - 1} before: see the workers' logs")
        else:
            self._submit(entry)

    def _starve(self, entry: Entry, how: str) -> None:
        """Submit a job again that ran out of memory, with more; or give up."""
        had, largest = entry.share, self._workers.largest
        alone = self._workers.alone_gb
        share = self._limits.next_share(had, entry.attempt, largest, alone)
        if share is None:
            self._fail(entry, self._limits.exhausted(how, had, entry.attempt, largest))
            return
        entry.share, entry.attempt = share, entry.attempt + 1
        self._board.again(entry.job, entry.attempt, f"{how} with {had}; tried again with {share}")
        if self._workers.is_enough(share):
            self._submit(entry)
        else:
            self._large.append(entry)

    def _fail(self, entry: Entry, message: str) -> None:
        self._board.ended(entry.job, "failed", message)
        self._give_up(entry, entry.job)

    def _pass(self, entry: Entry, state: Any) -> None:
        self._board.ended(entry.job, state)
        for name in entry.wanted_by:
            wanting = self._entries[name]
            wanting.missing.discard(entry.job)
            if not wanting.missing:
                self._start(wanting)

    def _give_up(self, missing: Entry, failed: Job) -> None:
        """Show each job that needs a failed one, directly or not, as not run."""
        for name in missing.wanted_by:
            entry = self._entries[name]
            if entry.state is not None:
                continue
            message = f"not run, for want of {failed.title}"
            # The edge to what failed: its own need may be a job that was not run either.
            because = self._entries[failed].state
            edges = [allow_failure(because)] if because else None
            with entry.labels():
                entry.state = skip.with_options(name=entry.task.name)(
                    entry.job.title, message, wait_for=edges, return_state=True
                )
            self._board.ended(entry.job, "not run", message)
            self._give_up(entry, failed)

    def _needs(self, entry: Entry) -> list[State[Any]]:
        states = (self._entries[need].state for need in entry.after)
        return [state for state in states if state is not None]
