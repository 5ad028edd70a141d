"""The automation that is shipped: a run that fails makes a server with its services call."""

import http.server
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from flows.server import find_or_start, stop, use
from tests.flows.conftest import copy_database, prefect_home

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PATIENCE_SECONDS = 240
WAIT_SECONDS = 10
CODE = """
    from prefect import flow
    from prefect.states import Completed, Failed

    CAUSE = "T31TCJ 0: too wet to say"

    @flow(name="step")
    def step():
        return Failed(message=CAUSE)

    @flow(name="features-map")
    def features_map(state):
        step(return_state=True)
        return Failed(name=state, message=CAUSE) if state != "Completed" else Completed()

    for state in ("Completed", "Failed", "PartiallyCompleted"):
        features_map(state, return_state=True)
"""


@pytest.fixture
def calls() -> Iterator[tuple[str, SimpleQueue[Any]]]:
    """The address of a listener, and what it was sent."""
    received: SimpleQueue[Any] = SimpleQueue()

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_address[1]}/hook", received
        listener.shutdown()
        thread.join()


@pytest.fixture
def environment(engine: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a process that uses a server of this test's own, with its services."""
    with prefect_home(copy_database(engine, tmp_path / "home")):
        server = find_or_start()
        try:
            with use(server):
                yield dict(os.environ)
        finally:
            stop()


def test_failed_runs_call_the_webhook_and_others_do_not(
    environment: dict[str, str], calls: tuple[str, SimpleQueue[Any]]
) -> None:
    url, received = calls
    command = [sys.executable, "-m", "deployments.notify"]
    for address in ("http://127.0.0.1:9/elsewhere", url):  # the second replaces the first
        said = subprocess.run([*command, address], env=environment, check=True, capture_output=True)
        assert b"automation sitsflow-notify" in said.stdout
    run = [sys.executable, "-c", textwrap.dedent(CODE)]
    ends = {f" ended {how}: T31TCJ 0: too wet to say\n" for how in ("Failed", "PartiallyCompleted")}
    texts: list[str] = []
    until = time.monotonic() + PATIENCE_SECONDS
    # The server heeds a new automation only some time after it was made, on a busy machine late.
    while not all(any(end in text for text in texts) for end in ends):
        assert time.monotonic() < until, texts
        subprocess.run(run, env=environment, check=True, capture_output=True)
        with suppress(Empty):
            while True:
                texts.append(received.get(timeout=WAIT_SECONDS)["text"])
    ui = environment["PREFECT_API_URL"].removesuffix("/api")
    for text in texts:
        assert any(end in text for end in ends), "neither a completed run nor a step calls"
        assert f"{ui}/runs/flow-run/" in text
