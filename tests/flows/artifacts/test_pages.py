"""The pages that the UI shows of a run, made from statuses and a plan alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from flows.artifacts.chunks import MOST_ROWS, ChunkTable
from flows.artifacts.failures import failures_page
from flows.artifacts.headline import How, Timing, headline, short_headline
from flows.artifacts.markdown import first_line, lines, plain, some_items, table
from flows.artifacts.overview import Overview
from flows.artifacts.plan import plan_page
from flows.artifacts.progress import by_step, in_words, percent_done
from flows.artifacts.results import results_page, statistics_table
from flows.artifacts.tile_table import MOST_ROWS as MOST_TILES
from flows.artifacts.tile_table import TileTable
from flows.artifacts.time_left import TimeLeft
from sitsflow.errors import FunctionError, ReadError
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import FunctionPlan, Plan, TilePlan
from sitsflow.products.scenes import Skipped
from sitsflow.run.jobs import Job, all_jobs
from sitsflow.run.remedies import remedy_of
from sitsflow.run.status import JobStatus, State
from tests.flows.artifacts.made_statuses import BEGAN, chunk_jobs, statuses_of
from tests.plans import grid_at, plan_for

MOST_BYTES = 200_000
LOG = "../../runs/task-run/0123"


def timing(seconds: float, left: TimeLeft | None = None) -> Timing:
    return Timing(BEGAN, BEGAN + timedelta(seconds=seconds), left)


def plan_of(folder: Path, tiles: int, chunks: int) -> tuple[Plan, dict[str, TilePlan]]:
    grids = {f"T{number:02d}": grid_at(0, 50 * number, 50, 50) for number in range(tiles)}
    return plan_for(folder, grids, chunks=chunks)


def stand(jobs: list[Job], states: dict[str, State], others: State) -> dict[str, JobStatus]:
    """The statuses of jobs, by title; those that are not named all in one state."""
    return statuses_of(jobs, *(states.get(job.title, others) for job in jobs))


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]


def test_text_stays_as_it_is_in_markdown() -> None:
    assert plain("write_features _x_ a*b [c]") == r"write_features \_x\_ a\*b \[c\]"
    assert lines("a\n  b") == "a  \n\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}b"
    assert table(("a", "b"), [("1|2", "3")]).splitlines()[2] == r"| 1\|2 | 3 |"


def test_long_text_is_cut_off() -> None:
    assert first_line("a\n b") == "a b"
    assert first_line("abcdef", 3) == "abc..."
    assert some_items(["a", "b"], 2) == "- a\n- b"
    assert some_items(["a", "b", "c"], 1) == "- a\n- and 2 more"


def test_progress_is_a_number_and_a_line() -> None:
    jobs = chunk_jobs(8)
    states: tuple[State, ...] = ("done", "already there", "failed", "running", "running", "waiting")
    (tally,) = by_step(jobs, statuses_of(jobs, *states)).values()
    assert percent_done(tally) == 25.0
    assert in_words(tally) == "2 of 8 done: 1 by an earlier run, 1 failed, 2 running, 3 to come"
    assert percent_done({"done": 9999, "running": 1}) == 99.9
    assert percent_done({"already there": 5}) == 100


@pytest.mark.parametrize(
    ("states", "how", "left", "sentence", "few_words"),
    [
        (
            ["done", "waiting"], "running", TimeLeft(700, is_all=True),
            "Running: 11 % done, 1 of 9 jobs; about 12 min left.",
            "11 % done, about 12 min left",
        ),
        (
            ["done", "done", "failed", "waiting"], "running", None,
            "Running: 22 % done, 2 of 9 jobs, 1 failed.", "22 % done, 1 failed",
        ),
        (["done"], "finished", None, "Finished: 9 jobs done, in 1 min 15 s.", "Finished in"),
        (
            ["already there", "already there", "done"], "finished", None,
            "Finished: 9 jobs done, 2 of them by an earlier run, in 1 min 15 s.", "Finished in",
        ),
        (
            ["done", "waiting"], "interrupted", None,
            "Interrupted: 11 % done, 1 of 9 jobs. Start the same run again to do the rest.",
            "Interrupted: 11 % done",
        ),
        (
            [*["done"] * 4, "failed", "done", "not run", "done", "not run"], "failed", None,
            "1 job failed; the map of 1 tile and the mosaic are missing. "
            "Start the same run again to do the rest.", "Failed: 66 % done, 1 failed",
        ),
        (
            [*["done"] * 8, "failed"], "failed", None,
            "1 job failed; the mosaic is missing. Start the same run again to do the rest.",
            "Failed: 88 % done, 1 failed",
        ),
        (
            ["done", "waiting"], "failed", None,
            "Failed: 11 % done, 1 of 9 jobs. The log of the run says why.", "Failed: 11 % done",
        ),
    ],
)  # fmt: skip
def test_the_headline_says_how_the_run_is_doing(
    tmp_path: Path, states: list[State], how: How, left: TimeLeft | None, sentence: str,
    few_words: str,
) -> None:  # fmt: skip
    jobs = list(all_jobs(*plan_of(tmp_path, tiles=2, chunks=1)))
    statuses = statuses_of(jobs, *states)
    said = headline(jobs, statuses, how, timing(75, left)).replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert said == sentence
    assert short_headline(statuses, how, timing(75, left)).startswith(few_words)


def test_where_no_map_was_asked_for_the_headline_counts_jobs() -> None:
    jobs = [Job("preprocess", "A"), Job("common_mask", "A")]
    said = headline(jobs, statuses_of(jobs, "failed", "not run"), "failed", timing(1))
    assert said.startswith("1 job failed; 1 job therefore not run. Start")


def test_the_table_has_a_row_a_tile_and_a_column_a_step(tmp_path: Path) -> None:
    jobs = list(all_jobs(*plan_of(tmp_path, tiles=2, chunks=4)))
    states: dict[str, State] = {
        "common_mask T01": "already there",
        "write_features T00 1": "running",
        "write_features T00 2": "waiting",
        "write_features T01 3": "failed",
        "merge_tile T00": "waiting",
        "merge_tile T01": "not run",
        "mosaic": "not run",
    }
    head, _, *rows = cells(TileTable(jobs).text(stand(jobs, states, "done")))
    assert head == ["", "pre-processing", "masks", "chunks", "map", "seconds", "GB"]
    failed = f"**[1 failed]({LOG})**"
    assert [row[:5] for row in rows] == [
        ["**all tiles**", "✓ 2", "✓ 2", f"5/8, {failed}, 1 running", "0/2, 1 not run"],
        ["**mosaic**", "", "", "", "not run"],
        ["T00", "✓", "✓", "2/4, 1 running", "·"],
        ["T01", "✓", "✓", f"3/4, {failed}", "not run"],
    ]
    assert rows[2][5:] == ["5.5", "1.2"], "the median of two, and the highest"
    assert rows[1][5:] == ["", ""]


def test_the_table_of_one_tile_and_some_steps_is_small(tmp_path: Path) -> None:
    jobs = [Job("preprocess", "T_1_"), Job("common_mask", "T_1_")]
    text = TileTable(jobs).text(statuses_of(jobs, "failed", "waiting"))
    assert cells(text)[0] == ["", "pre-processing", "masks"]
    assert cells(text)[2:] == [[r"T_1\_", f"**[failed]({LOG})**", "·"]]


def test_of_many_tiles_those_that_failed_or_run_have_a_row(tmp_path: Path) -> None:
    jobs = list(all_jobs(*plan_of(tmp_path, tiles=MOST_TILES + 10, chunks=2)))
    states: dict[str, State] = {
        "write_features T25 1": "failed",
        "write_features T27 0": "running",
        "write_features T28 0": "failed",
    }
    _, _, *rows = cells(TileTable(jobs).text(stand(jobs, states, "done")))
    names = [row[0] for row in rows]
    assert names[:6] == ["**all tiles**", "**mosaic**", "T25", "T28", "T27", "T00"]
    assert len(names) == MOST_TILES + 3
    assert rows[-1][:4] == ["*10 more*", "✓ 10", "✓ 10", "✓ 20"]


def test_very_many_chunks_become_the_failed_and_the_slowest(tmp_path: Path) -> None:
    number = MOST_ROWS + 300
    jobs = chunk_jobs(number)
    statuses = statuses_of(jobs, "done", "done", "failed", "running", "done")
    rows, said = ChunkTable(OutputPaths(tmp_path), jobs).rows(statuses)
    assert len(rows) == MOST_ROWS
    assert [row["chunk"] for row in rows[:4]] == [2, 3, number - 1, number - 2]
    assert rows[0]["log"] == f"[write_features_A_chunk_2.out]({LOG})"
    assert f"the {MOST_ROWS} that failed, run, or took longest" in said


def test_a_failure_has_its_cause_its_remedy_and_its_log() -> None:
    jobs = chunk_jobs(70)
    statuses = statuses_of(jobs, *["failed"] * 60, "not run")
    page, card = failures_page(OutputPaths(Path("/out")), statuses)
    assert "60 failed, 10 therefore not run" in page
    assert f"### [write_features A 0]({LOG})" in page
    assert "too | wet  \n\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}to \\*say\\*" in page
    assert "**What to do:** Wait." in page
    assert "And 10 more" in page
    assert "### Not run\n\nwrite_features A 60" in page
    assert card.startswith("60 failed. write_features A 0: too | wet to")


def test_every_error_has_a_remedy() -> None:
    assert "function" in remedy_of(FunctionError("x"))
    assert "tried several times" in remedy_of(ReadError("x"))
    assert "disk is full" in remedy_of(OSError(28, "No space left on device"))
    assert "not expected" in remedy_of(KeyError("x"))


def test_the_overview_answers_from_top_to_bottom(tmp_path: Path) -> None:
    plan, tiles = plan_of(tmp_path, tiles=2, chunks=2)
    broken = Skipped(tile="T00", sensor="s", product=Path("/x/S2_`a`"), reason="no band\n*B4*")
    plan = plan.model_copy(update={"notices": ("dates end [here](x)",), "skipped": (broken,)})
    jobs = list(all_jobs(plan, tiles))
    states: dict[str, State] = {"write_features T01 1": "failed", "mosaic": "waiting"}
    statuses = stand(jobs, states, "done")
    left = TimeLeft(130, is_all=False)
    page, _ = Overview(plan, jobs).page(
        statuses, "running", timing(70, left), {"plan": "../../artifacts/artifact/1"}, "![x](y)"
    )
    parts = [
        "**Running: 81 % done, 9 of 11 jobs, 1 failed; at least 2 min left.**",
        "- **Elapsed:** 1 min 10 s, since 2026-03-04 05:06 UTC, as of 05:07:10",
        "- **Estimated time left:** at least 2 min, not counting steps",
        f"- **Output:** {plain(str(tmp_path))}",
        "[plan](../../artifacts/artifact/1)",
        "| **all tiles** |",
        f"- [write_features T01 1]({LOG}): too | wet to \\*say\\*",
        "### Notices\n\n- dates end \\[here\\](x)",
        "### Products left out\n\n- `` S2_`a` `` (T00): no band \\*B4\\*",
        "### Map\n\n![x](y)",
    ]
    page = page.replace("\N{NARROW NO-BREAK SPACE}", " ")
    places = [page.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_an_overview_of_what_went_well_has_no_empty_parts(tmp_path: Path) -> None:
    plan, tiles = plan_of(tmp_path, tiles=1, chunks=2)
    jobs = list(all_jobs(plan, tiles))
    page, _ = Overview(plan, jobs).page(statuses_of(jobs, "done"), "finished", timing(9), {})
    for part in ("Failures", "Notices", "left out", "Map", "time left", "as of", "\n\n\n"):
        assert part not in page


def test_all_pages_of_a_very_large_run_are_small(tmp_path: Path) -> None:
    plan, tiles = plan_of(tmp_path, tiles=300, chunks=50)
    labels = tuple(f"a_label_of_ordinary_length_{number}" for number in range(600))
    broken = Skipped(tile="T00", sensor="s", product=Path("/x/product"), reason="why " * 500)
    functions = tuple(
        FunctionPlan(name=f"f{number}", labels=labels[number : number + 2], series=())
        for number in range(0, 600, 2)
    )
    plan = plan.model_copy(
        update={
            "labels": labels, "functions": functions,
            "notices": ("a long notice " * 100,) * 500, "skipped": (broken,) * 500,
        }
    )  # fmt: skip
    jobs = list(all_jobs(plan, tiles))
    long = {"message": "a | long\n*message*" * 1000, "remedy": "wait " * 1000, "task_run": "1" * 36}
    states = statuses_of(jobs, *["failed"] * (len(jobs) // 2), "not run")
    statuses = {name: status.model_copy(update=long) for name, status in states.items()}
    item = tmp_path / "item.json"
    figures = dict.fromkeys(("minimum", "maximum", "mean", "stddev", "valid_percent"), -1.234567)
    bands = [{"name": label, "statistics": figures} for label in labels]
    item.write_text(json.dumps({"assets": {"data": {"bands": bands}}}))
    pages = {
        "plan": plan_page(plan, tiles),
        "overview": Overview(plan, jobs).page(statuses, "failed", timing(9), {}),
        "failures": failures_page(plan.paths, statuses),
        "chunks": ChunkTable(plan.paths, jobs).rows(statuses),
        "results": results_page(plan, "failed", "", statistics_table(item)),
    }
    for name, (page, card) in pages.items():
        assert len(json.dumps(page)) < MOST_BYTES, name
        assert len(card) < 1000, name


def test_statistics_have_a_row_a_feature(tmp_path: Path) -> None:
    item = tmp_path / "item.json"
    bands = [
        {"name": "a *b*", "statistics": {"minimum": -1.5, "mean": 12345.6, "valid_percent": 99}},
        {"name": "empty"},
    ]
    item.write_text(json.dumps({"assets": {"data": {"bands": bands}}}))
    head, _, first, second = cells(statistics_table(item))
    assert head == ["feature", "minimum", "maximum", "mean", "std. dev.", "valid %"]
    assert first[:2] == ["a \\*b\\*", "\N{MINUS SIGN}1.5"]
    assert second == ["empty", *["\N{EN DASH}"] * 5]


def test_results_name_the_files_that_are_there(tmp_path: Path) -> None:
    plan, _ = plan_of(tmp_path, tiles=1, chunks=1)
    plan.paths.final.mkdir()
    plan.paths.report.touch()
    page, _ = results_page(plan, "2 failed:\nthis and that", "", "")
    assert "2 failed." in page
    assert "this and that" not in page
    assert "- **Report**: final/report.html" in page
    assert plan.paths.report.as_uri() in page.replace("\\", "")
    assert "STAC" not in page
