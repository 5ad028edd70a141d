"""The form of a run in the Prefect UI: short, said in words, and strict when it is submitted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from prefect import get_client

from flows.server import Server, find_or_start, stop, use
from tests.flows.conftest import prefect_home
from tests.ui.conftest import ROOT
from tests.ui.test_ui import field, pick, submit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.ui

ONE_AND_A_HALF_SCREENS = 1350


SAVE = """
from blocks.cluster import DaskCluster
from blocks.configuration import Configuration
from flows.cli import saved

chain = {"output_path": "/map", "list_tile": "T31TCJ", "s2_path": "/products"}
saved.save("mine", Configuration.model_validate({"chain": chain}))
DaskCluster(n_workers=2).save("small")
"""


class Form(NamedTuple):
    page: Page
    path: str
    """Of the form, on the server."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the deployments, a saved configuration and a saved cluster; no worker."""
    with prefect_home(tmp_path_factory.mktemp("home")):
        server = find_or_start()
        try:
            with use(server):
                # In processes of their own: where a browser is driven blocks are asynchronous.
                for code in (["-m", "deployments.deploy"], ["-c", SAVE]):
                    subprocess.run([sys.executable, *code], cwd=ROOT, check=True)
                yield server
        finally:
            stop()


@pytest.fixture
def form(browser: Browser, server: Server) -> Iterator[Form]:
    """The form of on-demand, with the saved configuration picked."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("features-map/on-demand")
    page = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=server.url)
    page.set_default_timeout(60_000)
    path = f"/deployments/deployment/{deployment.id}/run"
    page.goto(path)
    pick(page, "config", "mine")
    yield Form(page, path)
    page.close()


def test_the_fields_fit_one_and_a_half_screens_and_none_asks_for_a_type(
    form: Form, pictures: Path
) -> None:
    fields = form.page.locator(".schema-form-properties").first
    expect(field(form.page, "fresh (Optional)")).to_be_visible()
    box = fields.bounding_box()
    assert box is not None
    assert box["height"] < ONE_AND_A_HALF_SCREENS
    labels = form.page.locator(".schema-form-property__label").all_inner_texts()
    assert [label.split()[0] for label in labels] == [
        "config", "tiles", "first_date", "last_date", "resolution", "area_of_interest",
        "functions", "output_path", "overrides", "cluster", "fresh",
    ]  # fmt: skip
    assert form.page.get_by_text("None", exact=True).count() == 0
    form.page.set_viewport_size({"width": 1280, "height": 1900})
    form.page.screenshot(path=pictures / "short_form.png")


def test_what_is_submitted_is_what_was_filled_in(form: Form) -> None:
    empty = submit(form.page)
    assert empty.status == 201, empty.text()
    given = empty.json()["parameters"]
    assert not {"resolution", "cluster"} & given.keys()
    assert (given["tiles"], given["overrides"], given["fresh"]) == ("", {}, False)

    form.page.goto(form.path)
    pick(form.page, "config", "mine")
    pick(form.page, "cluster (Optional)", "small")
    field(form.page, "first_date (Optional)").locator("textarea").fill("20180101")
    field(form.page, "resolution (Optional)").locator("input").fill("20")
    editor = field(form.page, "overrides (Optional)").get_by_role("textbox")
    editor.fill('{"chain.proj": "EPSG:2154"}')
    filled = submit(form.page)
    assert filled.status == 201, filled.text()
    given = filled.json()["parameters"]
    assert given["resolution"] == 20
    assert given["first_date"] == "20180101"
    assert given["overrides"] == {"chain.proj": "EPSG:2154"}
    assert set(given["cluster"]) == {"$ref"}


@pytest.mark.parametrize(
    ("label", "control", "wrong"),
    [("first_date", "textarea", "spring"), ("resolution", "input", "-20")],
)
def test_a_wrong_value_is_refused(form: Form, label: str, control: str, wrong: str) -> None:
    field(form.page, f"{label} (Optional)").locator(control).first.fill(wrong)
    form.page.get_by_role("button", name="Submit").click()
    expect(form.page.get_by_text(wrong).last).to_be_visible()
    expect(
        form.page.get_by_text("does not match").or_(form.page.get_by_text("less than")).first
    ).to_be_visible()
    assert form.page.url.partition("?")[0].endswith(form.path), "the form is still there"
