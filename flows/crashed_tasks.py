"""Task runs whose process died: it can no longer tell the server how they ended."""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import UUID

import httpx
from prefect import get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

_PATIENCE_SECONDS = 5.0


class CrashedTasks:
    """Sets their state to Crashed; the server may hear of a task run only after its end."""

    def __init__(self) -> None:
        self._unknown: dict[UUID, str] = {}

    def add(self, task_run_id: UUID, message: str) -> None:
        """Mark a task run, or keep it for `settle` if the server does not know it yet."""
        if not _mark(task_run_id, message):
            self._unknown[task_run_id] = message

    def settle(self) -> None:
        """Mark those that the server has heard of meanwhile; one that never began is unknown."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._unknown and time.monotonic() < until:
            self._unknown = {one: why for one, why in self._unknown.items() if not _mark(one, why)}
            time.sleep(0.5 if self._unknown else 0)


def _mark(task_run_id: UUID, message: str) -> bool:
    with suppress(ObjectNotFound, httpx.HTTPError), get_client(sync_client=True) as client:
        client.set_task_run_state(task_run_id, Crashed(message=message), force=True)
        return True
    return False
