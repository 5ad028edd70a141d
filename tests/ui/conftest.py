"""All that `make serve` starts, on two small tiles, and Debian's Chromium to look at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
import pytest

from tests.flows.conftest import config as config  # fixtures of the tests of whole runs
from tests.flows.conftest import sitsflow as sitsflow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_SECONDS = 240


class Served(NamedTuple):
    url: str
    folder: Path
    env: dict[str, str]
    process: subprocess.Popen[str]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, products: Path) -> Iterator[Served]:
    """What one command starts on a machine that knows nothing yet."""
    folder = tmp_path_factory.mktemp("served")
    simulated = folder / "example" / "sensor_data_250"
    simulated.mkdir(parents=True)
    for tile in products.iterdir():
        (simulated / tile.name).symlink_to(tile)
    (simulated / "simulated").touch()
    port = _free_port()
    clean = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    env = {
        **clean,
        "PREFECT_HOME": str(folder / "home"),
        "SITSFLOW_PORT": str(port),
        "SITSFLOW_AUTH": "none",  # whatever machine this is
        # The example's products are links to those of all tests.
        "SITSFLOW_MODULE_PATHS": str(folder),
        "SITSFLOW_DATA_ROOTS": os.pathsep.join(map(str, (folder, products))),
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
    }
    log = (folder / "serve.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.serve", str(folder / "example")],
        cwd=ROOT, env=env, stdout=log, stderr=log, text=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while "Ctrl-C stops" not in (said := (folder / "serve.log").read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < until, said
            time.sleep(0.3)
        server = psutil.Process(int((folder / "home" / "server.pid").read_text()))
        family = [server, *psutil.Process(process.pid).children(recursive=True)]
        yield Served(url, folder, {**env, "PREFECT_API_URL": f"{url}/api"}, process)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
        log.close()
    assert not psutil.wait_procs(family, timeout=5)[1], "something outlived Ctrl-C"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, base_url=served.url)
    page.set_default_timeout(60_000)
    yield page
    page.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: `SITSFLOW_SCREENSHOTS`, or a temporary folder."""
    named = os.environ.get("SITSFLOW_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
