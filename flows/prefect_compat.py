"""All that sitsflow uses of Prefect and is not in Prefect's documentation, each with its reason.

`tests/flows/test_prefect_compat.py` fails where an upgrade of Prefect breaks one of them.
"""

from __future__ import annotations

import logging
import threading
from contextlib import AbstractContextManager
from typing import Any

from prefect.context import FlowRunContext, SettingsContext
from prefect.events.worker import EventsWorker
from pydantic import PrivateAttr

_FLUSH_SECONDS = 30


def is_suspended() -> bool:
    """Whether somebody suspended the run that this process carries out, or its parent run.

    Prefect looks for that itself where a flow waits for its own futures, but for those of Dask.
    """
    context = FlowRunContext.get()
    return context is not None and context.flow_run_suspension_request.is_requested()


def suspend() -> None:
    """End the flow run under way as suspended: the server keeps that state, and can resume it.

    Raises
    ------
    prefect.exceptions.Pause
        If the run is suspended; Prefect's engine expects it.
    """
    context = FlowRunContext.get()
    if context is not None:
        context.flow_run_suspension_request.raise_if_requested()


def settings_written_once() -> AbstractContextManager[object]:
    """Let all tasks that are submitted in the block carry the same written settings.

    Prefect writes them anew for each, which takes thirty of the forty milliseconds of a submission:
    thousands of jobs would come slower than a large cluster does them.
    """
    context = SettingsContext.get()
    assert context is not None, "Prefect always has settings"
    return _SettingsWrittenOnce(profile=context.profile, settings=context.settings)


class _SettingsWrittenOnce(SettingsContext):
    _written: dict[bool, dict[str, Any]] = PrivateAttr(default_factory=dict)

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        if include_secrets not in self._written:
            self._written[include_secrets] = super().serialize(include_secrets=include_secrets)
        return self._written[include_secrets]


def flush(*, stays: bool = False) -> None:
    """Send what this process still has for the Prefect server: log records and states of tasks.

    Prefect does so as a process ends, for which Dask gives its workers 4 s.

    Parameters
    ----------
    stays : bool
        Whether the process goes on to work for other runs. To drain one stops all of Prefect's
        services, those of concurrency limits too, which Prefect never lets go of: the next run
        starts new ones, each with the context of a task. Log records go by themselves then, within
        two seconds: nothing is waited for, since their service never says that it has sent all.
    """
    if not stays:
        for handler in logging.getLogger("prefect.task_runs").handlers:
            handler.flush()
        EventsWorker.drain_all(timeout=_FLUSH_SECONDS)
        return
    for service in list(EventsWorker._instances.values()):  # type: ignore[misc]  # of all kinds
        if isinstance(service, EventsWorker):
            # It waits without limit, also for a server that is gone.
            waiting = threading.Thread(target=service.wait_until_empty, daemon=True)
            waiting.start()
            waiting.join(_FLUSH_SECONDS)
