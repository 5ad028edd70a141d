"""A person at the Prefect UI: asks for a map, watches it, and finds why another one failed."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Response

from sitsflow.request import STEPS
from tests.flows.conftest import COMMAND
from tests.flows.test_run import wait_until
from tests.ui.conftest import Served

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.ui

PATIENCE_MS = 240_000


def field(page: Page, label: str) -> Locator:
    """The field of a form that is called `label`."""
    name = page.locator(".schema-form-property__label").get_by_text(label, exact=True)
    return page.locator(".schema-form-property").filter(has=name).last


def pick(page: Page, label: str, name: str) -> None:
    """Choose a saved block in a form."""
    field(page, label).locator(".p-select-button__icon").click()
    page.locator(".p-select-option").get_by_text(name, exact=True).click()


def save_cluster(page: Page, name: str, workers: int) -> None:
    """Make a Dask cluster block in its form."""
    page.goto("/blocks/catalog/dask-cluster/create")
    page.get_by_role("textbox").first.fill(name)
    page.get_by_role("spinbutton").first.fill(str(workers))
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/blocks/block/*")


def ask(
    page: Page,
    run: str,
    config: str,
    values: dict[str, str],
    picture: Path,
    cluster: str | None = None,
) -> None:
    """Fill in the form of on-demand, submit it, and open the run that it starts, called `run`."""
    page.goto("/deployments")
    page.get_by_role("link", name="on-demand").first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.get_by_role("textbox").first.fill(run)
    pick(page, "config", config)
    if cluster:
        pick(page, "cluster (Optional)", cluster)
    for label, value in values.items():
        field(page, f"{label} (Optional)").locator("input, textarea").first.fill(value)
    page.screenshot(path=picture)
    answer = submit(page)
    assert answer.status == HTTPStatus.CREATED, answer.text()
    # Not by its name, which the run changes as soon as it knows what it makes.
    page.goto(f"/runs/flow-run/{answer.json()['id']}")


def submit(page: Page) -> Response:
    """Submit a form, again where the server is busy; return the server's answer."""
    for _ in range(5):
        with page.expect_response("**/create_flow_run") as answer:
            page.get_by_role("button", name="Submit").click()
        if answer.value.status != HTTPStatus.SERVICE_UNAVAILABLE:
            break
    return answer.value


def tab(page: Page, name: str) -> Locator:
    """Open a tab of the page, and return what it shows."""
    page.get_by_role("tablist").get_by_text(name, exact=True).click()
    return page.get_by_role("tabpanel", name=name)


def ended(page: Page, state: str) -> None:
    """Wait until the page itself shows that the run ended so."""
    badge = page.locator(".page-heading, header").get_by_text(state, exact=True).first
    expect(badge).to_be_visible(timeout=PATIENCE_MS)
    # The graph and the log that were drawn while it ran are those of some seconds ago.
    page.reload()
    expect(page.get_by_role("tabpanel", name="Logs")).to_contain_text("Beginning flow run")


def ask_api(served: Served, path: str, content: object = None) -> Any:
    """Ask the server, as the UI does: what could change something needs a token."""
    with httpx.Client(base_url=f"{served.url}/api/") as client:
        if content is None:
            return unless_busy(lambda: client.get(path)).json()
        token = unless_busy(lambda: client.get("csrf-token", params={"client": "tests"})).json()
        headers = {"Prefect-Csrf-Token": token["token"], "Prefect-Csrf-Client": "tests"}
        return unless_busy(lambda: client.post(path, json=content, headers=headers)).json()


