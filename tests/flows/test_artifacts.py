"""What the UI shows of a run: the pages themselves, and what a server holds in the end."""

import base64
import io
import logging
import re
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import PIL.Image
import pytest
from prefect import flow, get_client
from prefect.artifacts import MarkdownArtifact
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.artifacts import RunArtifacts, shelf
from flows.artifacts.chunks import MOST_ROWS, ChunkTables
from flows.artifacts.failures import failures_page
from flows.artifacts.markdown import lines, plain, table
from flows.artifacts.pictures import quicklook_page
from flows.artifacts.progress import by_step, in_words, share
from sitsflow.errors import FunctionError, ReadError
from sitsflow.io.paths import OutputPaths
from sitsflow.planning.planner import make_plan
from sitsflow.run.jobs import Job, all_jobs
from sitsflow.run.remedies import remedy_of
from sitsflow.run.status import JobStatus, State, load_status
from sitsflow.steps.item import write_item
from sitsflow.steps.quicklook import write_quicklook
from tests.flows.conftest import Sitsflow
from tests.plans import grid_at, plan_for
from tests.requests import TILES, tutorial
from tests.sitsflow.report.runs import carry_out

FAILING = "write_features_T31TDJ_chunk_0"


def statuses_of(jobs: list[Job], *states: State) -> dict[str, JobStatus]:
    """A status a job; the last of `states` is that of all that follow."""
    found = {}
    for at, job in enumerate(jobs):
        state = states[min(at, len(states) - 1)]
        ended = state in ("done", "failed")
        found[job.name] = JobStatus(
            title=job.title,
            state=state,
            seconds=at if ended else None,
            log=f"logs/x/{job.name}.out",
            message="too | wet\n  to *say*" if state == "failed" else "",
            remedy="Wait." if state == "failed" else "",
            task_run="0123" if ended else "",
        )
    return found


def test_keys_are_of_one_folder_and_stay() -> None:
    key = shelf.key_of("preview T31TCJ", Path("/data/Grand Est/out 2018"))
    assert re.fullmatch(r"preview-t31tcj-out-2018-[0-9a-f]{4}", key)
    assert key == shelf.key_of("preview T31TCJ", Path("/data/Grand Est/out 2018"))
    assert key != shelf.key_of("preview T31TCJ", Path("/data/Alsace/out 2018"))


def test_text_stays_as_it_is_in_markdown() -> None:
    assert plain("write_features _x_ a*b [c]") == r"write_features \_x\_ a\*b \[c\]"
    assert lines("a\n  b") == "a  \n\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}b"
    assert table(("a", "b"), [("1|2", "3")]).splitlines()[2] == r"| 1\|2 | 3 |"


def test_progress_is_told_in_a_number_and_a_line() -> None:
    jobs = [Job("write_features", "A", index) for index in range(8)]
    states = ("done", "already there", "failed", "running", "running", "waiting")
    (tally,) = by_step(jobs, statuses_of(jobs, *states)).values()
    assert share(tally) == 25.0
    assert in_words(tally) == "2 of 8 done: 1 by an earlier run, 1 failed, 2 running, 3 to come"


def test_very_many_chunks_become_the_failed_and_the_slowest(tmp_path: Path) -> None:
    number = MOST_ROWS + 300
    jobs = [Job("write_features", "A", index) for index in range(number)]
    tables = ChunkTables(OutputPaths(tmp_path), jobs)
    statuses = statuses_of(jobs, "done", "done", "failed", "running", "done")
    rows, said = tables.chunks(statuses)
    assert len(rows) == MOST_ROWS
    assert [row["chunk"] for row in rows[:4]] == [2, 3, number - 1, number - 2]
    assert rows[0]["log"] == "[write_features_A_chunk_2.out](../../runs/task-run/0123)"
    assert f"the {MOST_ROWS} that failed, run, or took longest" in said
    (tile,) = tables.tiles(statuses)
    assert tile["chunks"] == f"{number - 2} of {number} done: 1 failed, 1 running"


