"""What a person set on a deployment in the UI, carried over when it is deployed again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName
from prefect.client.schemas.responses import DeploymentResponse

from deployments.register import POOL


@contextlib.contextmanager
def kept_settings() -> Iterator[None]:
    """Let deployments that are there keep their schedules and parameters in this block.

    Prefect replaces both by those of prefect.yaml: a schedule that was switched on would be off.
    """
    with get_client(sync_client=True) as client:
        before = _ours(client)
        yield
        for deployment in _ours(client).values():
            if (former := before.get(deployment.id)) is not None:
                _restore(client, former, deployment)


def _ours(client: SyncPrefectClient) -> dict[object, DeploymentResponse]:
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    return {one.id: one for one in client.read_deployments(work_pool_filter=pool)}


def _restore(
    client: SyncPrefectClient, former: DeploymentResponse, deployment: DeploymentResponse
) -> None:
    client.update_deployment(
        deployment.id, DeploymentUpdate(parameters=former.parameters, paused=former.paused)
    )
    fields = set(DeploymentScheduleCreate.model_fields) - {"replaces"}
    wanted = [
        DeploymentScheduleCreate.model_validate(schedule.model_dump(include=fields))
        for schedule in former.schedules
    ]
    for schedule in deployment.schedules:
        client.delete_deployment_schedule(deployment.id, schedule.id)
    if wanted:
        client.create_deployment_schedules(deployment.id, wanted)
