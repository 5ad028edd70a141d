"""Runs whose process is dead, which the Prefect server still takes for running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import PrefectException
from prefect.states import Crashed

from sitsflow.run.output_folder import RunMarker

_PAGE = 200  # the most that the server returns at once
_OPEN = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.PAUSED]
_DIED = "the process of this run was killed; a later run of the same output folder went on"


def close_previous_run(marker: RunMarker | None, run: str) -> int:
    """Mark the run that left `marker` as crashed, with its steps and tasks, if it is still open.

    Call it with the output folder locked: the previous run's process is dead for sure then.

    Parameters
    ----------
    marker : RunMarker or None
        Of the output folder, as it was before this run.
    run : str
        Identifier of the flow run that is under way now.

    Returns
    -------
    int
        How many runs were marked; 0 too where the server is another one, or does not answer.
    """
    if marker is None or marker.finished is not None or marker.run in ("", run):
        return 0
    with (
        suppress(PrefectException, httpx.HTTPError, ValueError),
        get_client(sync_client=True) as client,
    ):
        return close_run(client, UUID(marker.run), _DIED)
    return 0


def close_run(client: SyncPrefectClient, flow_run_id: UUID, message: str) -> int:
    """Mark a dead flow run as crashed, with its steps and their tasks; count what was open."""
    steps = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id])
        )
    )
    closed = sum(close_run(client, step.id, message) for step in steps)
    for task_run_id in _open_task_runs(client, flow_run_id):
        client.set_task_run_state(task_run_id, Crashed(message=message), force=True)
        closed += 1
    state = client.read_flow_run(flow_run_id).state
    if state is None or not state.is_final():
        client.set_flow_run_state(flow_run_id, Crashed(message=message), force=True)
        closed += 1
    return closed


def _open_task_runs(client: SyncPrefectClient, flow_run_id: UUID) -> Iterator[UUID]:
    seen: set[UUID] = set()
    while True:
        found = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])),
            task_run_filter=TaskRunFilter(
                state=TaskRunFilterState(type=TaskRunFilterStateType(any_=_OPEN))
            ),
            limit=_PAGE,
        )
        left = [run.id for run in found if run.id not in seen]
        if not left:
            return
        seen.update(left)
        yield from left
