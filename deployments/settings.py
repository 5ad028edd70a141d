"""What a person set on a deployment in the UI, carried over when it is deployed again."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import PrefectHTTPStatusError

from deployments.register import POOL
from flows.ui_pages import describe


@contextlib.contextmanager
def kept_settings() -> Iterator[None]:
    """Let deployments that are there keep their schedules and parameters in this block.

    Prefect replaces both by those of prefect.yaml: a schedule that was switched on would be off.
    """
    with get_client(sync_client=True) as client:
        before = deployments_of(client)
        yield
        for deployment in deployments_of(client).values():
            if (former := before.get(deployment.id)) is not None:
                _restore(client, former, deployment)


def deployments_of(client: SyncPrefectClient) -> dict[UUID, DeploymentResponse]:
    """Return the deployments of our work pool by their identifiers."""
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    return {one.id: one for one in client.read_deployments(work_pool_filter=pool)}


def _restore(
    client: SyncPrefectClient, former: DeploymentResponse, deployment: DeploymentResponse
) -> None:
    client.update_deployment(deployment.id, DeploymentUpdate(paused=former.paused))
    _restore_parameters(client, former, deployment)
    fields = set(DeploymentScheduleCreate.model_fields) - {"replaces"}
    wanted = [
        DeploymentScheduleCreate.model_validate(schedule.model_dump(include=fields))
        for schedule in former.schedules
    ]
    for schedule in deployment.schedules:
        client.delete_deployment_schedule(deployment.id, schedule.id)
    if wanted:
        client.create_deployment_schedules(deployment.id, wanted)


def _restore_parameters(
    client: SyncPrefectClient, former: DeploymentResponse, deployment: DeploymentResponse
) -> None:
    # An earlier form sent null for what was left empty.
    kept = {name: value for name, value in former.parameters.items() if value is not None}
    try:
        client.update_deployment(deployment.id, DeploymentUpdate(parameters=kept))
    except PrefectHTTPStatusError as error:
        sys.stderr.write(
            f"the parameters that were set on the deployment {deployment.name} do not fit its form "
            f"any more, and are those of prefect.yaml again: {error.response.text}\n"
        )
        return
    describe(client, deployment.model_copy(update={"parameters": kept}))
