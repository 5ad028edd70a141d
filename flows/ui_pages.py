"""What the pages of the Prefect UI say of a run and of its deployment: name and description."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger

from flows.block_parameter import name_in

_MAPS = "\n\nMaps "


def name_run(name: str) -> None:
    """Give the flow run under way a name that says what it does."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(str(runtime.flow_run.id)), name=name)


def begin_run(verb: str, config: Any) -> None:
    """Name the run under way after its saved configuration, and describe its deployment anew.

    Parameters
    ----------
    verb : str
        What the run does, e.g. ``features_map``.
    config : object
        The parameter of that name; a configuration that is not saved gives no name.
    """
    if name := name_in(config):
        name_run(f"{verb} {name}")
    if not runtime.deployment.id:
        return
    with get_client(sync_client=True) as client:
        try:
            describe(client, client.read_deployment(UUID(str(runtime.deployment.id))))
        except PrefectException as error:  # it is for readers only: the run goes on
            get_run_logger().warning("the deployment's description stays as it was: %s", error)


def describe(client: SyncPrefectClient, deployment: DeploymentResponse) -> None:
    """Say in a deployment's description which saved configuration it maps, if it has one.

    The UI lets everybody choose another one, and knows nothing of what a description says.
    """
    name = name_in(deployment.parameters.get("config"))
    about = (deployment.description or "").partition(_MAPS)[0].rstrip()
    if name:
        about += f"{_MAPS}the saved configuration `{name}`."
    if about != (deployment.description or "").rstrip():
        client.update_deployment(deployment.id, DeploymentUpdate(description=about))