def test_a_failure_is_told_with_its_cause_its_remedy_and_its_log() -> None:
    jobs = [Job("write_features", "A", index) for index in range(70)]
    statuses = statuses_of(jobs, *["failed"] * 60, "not run")
    page, card = failures_page(OutputPaths(Path("/out")), statuses)
    assert "60 failed, 10 therefore not run" in page
    assert "### [write_features A 0](../../runs/task-run/0123)" in page
    assert "too | wet  \n\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}to \\*say\\*" in page
    assert "**What to do:** Wait." in page
    assert "And 10 more" in page
    assert "### Not run\n\nwrite_features A 60" in page
    assert card.startswith("60 failed. write_features A 0: too | wet to")
    page, _ = failures_page(OutputPaths(Path("/out")), statuses_of(jobs, "done"))
    assert page == "Nothing failed."


def test_every_error_has_a_remedy() -> None:
    assert "function" in remedy_of(FunctionError("x"))
    assert "tried several times" in remedy_of(ReadError("x"))
    assert "disk is full" in remedy_of(OSError(28, "No space left on device"))
    assert "not foreseen" in remedy_of(KeyError("x"))


def test_a_quicklook_is_small_enough_for_a_page(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (1400, 2000, 3), np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "quicklook.png")
    page = quicklook_page(tmp_path / "quicklook.png")
    assert len(page) < 150_000, "noise is the worst there is"
    picture = picture_in(page)
    assert picture.width <= 900
    with pytest.raises(OSError, match="quicklook"):
        quicklook_page(tmp_path / "no_quicklook.png")


def picture_in(page: str) -> PIL.Image.Image:
    found = re.search(r"\(data:image/webp;base64,([^)]+)\)", page)
    assert found
    return PIL.Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_a_server_that_takes_no_artifact_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    def refuse(*_: Any, **__: Any) -> None:
        nonlocal tries
        tries += 1
        raise httpx.ConnectError("busy")

    monkeypatch.setattr(MarkdownArtifact, "create", refuse)
    monkeypatch.setattr(shelf, "get_run_logger", lambda: logging.getLogger("test"))
    one = shelf.Shelf(Path("/out"))
    for _ in range(5):
        one.put("plan", "markdown", "text", "card")
    assert tries == 1, "a busy server is left in peace"
    one.put("plan", "markdown", "text", "card", last=True)
    assert tries == 2
    assert len(caplog.messages) == 1
    assert "the run goes on" in caplog.messages[0]


def test_nothing_is_sent_twice_in_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, tiles = plan_for(tmp_path, {"A": grid_at(0, 0, 8, 8)}, chunks=8)
    jobs = [Job("write_features", "A", index) for index in range(8)]
    sent: list[str] = []
    monkeypatch.setattr(shelf.Shelf, "put", lambda _, noun, *a, **k: sent.append(noun))
    shown = RunArtifacts(plan, tiles, jobs)
    shown.begin(statuses_of(jobs, "waiting"))
    for number in range(8):
        shown.refresh(statuses_of(jobs, *["done"] * number, "failed", "waiting"))
    assert sent == ["plan", *["progress write_features"] * 2, "failures"]


def read_artifacts(run: str) -> dict[str, Artifact]:
    """Artifacts of a flow run by their keys, without the folder's part."""
    chosen = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=chosen)
    names = [str(one.key).rsplit("-", 2)[0] for one in found]
    assert len(set(names)) == len(names), "one of a kind a run"
    return dict(zip(names, found, strict=True))


