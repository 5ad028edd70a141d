"""What carrying out jobs needs of Prefect and Dask besides submitting them."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect_dask.task_runners import DaskTaskRunner

from tasks.logs import flush


@contextmanager
def light_context() -> Iterator[None]:
    """Leave the flow's parameters out of what travels with every task: no task asks for them.

    To serialize a block, Prefect makes its JSON schema: seconds of CPU for each task.
    """
    context = FlowRunContext.get()
    assert context is not None, "jobs are carried out inside a flow"
    with context.model_copy(update={"parameters": {}}):
        yield


def flush_workers(runner: DaskTaskRunner) -> None:
    """Let each worker send what it still has for the server; Dask gives it 4 s, then kills it."""
    client: Any = runner.client
    workers = client.scheduler_info(n_workers=-1)["workers"]
    client.gather([client.submit(flush, workers=[name], pure=False) for name in workers])


def force_state(task_run_id: Any, state: State[Any]) -> None:
    """Set the state of a task run, which the server may not have heard of yet."""
    if task_run_id is None:
        return
    with suppress(ObjectNotFound, httpx.HTTPError), get_client(sync_client=True) as client:
        client.set_task_run_state(task_run_id, state, force=True)


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
