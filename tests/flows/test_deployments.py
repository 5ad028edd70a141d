"""Deployments on a server: registered from prefect.yaml, and what a person set on them."""

from collections.abc import Iterator

import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse

from deployments.deploy import deploy
from deployments.settings import kept_settings
from flows.server import use

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def client(engine: dict[str, str]) -> Iterator[SyncPrefectClient]:
    with use(engine["PREFECT_API_URL"]), get_client(sync_client=True) as client:
        yield client


def weekly(client: SyncPrefectClient) -> DeploymentResponse:
    return client.read_deployment_by_name("features-map/weekly")


def test_what_was_set_by_hand_stays_until_it_is_deployed_anew(client: SyncPrefectClient) -> None:
    with kept_settings():
        said = deploy()
    assert "deployments features-map/on-demand, weekly, new-products" in said
    (schedule,) = weekly(client).schedules
    assert (schedule.schedule.cron, schedule.active) == ("0 3 * * 1", False)

    mine = {"config": {"$ref": {"block_document_slug": "features-map/mine"}}}
    client.update_deployment_schedule(weekly(client).id, schedule.id, active=True)
    client.update_deployment(weekly(client).id, DeploymentUpdate(parameters=mine))
    with kept_settings():
        deploy()
    (schedule,) = weekly(client).schedules
    assert (schedule.schedule.cron, schedule.active) == ("0 3 * * 1", True)
    assert weekly(client).parameters == mine

    deploy()
    (schedule,) = weekly(client).schedules
    assert not schedule.active
    assert weekly(client).parameters != mine