def unless_busy(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask again where the server's database is busy, as Prefect's own client does."""
    for _ in range(10):
        answer = ask()
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(1)
    return answer.raise_for_status()


def artifacts(served: Served, run: str) -> dict[str, str]:
    """Key and id of the artifacts of a flow run."""
    of_run = {"artifacts": {"flow_run_id": {"any_": [run]}}}
    return {
        one["key"]: one["id"] for one in ask_api(served, "artifacts/filter", of_run) if one["key"]
    }


def test_a_map_is_asked_for_watched_and_looked_at(
    page: Page, served: Served, pictures: Path
) -> None:
    save_cluster(page, "small", workers=1)
    ask(page, "first-map", "example", {"resolution": "20"}, pictures / "form.png", cluster="small")
    run = page.url.rpartition("/")[2].partition("?")[0]
    ended(page, "Completed")
    expect(page.locator("canvas").first).to_be_visible()
    page.screenshot(path=pictures / "completed.png")
    expect(tab(page, "Parameters")).to_contain_text('"resolution": 20')
    page.get_by_role("button", name="Toggle fullscreen (f)").click()
    page.wait_for_timeout(1000)  # the graph is drawn, and says nothing of when
    page.screenshot(path=pictures / "graph.png")
    page.keyboard.press("Escape")
    page.reload()

    steps = tab(page, "Subflow Runs")
    for _, title in STEPS:
        expect(steps.get_by_role("link", name=title, exact=True)).to_be_visible()
    steps.get_by_role("link", name="Write features by chunk", exact=True).click()
    expect(page.get_by_text("10 Task runs").first).to_be_visible()
    tasks = tab(page, "Task Runs")
    tasks.get_by_placeholder("Search by run name").fill("write_features T31TDJ 3")
    tasks.get_by_role("link", name="write_features T31TDJ 3").click()
    page.wait_for_url("**/runs/task-run/*")
    expect(page.get_by_text("peak RAM").first).to_be_visible()
    expect(page.get_by_text("Mpixel/s").first).to_be_visible()
    page.screenshot(path=pictures / "chunk.png")

    found = {key.partition("-")[0]: one for key, one in artifacts(served, run).items()}
    for noun in ("overview", "results"):
        page.goto(f"/artifacts/artifact/{found[noun]}")
        expect(page.locator("img").last).to_be_visible()
        assert page.locator("img").last.evaluate("image => image.naturalWidth") > 100
        page.screenshot(path=pictures / f"{noun}.png", full_page=True)
    with page.expect_popup() as popup:
        page.goto(f"/artifacts/artifact/{found['overview']}")
        page.get_by_role("link", name="results", exact=True).click()
    expect(popup.value).to_have_url(re.compile(f"/artifacts/artifact/{found['results']}"))
    popup.value.close()
    summary = served.folder / "example" / "output" / "final" / "features_map.tif"
    assert summary.exists()


def test_a_schedule_fires_and_finds_nothing_new(page: Page, served: Served, pictures: Path) -> None:
    output = str(served.folder / "scheduled")
    chain = {"list_tile": "T31TCJ", "output_path": output, "spatial_resolution": 20}
    config = served.folder / "example" / "features_map.cfg"
    sets = [word for key, value in chain.items() for word in ("--set", f"chain.{key}={value}")]
    subprocess.run([*COMMAND, "run", str(config), *sets], env=served.env, check=True)
    deployment = ask_api(served, "deployments/name/features-map/new-products")
    (weekly,) = ask_api(served, "deployments/name/features-map/weekly")["schedules"]
    assert not weekly["active"]
    soon = datetime.now(UTC) + timedelta(seconds=15)
    every_hour = {
        "schedule": {"interval": 3600.0, "anchor_date": soon.isoformat()},
        "active": True,
        "parameters": {"overrides": {"chain": chain}},
    }
    ask_api(served, f"deployments/{deployment['id']}/schedules", [every_hour])
    page.goto(f"/deployments/deployment/{deployment['id']}")
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=pictures / "scheduled.png")
    of_deployment = {"deployments": {"id": {"any_": [deployment["id"]]}}}
    runs = ask_api(served, "flow_runs/filter", of_deployment)
    (done,) = [run for run in runs if run["state_type"] == "COMPLETED"]
    assert done["auto_scheduled"]
    assert done["state"]["message"].startswith("nothing new")


def test_the_cause_of_a_failed_chunk_is_two_clicks_away(
    page: Page, served: Served, pictures: Path
) -> None:
    module = served.folder / "wet.py"
    module.write_text(
        "def get_wet(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()\n"
        "    if red.shape[0] > 20:\n"  # the probe's arrays are smaller than any chunk
        "        raise ValueError('too wet to say')\n"
        "    return red.max(axis=2), ['wet']\n"
    )
    changes = [
        f"external_features.module={module}",
        "external_features.functions=get_wet",
        "external_features.number_of_chunks=2",
        f"chain.output_path={served.folder / 'wet'}",
        "chain.list_tile=T31TCJ",
    ]
    config = served.folder / "example" / "features_map.cfg"
    sets = [word for change in changes for word in ("--set", change)]
    saved = subprocess.run(
        [*COMMAND, "config", "save", "wet", str(config), *sets], env=served.env, check=False
    )
    assert saved.returncode == 0
    ask(page, "too-wet", "wet", {}, pictures / "form_wet.png")
    run = page.url.rpartition("/")[2].partition("?")[0]
    ended(page, "PartiallyCompleted")
    page.screenshot(path=pictures / "failed.png")

    # The step, and its task.
    tab(page, "Subflow Runs").get_by_role("link", name="Write features by chunk").click()
    expect(page.locator(".page-heading, header").get_by_text("Failed", exact=True)).to_be_visible()
    page.screenshot(path=pictures / "failed_step.png")
    tab(page, "Task Runs").get_by_role("link", name="write_features T31TCJ 0").click()
    page.wait_for_url("**/runs/task-run/*")
    expect(page.get_by_text("too wet to say").first).to_be_visible()
    page.screenshot(path=pictures / "failed_chunk.png")

    # From the tables of the run as well.
    for noun, link in (("failures", "write_features T31TCJ 0"), ("chunks", "T31TCJ_chunk_0.out")):
        (key,) = (key for key in artifacts(served, run) if key.startswith(noun))
        page.goto(f"/artifacts/artifact/{artifacts(served, run)[key]}")
        expect(
            page.get_by_text("too wet to say" if noun == "failures" else "Mpixel/s").first
        ).to_be_visible()
        page.screenshot(path=pictures / f"{noun}.png")
        # It opens in a tab of its own.
        with page.expect_popup() as popup:
            page.get_by_role("link", name=link).click()
        expect(popup.value).to_have_url(re.compile("/runs/task-run/"))
        expect(popup.value.get_by_text("too wet to say").first).to_be_visible()
        popup.value.close()


def choose(page: Page, action: str) -> None:
    """Choose an action of the run on its page, and say yes; again where the server refuses it.

    Prefect resumes in a transaction that reads first: if another one writes meanwhile, SQLite
    refuses it at once as locked, however long the server would wait.
    """
    for _ in range(5):
        page.get_by_role("button", name=action).first.click()
        with page.expect_response(re.compile("/(set_state|resume)$")) as answer:
            page.get_by_role("button", name="Submit").last.click()
        if answer.value.ok and answer.value.json()["status"] == "ACCEPT":
            return
        page.reload()
    raise AssertionError(answer.value.text())


def test_suspend_stops_at_the_next_task_and_resume_goes_on(
    page: Page, served: Served, pictures: Path
) -> None:
    module, output = served.folder / "slow.py", served.folder / "slow"
    module.write_text(
        "import time\n"
        "def get_slow(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()\n"
        "    if red.shape[0] > 20:\n"  # the probe's arrays are smaller than any chunk
        "        time.sleep(6)\n"
        "    return red.max(axis=2), ['slow']\n"
    )
    changes = [
        f"external_features.module={module}",
        "external_features.functions=get_slow",
        "external_features.number_of_chunks=4",
        f"chain.output_path={output}",
        "chain.list_tile=T31TCJ",
    ]
    config = served.folder / "example" / "features_map.cfg"
    sets = [word for change in changes for word in ("--set", change)]
    command = [*COMMAND, "config", "save", "slow", str(config), *sets]
    subprocess.run(command, env=served.env, check=True)
    save_cluster(page, "single", workers=1)
    ask(page, "slow", "slow", {}, pictures / "form_slow.png", cluster="single")
    states = output / ".sitsflow" / "states"

    def done() -> int:
        return sum('"done"' in path.read_text() for path in states.glob("write_features*"))

    wait_until(lambda: done() > 0, "a chunk is done")
    page.reload()
    choose(page, "Suspend")
    expect(page.get_by_text("Suspended", exact=True).first).to_be_visible()
    table = output / "IOTA2_tasks_status.txt"
    wait_until(lambda: "suspended at" in table.read_text(), "the run has stopped")
    assert 0 < done() < 4
    page.screenshot(path=pictures / "suspended.png")

    choose(page, "Resume")
    ended(page, "Completed")
    assert table.read_text().count("already there") > 2
    assert (output / "final" / "features_map.tif").exists()
    page.screenshot(path=pictures / "resumed.png")
