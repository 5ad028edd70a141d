"""Deployments on a server: registered from prefect.yaml, and run as a worker runs them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments import run_deployment
from prefect.exceptions import PrefectHTTPStatusError

from blocks.allowed import DATA_ROOTS, MODULE_PATHS
from deployments.deploy import deploy
from deployments.register import POOL
from deployments.settings import kept_settings
from flows.cli import saved
from flows.cli.load import load
from flows.planned_run import plan_run
from flows.server import use
from sitsflow.run.output_folder import output_folder
from tests.flows.conftest import COMMAND

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def client(engine: dict[str, str]) -> Iterator[SyncPrefectClient]:
    """The tests' server with all deployments, as the configured one of this process."""
    with use(engine["PREFECT_API_URL"]), get_client(sync_client=True) as client:
        with kept_settings():
            said = deploy()
        assert said[-1] == "deployments features-map/on-demand, check, weekly, new-products"
        yield client


def deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    return client.read_deployment_by_name(f"features-map/{name}")


def reference(name: str) -> dict[str, Any]:
    return {"$ref": {"block_document_slug": f"features-map/{name}"}}


class Ended(NamedTuple):
    run: FlowRun
    log: str

    @property
    def state(self) -> str:
        assert self.run.state is not None
        return f"{self.run.state.name}: {self.run.state.message}"


Run = Callable[..., Ended]


@pytest.fixture
def worker(engine: dict[str, str], config: Path, products: Path) -> dict[str, str]:
    """The environment of a worker whose operator allows what the tests' configuration names."""
    data = os.pathsep.join([str(config.parent), str(products)])
    return {**engine, MODULE_PATHS: str(config.parent), DATA_ROOTS: data}


@pytest.fixture
def run(client: SyncPrefectClient, worker: dict[str, str]) -> Run:
    """Run a deployment in a process of its own, as workers do."""

    def run(name: str, **parameters: Any) -> Ended:
        submitted: Any = run_deployment(
            f"features-map/{name}", parameters=parameters, timeout=0, as_subflow=False
        )
        return carry_out(client, submitted.id, worker)

    return run


def carry_out(client: SyncPrefectClient, run: UUID, engine: dict[str, str]) -> Ended:
    command = [sys.executable, "-m", "prefect", "flow-run", "execute", str(run)]
    subprocess.run(command, env=engine, capture_output=True, check=False)
    records = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])))
    return Ended(client.read_flow_run(run), "\n".join(record.message for record in records))


def test_what_was_set_by_hand_stays_until_it_is_deployed_anew(client: SyncPrefectClient) -> None:
    (schedule,) = deployment(client, "weekly").schedules
    assert (schedule.schedule.cron, schedule.active) == ("0 3 * * 1", False)

    weekly = deployment(client, "weekly")
    mine = {"config": reference("mine"), "fresh": True}
    client.update_deployment_schedule(weekly.id, schedule.id, active=True)
    client.update_deployment(weekly.id, DeploymentUpdate(parameters=mine))
    with kept_settings():
        deploy()
    weekly = deployment(client, "weekly")
    (schedule,) = weekly.schedules
    assert (schedule.schedule.cron, schedule.active) == ("0 3 * * 1", True)
    assert weekly.parameters == mine
    assert (weekly.description or "").endswith("Maps the saved configuration `mine`.")

    deploy()
    weekly = deployment(client, "weekly")
    (schedule,) = weekly.schedules
    assert not schedule.active
    assert weekly.parameters != mine
    name = weekly.parameters["config"]["$ref"]["block_document_slug"].rpartition("/")[2]
    (about,) = [line for line in (weekly.description or "").splitlines() if "Maps" in line]
    assert about == f"Maps the saved configuration `{name}`."
    assert "Maps" not in (deployment(client, "on-demand").description or "")


def test_a_block_that_is_not_there_is_named(client: SyncPrefectClient, run: Run) -> None:
    weekly = deployment(client, "weekly")
    # As somebody chooses it in the UI: the description follows with the next run.
    client.update_deployment(weekly.id, DeploymentUpdate(parameters={"config": reference("gone")}))
    ended = run("weekly", cluster={"$ref": {"block_document_slug": "dask-cluster/large"}})
    assert ended.state.startswith("Failed: 2 faults in the parameters of the run")
    for wanted in (
        "config: there is no Features map block saved as 'features-map/gone'",
        "cluster: there is no Dask cluster block saved as 'dask-cluster/large'",
    ):
        assert wanted in ended.state
        assert wanted in ended.log
    assert "Traceback" not in ended.log
    assert ended.run.name == "features_map gone"
    about = deployment(client, "weekly").description or ""
    assert about.endswith("Maps the saved configuration `gone`.")


def test_faults_are_refused_at_once_or_told_all_together(
    client: SyncPrefectClient, config: Path, run: Run
) -> None:
    saved.save("wrong", load(str(config)).configuration, force=True)
    wrong = {"config": reference("wrong"), "overrides": {"chain.resolution": 20}}
    with pytest.raises(PrefectHTTPStatusError) as refused:
        run("on-demand", **wrong, resolution=-20)
    assert "'resolution'" in refused.value.response.json()["detail"]
    ended = run("on-demand", **wrong, tiles="T31TCJ T30TXT", output_path=f"{config}/map")
    for fault in ("no such key; did you mean 'spatial_resolution'?", "'T30TXT'", "output_path: "):
        assert fault in ended.state
    assert "Traceback" not in ended.log
    assert ended.run.name == "features_map wrong"


