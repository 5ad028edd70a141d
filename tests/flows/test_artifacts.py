"""What is sent to the server of a run, how often, and what the server holds in the end."""

import base64
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import PIL.Image
import pytest
from prefect import flow
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.objects import Artifact
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.artifacts import RunArtifacts, StepArtifact, pictures, run, writer
from sitsflow.planning.planner import make_plan
from sitsflow.run.jobs import all_jobs
from sitsflow.run.status import load_status
from sitsflow.steps.item import write_item
from sitsflow.steps.quicklook import write_quicklook
from tests.flows.artifacts.made_statuses import chunk_jobs, statuses_of
from tests.flows.server_records import read_artifacts
from tests.plans import grid_at, plan_for
from tests.requests import TILES, tutorial
from tests.sitsflow.report.runs import carry_out

FAILING = "write_features_T31TDJ_chunk_0"


def picture_in(page: str) -> PIL.Image.Image:
    found = re.search(r"\(data:image/webp;base64,([^)]+)\)", page)
    assert found
    return PIL.Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_keys_are_of_one_folder_and_stay() -> None:
    key = writer.key_of("progress merge_tile", Path("/data/Grand Est/out 2018"))
    assert re.fullmatch(r"progress-merge-tile-out-2018-[0-9a-f]{4}", key)
    assert key == writer.key_of("progress merge_tile", Path("/data/Grand Est/out 2018"))
    assert key != writer.key_of("progress merge_tile", Path("/data/Alsace/out 2018"))