@flow(name="shows")
def shows(plan: Any, tiles: Any, failing: dict[str, str]) -> str:
    jobs = list(all_jobs(plan, tiles))
    shown = RunArtifacts(plan, tiles, jobs)
    shown.begin(statuses_of(jobs, "waiting"))
    carry_out(plan, tiles, failing)
    found = {job.name: load_status(plan.paths, job.name) for job in jobs}
    statuses = {name: status for name, status in found.items() if status is not None}
    for job in jobs:
        if job.task == "merge_tile" and statuses[job.name].state == "done":
            shown.show_tile(job.tile)
    shown.settle(statuses)
    if not failing:
        write_quicklook(plan.paths.map, plan.paths.quicklook, "The map")
        write_item(plan, plan.paths.map, plan.paths.item)
    plan.paths.report.parent.mkdir(exist_ok=True)
    plan.paths.report.touch()
    shown.show_results("2 failed:\nthis and that" if failing else "all is there")
    return str(flow_run.id)


@pytest.mark.engine
def test_a_failed_and_a_whole_run_have_their_artifacts_under_the_same_keys(
    engine: dict[str, str], tmp_path: Path, products: Path
) -> None:
    plan, tiles = make_plan(tutorial(products, tmp_path / "out", tiles=TILES))
    with temporary_settings({PREFECT_API_URL: engine["PREFECT_API_URL"]}):
        failed = read_artifacts(shows(plan, tiles, failing={FAILING: "too wet"}))
        whole = read_artifacts(shows(plan, tiles, failing={}))
    steps = ("preprocess", "common-mask", "write-features", "merge-tile", "mosaic")
    results = {"plan", "chunks", "tiles", "failures", "preview-t31tcj", "report"}
    assert set(failed) == {*results, *(f"progress-{step}" for step in steps)}
    assert float(str(failed["progress-mosaic"].data)) == 0
    assert float(str(failed["progress-preprocess"].data)) == 100
    assert "1 of 2 done: 1 not run" in str(failed["progress-merge-tile"].description)
    assert "T31TCJ" in str(failed["plan"].data)
    assert "too wet" in str(failed["failures"].data)
    assert "final/report.html" in str(failed["report"].data)
    assert "2 failed." in str(failed["report"].data)
    preview = str(failed["preview-t31tcj"].data)
    assert picture_in(preview).width == 2 * 96
    assert len(preview) < 150_000

    assert {one.key for one in failed.values()} < {one.key for one in whole.values()}
    assert set(whole) - set(failed) == {"quicklook", "statistics", "preview-t31tdj"}
    assert picture_in(str(whole["quicklook"].data)).width > 500
    assert len(str(whole["quicklook"].data)) < 150_000
    assert "cumul_prod" in str(whole["statistics"].data)
    assert whole["failures"].data == "Nothing failed."


@pytest.mark.engine
def test_a_run_of_the_command_leads_from_a_failure_to_its_log(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path
) -> None:
    paths = OutputPaths(config.parent / "out")
    (config.parent / "fail").touch()
    ran = sitsflow("run", config, "--workers", "1", env=engine)
    assert ran.returncode == 1, ran.stderr
    assert f"report:    {paths.report}" in ran.stdout
    assert "too wet to say" in paths.report.read_text()
    with temporary_settings({PREFECT_API_URL: engine["PREFECT_API_URL"]}):
        found = read_artifacts(str(newest_run().id))
    assert {"plan", "chunks", "failures", "progress-write-features", "report"} <= set(found)
    assert "5 of 6 done: 1 failed" in str(found["progress-write-features"].description)
    page = str(found["failures"].data)
    assert "Correct the function" in page
    link = re.search(r"\[write_features \w+ 0\]\(\.\./\.\./runs/task-run/([0-9a-f-]{36})\)", page)
    assert link, page
    log = logged(Path(engine["PREFECT_HOME"]), link[1])
    assert "reads B4" in log
    assert re.search(r"SENTINEL2\w_20180104", log)
    assert "too wet to say" in log


def newest_run() -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1)[0]


def logged(home: Path, task_run: str) -> str:
    with sqlite3.connect(f"file:{home / 'prefect.db'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT message FROM log WHERE task_run_id = ? ORDER BY timestamp", (task_run,)
        ).fetchall()
    return "\n".join(message for (message,) in rows)