def test_what_the_worker_does_not_allow_is_refused_before_it_is_opened(
    client: SyncPrefectClient, worker: dict[str, str], config: Path, run: Run
) -> None:
    saved.save("elsewhere", load(str(config)).configuration, force=True)
    wanted = {"config": reference("elsewhere"), "cluster": {"cluster_class": "os.system"}}
    del worker[MODULE_PATHS]
    ended = run("on-demand", **wanted, output_path="/elsewhere/map")
    assert ended.state.startswith("Failed: 1 fault in the saved configuration elsewhere")
    for told in (
        f"external_features.module: '{config.parent / 'functions.py'}' is outside",
        "output_path: '/elsewhere/map' is outside the folders that SITSFLOW_DATA_ROOTS",
        "cluster.cluster_class: 'os.system' is none of those that SITSFLOW_CLUSTERS",
    ):
        assert told in ended.state
        assert told in ended.log
    assert "Traceback" not in ended.log
    assert not (config.parent / "out").exists()


@pytest.mark.parametrize(
    "variables", [{"env": {MODULE_PATHS: "/"}}, {"command": "id"}, {"working_dir": "/"}]
)
def test_a_run_cannot_change_what_its_worker_allows(
    client: SyncPrefectClient, variables: dict[str, Any]
) -> None:
    with pytest.raises(PrefectHTTPStatusError) as refused:
        run_deployment(
            "features-map/on-demand",
            parameters={"config": reference("any")},
            job_variables=variables,
            timeout=0,
            as_subflow=False,
        )
    assert refused.value.response.status_code == 422
    template = client.read_work_pool(POOL).base_job_template
    assert not {"env", "command", "working_dir"} & set(template["job_configuration"])


def test_check_shows_the_plan_and_writes_nothing(
    client: SyncPrefectClient, config: Path, run: Run
) -> None:
    saved.save("two-tiles", load(str(config)).configuration, force=True)
    ended = run("check", config=reference("two-tiles"), overrides={"chain.spatial_resolution": 20})
    assert ended.state.startswith("Completed: 2 tiles, 6 chunks"), ended.log
    assert "13 of 13 tasks are to do" in ended.state
    assert ended.run.name == "check T31TCJ,T31TDJ -> out"
    assert not (config.parent / "out").exists()
    (artifact,) = client.read_artifacts(
        artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[ended.run.id]))
    )
    assert (artifact.key or "").startswith("plan-out-")
    assert "T31TDJ" in str(artifact.data)


def test_a_run_beside_another_one_is_refused(
    client: SyncPrefectClient, config: Path, run: Run
) -> None:
    resolved = load(str(config))
    saved.save("busy", resolved.configuration, force=True)
    planned = plan_run(resolved)
    with output_folder(planned.plan, remove=False, fresh=False, run="other"):
        ended = run("on-demand", config=reference("busy"))
    assert ended.state.startswith("Failed: ")
    assert str(config.parent / "out") in ended.state
    assert "Traceback" not in ended.log


def test_the_command_line_submits_follows_and_ends_as_the_run_does(
    client: SyncPrefectClient, engine: dict[str, str], worker: dict[str, str], config: Path
) -> None:
    (config.parent / "fail").touch()
    saved.save("followed", load(str(config)).configuration, force=True)
    ends = []
    for _ in range(2):
        status, said, ended = submit(client, worker, "block:followed", "--workers", "1")
        ends.append((status, ended.run.state_name))
        assert f"{engine['PREFECT_API_URL'].removesuffix('/api')}/runs/flow-run/" in said
        assert "Write features by chunk: " in said
        assert "Traceback" not in ended.log
    assert ends == [(1, "PartiallyCompleted"), (0, "Completed")]
    assert str(config.parent / "out") in said


def submit(
    client: SyncPrefectClient, engine: dict[str, str], *arguments: str
) -> tuple[int, str, Ended]:
    """Submit a run by the command, carry it out beside it; return how both ended."""
    on_demand = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment(client, "on-demand").id])
    )
    before = {one.id for one in client.read_flow_runs(flow_run_filter=on_demand)}
    command = [*COMMAND, "run", *arguments, "--deployment", "on-demand"]
    with subprocess.Popen(
        command, env=engine, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert process.poll() is None, process.stdout and process.stdout.read()
            assert time.monotonic() < until
            runs = {one.id for one in client.read_flow_runs(flow_run_filter=on_demand)}
            if new := runs - before:
                break
            time.sleep(0.2)
        ended = carry_out(client, new.pop(), engine)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, said, ended


def test_what_cannot_be_submitted_is_said(
    client: SyncPrefectClient, engine: dict[str, str], config: Path
) -> None:
    for arguments, told in (
        ((str(config), "--deployment", "on-demand"), "sitsflow config save"),
        (("block:followed", "--deployment", "daily"), "there is check, new-products, on-demand"),
    ):
        done = subprocess.run(
            [*COMMAND, "run", *arguments], env=engine, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert told in done.stderr
