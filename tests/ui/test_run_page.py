"""The page of a run of the command line: opened at its start, and again when it is over."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import psutil
import pytest
from PIL import Image

from flows import server
from sitsflow.io.paths import OutputPaths
from sitsflow.request import STEPS
from tests.flows.conftest import COMMAND, Sitsflow, prefect_home
from tests.flows.test_run import wait_until
from tests.ui.test_ui import tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.ui

PATIENCE_MS = 240_000
PATIENCE_SECONDS = 240
TITLES = [title for _, title in STEPS]
NAME = "features_map T31TCJ,T31TDJ -> out"


class Run(NamedTuple):
    """`sitsflow run`, under way on a machine that knows no server yet."""

    process: subprocess.Popen[str]
    said: Path
    paths: OutputPaths
    home: Path
    environment: dict[str, str]

    def links(self) -> list[str]:
        """The addresses of the run in the UI that it printed so far, each on a whole line."""
        return re.findall(r"^this run in the Prefect UI: (http\S+)\n", self.said.read_text(), re.M)


@pytest.fixture
def run(config: Path, tmp_path: Path) -> Iterator[Run]:
    """A run of two tiles whose chunks wait until the file `wait` is gone."""
    (tmp_path / "wait").touch()
    said, home = tmp_path / "said", tmp_path / "home"
    with prefect_home(home) as environment, said.open("w") as file:
        process = subprocess.Popen(
            [*COMMAND, "run", str(config)], env=environment, stdout=file, stderr=file, text=True
        )
        try:
            yield Run(process, said, OutputPaths(tmp_path / "out"), home, environment)
        finally:
            process.kill()
            process.wait()
            server.stop()


@contextlib.contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    """A page that is never loaded again: the marker that is set here is still there at its end."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    page.goto(url)
    page.evaluate("window.notReloaded = true")
    yield page
    assert page.evaluate("window.notReloaded === true"), "the page was reloaded"
    page.close()


def has_green_bar(page: Page) -> bool:
    """Whether the graph shows a step that is done: all else in it is grey, white, blue or violet.

    It draws on a canvas, which has no text to ask for. It follows the run as long as the browser
    draws often enough: on a busy machine the newest bars are outside until it is centred.
    """
    page.get_by_role("button", name="Recenter").click()
    page.wait_for_timeout(1000)  # it moves, and says nothing of when it is there
    picture = Image.open(io.BytesIO(page.locator("canvas").first.screenshot())).convert("RGB")
    red, green, blue = np.moveaxis(np.asarray(picture).astype(int), -1, 0)
    return bool(((green > red + 25) & (green > blue + 25)).any())


def expect_state(page: Page, state: str) -> None:
    """Wait until the page itself shows this state of the run."""
    badge = page.locator(".page-heading, header").get_by_text(state, exact=True).first
    expect(badge).to_be_visible(timeout=PATIENCE_MS)


def processes_of(home: Path) -> list[psutil.Process]:
    """All processes that were started with this home of Prefect."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("PREFECT_HOME") == str(home):
                found.append(process)
    return found


def test_it_is_watched_without_reloading_and_opens_when_the_run_is_over(
    browser: Browser, run: Run, sitsflow: Sitsflow, pictures: Path
) -> None:
    wait_until(lambda: run.links() or run.process.poll() is not None, "a link")
    (link,) = run.links()
    with opened(browser, link) as page:
        expect_state(page, "Running")
        states = run.paths.state / "states"
        wait_until(lambda: any(states.glob("write_features*")), "a chunk began")
        wait_until(lambda: has_green_bar(page), "the bar of a step that is done")
        steps = tab(page, "Subflow Runs")
        for title in TITLES[:3]:
            expect(steps.get_by_role("link", name=title, exact=True)).to_be_visible()
        assert run.process.poll() is None
        page.screenshot(path=pictures / "watched.png")

        (run.paths.root.parent / "wait").unlink()
        expect_state(page, "Completed")
        # The list is asked for again where it is shown again, and else every half minute.
        expect(tab(page, "Logs")).to_contain_text("all is there", timeout=PATIENCE_MS)
        for title in TITLES:
            step = tab(page, "Subflow Runs").get_by_role("link", name=title, exact=True)
            expect(step).to_be_visible(timeout=PATIENCE_MS)
        page.screenshot(path=pictures / "watched_to_its_end.png")

    assert run.process.wait(PATIENCE_SECONDS) == 0, run.said.read_text()
    assert run.links() == [link, link]
    with opened(browser, run.links()[-1]) as page:
        expect_state(page, "Completed")
        expect(page.locator(".page-heading, header").get_by_text(NAME).first).to_be_visible()
        steps = tab(page, "Subflow Runs")
        for title in TITLES:
            expect(steps.get_by_role("link", name=title, exact=True)).to_be_visible()
        page.screenshot(path=pictures / "after_the_end.png")

    (left,) = processes_of(run.home)
    assert left.pid == int((run.home / "server.pid").read_text())
    stopped = sitsflow("server", "stop", env=run.environment)
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n"), stopped.stderr
    assert not processes_of(run.home)
