"""What carrying out jobs needs of Prefect and Dask besides submitting them."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import httpx
import prefect.context
from prefect import Task, get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, SettingsContext, TagsContext
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect_dask.task_runners import DaskTaskRunner
from pydantic import PrivateAttr

from flows.display import display
from tasks.logs import flush


def notice(text: str) -> None:
    """Say a sentence to whoever follows the run, in the log and on the terminal."""
    get_run_logger().warning(text)
    display.get().say(text)


class _Settings(SettingsContext):
    """Prefect's settings as they travel with every task: serialized once, or not at all."""

    _sent: dict[str, Any] | None = PrivateAttr(None)

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        """Return what is sent; Prefect has none in it mean those of the worker's own process."""
        if self._sent is None:
            self._sent = super().serialize(include_secrets=include_secrets)
        return self._sent


@contextmanager
def light_context(*, inherited: bool) -> Iterator[None]:
    """Make what travels with every task small, and quick to serialize.

    The flow's parameters are left out, for no task asks for them: to serialize a block, Prefect
    makes its JSON schema, which takes seconds of CPU for each task. Prefect's settings take 30 ms
    to serialize, and 50 ms to validate again in the worker.

    Parameters
    ----------
    inherited : bool
        Whether workers are children of this process, and so have its settings anyway.
    """
    context, now = FlowRunContext.get(), SettingsContext.get()
    assert context is not None, "jobs are carried out inside a flow"
    assert now is not None, "there are settings everywhere"
    settings = _Settings.model_construct(profile=now.profile, settings=now.settings)
    # Settings that were changed since the process began are in no environment of a child.
    if inherited and now is prefect.context.GLOBAL_SETTINGS_CONTEXT:
        settings._sent = {}
    with context.model_copy(update={"parameters": {}}), settings:
        yield


def flush_workers(runner: DaskTaskRunner) -> None:
    """Let each worker send what it still has for the server; Dask gives it 4 s, then kills it."""
    client: Any = runner.client
    workers = client.scheduler_info(n_workers=-1)["workers"]
    client.gather([client.submit(flush, workers=[name], pure=False) for name in workers])


class Verdicts:
    """States of task runs whose own process can no longer tell the server."""

    def __init__(self) -> None:
        self._owed: list[tuple[UUID, State[Any], Task[..., Any], set[str]]] = []

    def give(self, task_run_id: UUID, state: State[Any]) -> bool:
        """Set a state; False where the server knows no such run: it had not begun."""
        with suppress(ObjectNotFound, httpx.HTTPError), get_client(sync_client=True) as client:
            client.set_task_run_state(task_run_id, state, force=True)
            return True
        return False

    def insist(self, task_run_id: UUID, state: State[Any], task: Task[..., Any], name: str) -> None:
        """Set the state of a run that did begin, though its process may not have told so."""
        if not self.give(task_run_id, state):
            named = task.with_options(name=task.name, task_run_name=name)
            self._owed.append((task_run_id, state, named, set(TagsContext.get().current_tags)))

    def settle(self) -> None:
        """Make the runs that the server never heard of: their attempt is to be seen."""
        flow_run = FlowRunContext.get()
        for task_run_id, state, task, labels in self._owed:
            if flow_run is None or flow_run.flow_run is None or self.give(task_run_id, state):
                continue
            with suppress(httpx.HTTPError), get_client(sync_client=True) as client:
                client.create_task_run(
                    task,
                    flow_run.flow_run.id,
                    dynamic_key=str(task_run_id),
                    id=task_run_id,
                    name=str(task.task_run_name),
                    extra_tags=labels,
                    state=state,
                )
        self._owed.clear()


def hush_workers(runner: DaskTaskRunner) -> None:
    """Before workers are killed at work: they, and their nannies here, need not warn of it."""
    _hush()
    with suppress(OSError, TimeoutError):
        runner.client.run(_hush, on_error="ignore")


def _hush() -> None:
    logging.getLogger("distributed").setLevel(logging.ERROR)


@contextmanager
def interruptible(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` at Ctrl-C instead of raising an exception wherever the process is.

    Raised inside Prefect's serialization, a KeyboardInterrupt comes out as another error.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda _number, _frame: tell())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
