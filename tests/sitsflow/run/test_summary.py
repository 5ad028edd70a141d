"""What the files of an output folder tell, and what may be removed from it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sitsflow.errors import OutputError
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import Plan, save_plan
from sitsflow.run.cleaning import remove, temporary
from sitsflow.run.jobs import Job, all_jobs
from sitsflow.run.output_folder import output_folder
from sitsflow.run.previous_run import map_before, set_aside
from sitsflow.run.status import JobStatus, save_status
from sitsflow.run.summary import summarize
from tests.sitsflow.run.test_jobs import do, two_tiles


@pytest.fixture
def run(tmp_path: Path) -> tuple[Plan, dict]:
    """A run of two tiles in three chunks that has not begun its first task."""
    plan, tiles = two_tiles(tmp_path)
    with output_folder(plan):
        save_plan(plan, tiles)
    return plan, tiles


def test_a_run_is_told_from_its_files(run: tuple[Plan, dict]) -> None:
    plan, tiles = run
    paths = plan.paths
    jobs = list(all_jobs(plan, tiles))
    first = summarize(paths.root)
    assert not first.complete
    assert not any(first.done.values())
    assert "is not complete" in first.text()

    broken = jobs[4]
    for job in jobs:
        if job.tile == "A" or job.step < 3:
            do(job, plan, tiles)
    failed = JobStatus(
        title="write_features B 0",
        state="failed",
        message="too wet",
        start=datetime.now(UTC),
        log="logs/x.out",
    )
    save_status(paths, Job("write_features", "B", 0).name, failed)
    assert broken.task == "write_features"
    half = summarize(paths.root)
    assert half.done["write_features"] == 3
    assert half.done["merge_tile"] == 1
    assert "     3 of 6      Write features by chunk" in half.text()
    assert "write_features B 0: too wet" in half.text()
    assert "failed in part" in half.text()

    for job in jobs:
        do(job, plan, tiles)
    whole = summarize(paths.root)
    assert whole.complete
    assert "too wet" not in whole.text()


@pytest.mark.parametrize(
    ("form", "shown"), [("vrt", "final/features_map.vrt"), ("none", "by_tiles")]
)
def test_the_map_is_named_in_the_form_that_it_has(tmp_path: Path, form: str, shown: str) -> None:
    plan, tiles = two_tiles(tmp_path / "out", mosaic=form)
    with output_folder(plan):
        save_plan(plan, tiles)
    for path in (plan.paths.map, plan.paths.tile_map("A")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    name = "map: " if form == "vrt" else "tile maps: "
    (line,) = [one for one in summarize(tmp_path / "out").text().splitlines() if name in one]
    assert line.endswith(f"out/{shown}")
    set_aside(plan.paths, finished=True)
    before = map_before(plan.paths)
    assert before == plan.paths.previous_run / shown
    assert before.exists()


def test_a_run_under_way_is_told_and_not_cleaned(run: tuple[Plan, dict]) -> None:
    plan, _ = run
    with output_folder(plan):
        assert "is still running" in summarize(plan.paths.root).text()
        with pytest.raises(OutputError, match="a run is at work"):
            temporary(plan.paths.root)


def test_cleaning_leaves_what_a_resumed_run_needs(run: tuple[Plan, dict]) -> None:
    plan, tiles = run
    paths = plan.paths
    for job in all_jobs(plan, tiles):
        if job.tile == "A" or job.step <= 3:
            do(job, plan, tiles)
    for tile in tiles:
        for index in range(len(tiles[tile].chunks)):
            paths.chunks.mkdir(exist_ok=True)
            if not paths.chunk(tile, index).exists():
                paths.chunk(tile, index).write_bytes(b"x" * 10)
    left = paths.chunks / ".sitsflow-killed"
    left.mkdir()
    (left / "part.tif").write_bytes(b"x" * 100)
    (paths.state / ".plan.json.123").write_text("{")
    mine = paths.root / "mine.txt"
    mine.touch()

    found = temporary(paths.root)
    names = {path.name for path in found.files}
    assert names == {*(f"A_chunk_{n}.tif" for n in range(3)), ".sitsflow-killed", ".plan.json.123"}
    assert found.files[left] == 100
    assert found.kept == 3
    remove(paths.root, found)
    assert not temporary(paths.root).files
    assert mine.exists()
    assert paths.chunk("B", 0).exists()
    assert len(temporary(paths.root, unmerged=True).files) == 3


def test_a_folder_that_is_not_a_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        summarize(tmp_path / "none")
    (tmp_path / "mine.txt").touch()
    for look in (summarize, temporary):
        with pytest.raises(OutputError, match="no run of sitsflow made this folder"):
            look(tmp_path)
    assert not OutputPaths(tmp_path).state.exists()
