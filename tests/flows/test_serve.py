"""`make serve`: what it starts, what it leaves alone, and what is left when it has ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
from prefect import get_client
from prefect.client.schemas.objects import StateType

from flows import server
from flows.cli import saved
from flows.cli.load import load
from sitsflow.io.paths import OutputPaths
from tests.flows.conftest import copy_database, free_port, prefect_home

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PATIENCE_SECONDS = 180


class Serving(NamedTuple):
    process: subprocess.Popen[str]
    log: Path

    def said(self) -> str:
        return self.log.read_text()


def wait_until(condition: Callable[[], object], what: Callable[[], str]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, what()
        time.sleep(0.2)


@contextlib.contextmanager
def serving(place: Path, **environment: str) -> Iterator[Serving]:
    """`make serve` in a process of its own, from its welcome to its end."""
    log = place / "serve.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "deployments.serve", str(place / "example")],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                # Whatever machine this is.
                "SITSFLOW_AUTH": "none",
                "SITSFLOW_MODULE_PATHS": str(place),
                "SITSFLOW_DATA_ROOTS": tempfile.gettempdir(),
                **environment,
            },
            cwd=place, stdout=file, stderr=file, text=True,
        )  # fmt: skip
    try:
        wait_until(
            lambda: process.poll() is not None or "Ctrl-C stops" in log.read_text(), log.read_text
        )
        assert process.poll() is None, log.read_text()
        yield Serving(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def place(engine: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """A home of Prefect of its own; its server is stopped in the end."""
    with prefect_home(copy_database(engine, tmp_path / "home")):
        yield tmp_path
        server.stop()


@contextlib.contextmanager
def running(config: Path, url: str) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A run of on-demand whose first chunk waits: its identifier, and its processes."""
    (config.parent / "wait").touch()
    states = OutputPaths(config.parent / "out").state / "states"
    with server.use(f"{url}/api"), get_client(sync_client=True) as client:
        if "waiting" not in saved.names():
            saved.save("waiting", load(str(config)).configuration)
        on_demand = client.read_deployment_by_name("features-map/on-demand")
        named = {"$ref": {"block_document_slug": "features-map/waiting"}}
        run = client.create_flow_run_from_deployment(on_demand.id, parameters={"config": named})
        wait_until(
            lambda: any(states.glob("write_features*")),
            lambda: str(client.read_flow_run(run.id).state),
        )
        pid = client.read_flow_run(run.id).infrastructure_pid
        process = psutil.Process(int(pid or 0))
        yield str(run.id), [process, *process.children(recursive=True)]


def test_ctrl_c_interrupts_its_runs_and_stops_what_it_started(place: Path, config: Path) -> None:
    port = free_port()
    with serving(place, SITSFLOW_PORT=str(port)) as serve:
        url = f"http://127.0.0.1:{port}"
        assert f"Prefect started: {url}" in serve.said()
        assert str(place / "home" / "prefect.db") in serve.said()
        workers = psutil.Process(serve.process.pid).children()
        with running(config, url) as (_, family):
            assert len(family) >= 3, "run, Dask's nanny, worker"
            serve.process.send_signal(signal.SIGINT)
            assert serve.process.wait(PATIENCE_SECONDS) == 0, serve.said()
        assert "can be resumed" in serve.said()
        assert "Traceback" not in serve.said()
    assert not psutil.wait_procs([*workers, *family], timeout=1)[1]
    assert server.running_server() is None
    # In order: an interrupted run says so in its status table, a killed one cannot.
    assert "interrupted" in OutputPaths(config.parent / "out").status.read_text()


def test_with_a_password_nobody_starts_a_run_without_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITSFLOW_AUTH", "ann:se:cret")
    with serving(place, SITSFLOW_AUTH="ann:se:cret") as serve:
        there = server.find_or_start()
        api = there.api_url
        for auth in (None, ("ann", "secret"), ("bob", "se:cret")):
            for path in ("/deployments/filter", "/flow_runs/filter", "/work_pools/filter"):
                # With a token, so that it is not the token that is missing.
                token = {"Prefect-Csrf-Token": "1", "Prefect-Csrf-Client": "1"}
                answer = httpx.post(f"{api}{path}", json={}, auth=auth, headers=token)
                assert answer.status_code in (401, 403)
            assert httpx.get(f"{api}/admin/version", auth=auth).status_code == 401
            assert httpx.get(f"{api}/csrf-token?client=1", auth=auth).status_code == 401
        assert httpx.get(f"{there.url}/ui-settings").json()["auth"] == "BASIC"
        with server.use(there), get_client(sync_client=True) as client:
            check = client.read_deployment_by_name("features-map/check")
            named = {"$ref": {"block_document_slug": "features-map/example"}}
            run = client.create_flow_run_from_deployment(check.id, parameters={"config": named})
            wait_until(lambda: client.read_flow_run(run.id).state.is_final(), serve.said)
            assert client.read_flow_run(run.id).state.is_completed(), serve.said()
        for other, told in ((None, "asks for a password"), ("ann:x", "asks for another password")):
            if other is None:
                monkeypatch.delenv("SITSFLOW_AUTH")
            else:
                monkeypatch.setenv("SITSFLOW_AUTH", other)
            with pytest.raises(server.ServerError, match=f"{told}.*SITSFLOW_AUTH=user:password"):
                server.find_or_start()
        serve.process.send_signal(signal.SIGINT)
        assert serve.process.wait(PATIENCE_SECONDS) == 0, serve.said()
    assert "se:cret" not in serve.said()


@pytest.mark.parametrize("victim", ["serve", "worker"])
def test_nothing_but_the_server_outlives_a_kill(place: Path, config: Path, victim: str) -> None:
    there = server.find_or_start()
    with serving(place) as serve:
        assert f"Prefect runs already: {there.url}" in serve.said()
        workers = psutil.Process(serve.process.pid).children()
        with running(config, there.url) as (run, family):
            (workers[0] if victim == "worker" else serve.process).kill()
            serve.process.wait(PATIENCE_SECONDS)
            alive = psutil.wait_procs([*workers, *family], timeout=PATIENCE_SECONDS)[1]
            assert not alive
        if victim == "worker":
            assert serve.process.returncode == 1
            assert "the worker ended by itself" in serve.said()
            with server.use(there), get_client(sync_client=True) as client:
                state = client.read_flow_run(run).state  # type: ignore[arg-type]
                assert state is not None
                assert state.type == StateType.CRASHED
    assert server.running_server() is not None, "it was there before"


def test_a_server_that_it_found_stays_and_a_made_map_too(place: Path) -> None:
    there = server.find_or_start()
    with serving(place, SITSFLOW_PORT=str(free_port())) as serve:
        assert f"is there already, on port {there.url.rpartition(':')[2]}" in serve.said()
        assert f"Prefect runs already: {there.url}" in serve.said()
        with server.use(there):
            assert saved.names() == ["example"]
            example = saved.find("example")
            with get_client(sync_client=True) as client:
                weekly = client.read_deployment_by_name("features-map/weekly")
        assert example.chain.output_path == place / "example" / "output"
        slug = weekly.parameters["config"]["$ref"]["block_document_slug"]
        assert slug == "features-map/example"
        serve.process.send_signal(signal.SIGTERM)
        assert serve.process.wait(PATIENCE_SECONDS) == 0
    now = server.running_server()
    assert now is not None
    assert now.url == there.url