@pytest.mark.parametrize(("widest", "most"), [(900, 150_000), (720, 130_000)])
def test_a_quicklook_is_small_enough_for_a_page(tmp_path: Path, widest: int, most: int) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (1400, 2000, 3), np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "quicklook.png")
    page = pictures.quicklook_picture(tmp_path / "quicklook.png", widest, most // 2)
    assert len(page) < most, "noise is the worst there is"
    assert picture_in(page).width <= widest
    with pytest.raises(OSError, match="quicklook"):
        pictures.quicklook_picture(tmp_path / "no_quicklook.png")


def test_only_few_tiles_are_looked_at_for_previews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(pictures, "_first_feature", lambda _, __, tile: looked.append(tile))
    for side, number in ((100, 6), (10_980, 4), (30_000, 0)):
        looked.clear()
        plan, tiles = plan_for(tmp_path, {f"T{at}": grid_at(0, 0, side, side) for at in range(9)})
        assert pictures.previews(plan, tiles, plan.tile_names) == ""
        assert looked == list(plan.tile_names[:number])


class Server:
    """Takes artifacts as Prefect's client does, or refuses them."""

    def __init__(self) -> None:
        self.made: list[ArtifactCreate] = []
        self.changed: list[tuple[UUID, ArtifactUpdate]] = []
        self.asked = 0
        self.refuses = False

    @contextmanager
    def client(self, *, sync_client: bool) -> Iterator["Server"]:
        assert sync_client
        self.asked += 1
        if self.refuses:
            raise httpx.ConnectError("busy")
        yield self

    def create_artifact(self, artifact: ArtifactCreate) -> Artifact:
        self.made.append(artifact)
        return Artifact(id=UUID(int=len(self.made)))

    def update_artifact(self, identifier: UUID, artifact: ArtifactUpdate) -> None:
        self.changed.append((identifier, artifact))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(writer, "get_client", server.client)
    monkeypatch.setattr(writer, "get_run_logger", lambda: logging.getLogger("test"))
    return server


def test_a_server_that_refuses_artifacts_is_left_in_peace(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = True
    one = writer.ArtifactWriter(Path("/out"))
    for _ in range(5):
        one.write("plan", "markdown", "text", "card")
    assert server.asked == 1
    one.write("plan", "markdown", "text", "card", last=True)
    assert server.asked == 2
    assert len(caplog.messages) == 1
    assert "the run goes on" in caplog.messages[0]
    assert one.link_to("plan") is None
    server.refuses = False
    one.write("plan", "markdown", "text", "card", last=True)
    assert one.link_to("plan") == f"../../artifacts/artifact/{UUID(int=1)}"


def test_only_what_changed_is_sent(server: Server) -> None:
    one = writer.ArtifactWriter(Path("/out"))
    for rows in ([], [], [{"chunk": 1}], [{"chunk": 1}]):
        one.write("chunks", "table", rows, "card")
    one.write("chunks", "table", [{"chunk": 1}], "another card")
    assert [(made.type, made.data) for made in server.made] == [("table", "[]")]
    assert [identifier for identifier, _ in server.changed] == [UUID(int=1)] * 2
    assert [change.description for _, change in server.changed] == ["card", "another card"]
    assert json.loads(str(server.changed[0][1].data)) == [{"chunk": 1}]


def test_nothing_is_sent_twice_in_a_moment(server: Server, tmp_path: Path) -> None:
    plan, tiles = plan_for(tmp_path, {"A": grid_at(0, 0, 8, 8)}, chunks=8)
    jobs = chunk_jobs(8)
    shown = RunArtifacts(plan, tiles, jobs)
    shown.begin(statuses_of(jobs, "waiting"))
    step = StepArtifact(plan.paths, "write_features")
    for number in range(8):
        shown.refresh(statuses_of(jobs, *["done"] * number, "failed", "waiting"))
        step.show({"done": number, "waiting": 8 - number})
    sent = [str(made.key).partition("-")[0] for made in server.made]
    assert sent == ["plan", "chunks", "overview", "failures", "progress"]
    assert not server.changed
    step.show({"done": 8}, last=True)
    assert server.changed.pop()[1].data == 100


def test_a_map_of_an_earlier_run_is_not_shown(server: Server, tmp_path: Path) -> None:
    plan, tiles = plan_for(tmp_path, {"A": grid_at(0, 0, 8, 8)}, chunks=2)
    jobs = list(all_jobs(plan, tiles))
    plan.paths.final.mkdir()
    noise = np.random.default_rng(3).integers(0, 255, (80, 80, 3), np.uint8)
    PIL.Image.fromarray(noise).save(plan.paths.quicklook)
    plan.paths.map.touch()
    shown = RunArtifacts(plan, tiles, jobs)
    shown.settle(statuses_of(jobs, "done", "done", "failed", "not run"), "failed")
    shown.show_results("1 failed")
    sent = [str(one.data) for one in (*server.made, *(change for _, change in server.changed))]
    assert len(sent) == 5, "failures, chunks, overview, results, and the overview with their link"
    assert not any("data:image" in page for page in sent)


def test_what_takes_long_is_done_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    now, done = 0.0, []

    def take(seconds: float) -> None:
        nonlocal now
        done.append(now)
        now += seconds

    monkeypatch.setattr(run.time, "monotonic", lambda: now)
    throttle = run.Throttle()
    while now < 100:
        throttle.call(4, "quick", lambda: take(0.01))
        now += 1
    assert len(done) == 25
    done.clear()
    while now < 200:
        throttle.call(4, "slow", lambda: take(1))
        now += 1
    assert len(done) == 5


@flow(name="step", persist_result=False)
def show_step(paths: Any, refresh: Callable[[], None]) -> str:
    refresh()
    StepArtifact(paths, "write_features").show({"done": 1, "failed": 3})
    return str(flow_run.id)


@flow(name="shows", validate_parameters=False)
def shows(plan: Any, tiles: Any, failing: dict[str, str]) -> tuple[str, str]:
    jobs = list(all_jobs(plan, tiles))
    shown = RunArtifacts(plan, tiles, jobs)
    shown.begin(statuses_of(jobs, "waiting"))
    carry_out(plan, tiles, failing)
    found = {job.name: load_status(plan.paths, job.name) for job in jobs}
    statuses = {name: status for name, status in found.items() if status is not None}
    step = show_step(plan.paths, lambda: shown.refresh(statuses))
    shown.settle(statuses, "failed" if failing else "finished")
    if not failing:
        write_quicklook(plan.paths.map, plan.paths.quicklook, "The map")
        write_item(plan, plan.paths.map, plan.paths.item)
    plan.paths.report.parent.mkdir(exist_ok=True)
    plan.paths.report.touch()
    shown.show_results("1 failed:\nthis and that" if failing else "all is there")
    return str(flow_run.id), step


@pytest.mark.slow
@pytest.mark.engine
def test_a_failed_and_a_whole_run_have_few_artifacts_under_the_same_keys(
    engine: dict[str, str], tmp_path: Path, products: Path
) -> None:
    plan, tiles = make_plan(tutorial(products, tmp_path / "out", tiles=TILES))
    with temporary_settings({PREFECT_API_URL: engine["PREFECT_API_URL"]}):
        outer, step = shows(plan, tiles, failing={FAILING: "too wet"})
        failed, of_step = read_artifacts(outer), read_artifacts(step)
        outer, _ = shows(plan, tiles, failing={})
        whole = read_artifacts(outer)
    assert set(failed) == {"overview", "plan", "chunks", "failures", "results"}
    assert set(whole) == set(failed) - {"failures"}
    assert all(whole[noun].key == failed[noun].key for noun in whole)
    assert set(of_step) == {"progress-write-features"}
    (progress,) = of_step.values()
    assert float(str(progress.data)) == 25
    assert str(progress.description) == "Write features by chunk: 1 of 4 done: 3 failed"

    overview = str(failed["overview"].data)
    assert "1 job failed; the map of 1 tile and the mosaic are missing" in overview
    for noun in ("plan", "chunks", "failures", "results"):
        assert f"[{noun}](../../artifacts/artifact/{failed[noun].id})" in overview
    assert "T31TCJ" in str(failed["plan"].data)
    assert "too wet" in str(failed["failures"].data)
    results = str(failed["results"].data)
    assert "final/report.html" in results
    assert "1 failed." in results
    assert results.count("](data:") == 1, "the one tile that has a map"
    assert picture_in(results).width == 96

    assert picture_in(str(whole["results"].data)).width > 500
    assert picture_in(str(whole["overview"].data)).width > 500
    assert "cumul_prod" in str(whole["results"].data)
    for one in (*failed.values(), *whole.values()):
        assert len(str(one.data)) < 200_000
