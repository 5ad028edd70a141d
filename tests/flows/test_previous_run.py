"""What becomes, on the server, of a run that was killed."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.previous_run import close_previous_run
from sitsflow.run.output_folder import RunMarker

pytestmark = pytest.mark.engine

KILLED = """
import os, signal, time
from prefect import flow, get_client, runtime, task

@task
def last():
    until = time.monotonic() + 60
    with get_client(sync_client=True) as client:
        while time.monotonic() < until:
            try:
                client.read_task_run(runtime.task_run.id)
            except Exception:
                time.sleep(0.2)
            else:
                break
    print(runtime.flow_run.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

@flow
def ends():
    last()

ends()
"""


def marker(run: str, finished: bool = False) -> RunMarker:
    now = datetime.now(UTC)
    return RunMarker(
        version="1", fingerprint="", started=now, finished=now if finished else None, run=run
    )


def test_a_killed_run_and_its_tasks_are_marked_as_crashed(engine: dict[str, str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", KILLED], env=engine, capture_output=True, text=True, check=False
    )
    run = ran.stdout.strip()
    with temporary_settings({PREFECT_API_URL: engine["PREFECT_API_URL"]}):
        assert close_previous_run(marker(run, finished=True), "other") == 0
        assert close_previous_run(marker(run), run) == 0
        assert close_previous_run(marker(run), "other") == 2, ran.stderr
        assert close_previous_run(marker(run), "other") == 0, "once"
        with get_client(sync_client=True) as client:
            flow_run = client.read_flow_run(UUID(run))
            chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
            (task_run,) = client.read_task_runs(flow_run_filter=chosen)
    for found in (flow_run, task_run):
        assert found.state is not None
        assert found.state.is_crashed()
        assert "was killed" in (found.state.message or "")


def test_a_run_that_the_server_does_not_know_is_no_trouble(engine: dict[str, str]) -> None:
    assert os.environ.get("PREFECT_API_URL") is None
    unknown = "00000000-0000-4000-8000-000000000000"
    with temporary_settings({PREFECT_API_URL: engine["PREFECT_API_URL"]}):
        assert close_previous_run(marker(unknown), "other") == 0
        assert close_previous_run(marker("no identifier"), "other") == 0
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert close_previous_run(marker(unknown), "other") == 0
