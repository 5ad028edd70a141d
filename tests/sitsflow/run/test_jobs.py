from pathlib import Path

import pytest

from sitsflow.io.record import TaskRecord, save_record
from sitsflow.plan import Plan
from sitsflow.run.jobs import (
    Job,
    all_jobs,
    fingerprint,
    is_done,
    only_laid_out_otherwise,
    ram_gb,
    selected_steps,
)
from sitsflow.run.status import JobStatus, load_status, save_status, table
from tests.plans import grid_at, plan_for


def two_tiles(root: Path, chunks: int = 3, **request: str) -> tuple[Plan, dict]:
    tiles = {"A": grid_at(0, 0, 12, 12), "B": grid_at(0, 12, 12, 12)}
    return plan_for(root, tiles, chunks=chunks, **request)


def do(job: Job, plan: Plan, tiles: dict) -> Path:
    output = plan.paths.root / f"{job.name}.tif"
    output.write_text("pixels")
    record = TaskRecord(task=job.name, outputs=(output,), fingerprint=fingerprint(job, plan, tiles))
    save_record(job.record(plan.paths), record, plan.paths.root)
    return output


def test_jobs_of_a_run_and_their_names(tmp_path: Path) -> None:
    jobs = list(all_jobs(*two_tiles(tmp_path)))
    assert [job.title for job in jobs] == [
        "preprocess A", "preprocess B",
        "common_mask A", "common_mask B",
        "write_features A 0", "write_features A 1", "write_features A 2",
        "write_features B 0", "write_features B 1", "write_features B 2",
        "merge_tile A", "merge_tile B",
        "mosaic",
    ]  # fmt: skip
    assert len({job.name for job in jobs}) == len(jobs)


def test_logs_lie_as_in_the_tutorial(tmp_path: Path) -> None:
    plan, tiles = two_tiles(tmp_path)
    logs = {job.title: job.log(plan.paths).relative_to(tmp_path) for job in all_jobs(plan, tiles)}
    assert logs["preprocess A"] == Path("logs/sensorsPreprocess/preprocessing_A.out")
    assert logs["common_mask A"] == Path("logs/CommonMasks/common_mask_A.out")
    assert logs["write_features B 2"] == Path(
        "logs/write_features_map/write_features_B_chunk_2.out"
    )
    assert logs["mosaic"] == Path("logs/merge_feat_maps.out")


@pytest.mark.parametrize(
    ("first", "last", "steps"),
    [
        ("init", "mosaic", (1, 2, 3, 4, 5)),
        ("init", "init", (1, 2)),
        ("writing", "writing", (3, 4)),
        ("writing", "mosaic", (3, 4, 5)),
    ],
)
def test_groups_choose_steps(tmp_path: Path, first: str, last: str, steps: tuple) -> None:
    plan, _ = two_tiles(tmp_path, first_step=first, last_step=last)
    assert selected_steps(plan) == steps


def test_a_job_is_done_while_its_files_are_whole(tmp_path: Path) -> None:
    plan, tiles = two_tiles(tmp_path)
    job = Job("write_features", "A", 1)
    assert not is_done(job, plan, tiles)
    output = do(job, plan, tiles)
    assert is_done(job, plan, tiles)
    output.write_text("pixel")
    assert not is_done(job, plan, tiles)


def test_chunks_are_done_where_their_tile_is_merged(tmp_path: Path) -> None:
    plan, tiles = two_tiles(tmp_path)
    do(Job("merge_tile", "A"), plan, tiles)
    assert is_done(Job("write_features", "A", 1), plan, tiles)
    assert not is_done(Job("write_features", "B", 1), plan, tiles)


def test_a_merged_tile_outlives_another_chunking(tmp_path: Path) -> None:
    plan, tiles = two_tiles(tmp_path)
    do(Job("merge_tile", "A"), plan, tiles)
    do(Job("write_features", "B", 1), plan, tiles)
    plan, tiles = two_tiles(tmp_path, chunks=5)
    assert is_done(Job("merge_tile", "A"), plan, tiles)
    assert not is_done(Job("write_features", "B", 1), plan, tiles)


def test_other_scenes_of_a_tile_leave_the_other_tile_alone(tmp_path: Path) -> None:
    plan, tiles = two_tiles(tmp_path)
    before = {job: fingerprint(job, plan, tiles) for job in all_jobs(plan, tiles)}
    features = tiles["A"].features.model_copy(update={"fingerprint": "new scenes"})
    tiles["A"] = tiles["A"].model_copy(update={"features": features})
    changed = {job for job in before if fingerprint(job, plan, tiles) != before[job]}
    assert {job.tile for job in changed} == {"A"}
    assert {job.task for job in changed} == {"write_features", "merge_tile"}


def test_the_status_table_is_aligned(tmp_path: Path) -> None:
    plan, _ = two_tiles(tmp_path)
    status = JobStatus(title="merge_tile A", state="failed", seconds=1.25, message="no space")
    save_status(plan.paths, "merge_tile_A", status)
    assert load_status(plan.paths, "merge_tile_A") == status
    assert load_status(plan.paths, "mosaic") is None
    lines = table([status, JobStatus(title="mosaic")], "a run").splitlines()
    assert lines[0] == "a run"
    assert lines[2].split() == ["task", "state", "start", "seconds", "peak", "RAM", "MB", "log"]
    assert lines[4].index("failed") == lines[5].index("waiting") == lines[2].index("state")


def test_the_mosaic_needs_memory_for_the_places_of_its_blocks(tmp_path: Path) -> None:
    plan, _ = two_tiles(tmp_path)
    light = ram_gb(Job("merge_tile", "A"), plan)
    assert ram_gb(Job("mosaic"), plan) == pytest.approx(light, abs=1e-5)
    wide = plan.model_copy(update={"mosaic_grid": grid_at(0, 0, 110_000, 110_000)})
    assert ram_gb(Job("mosaic"), wide) - light == pytest.approx(2 * 215**2 * 300e-9)


def test_a_map_for_another_mosaic_is_laid_out_again_and_its_chunks_count_as_done(
    tmp_path: Path,
) -> None:
    plan, tiles = two_tiles(tmp_path)
    merge, chunk = Job("merge_tile", "A"), Job("write_features", "A", 1)
    do(merge, plan, tiles)
    for form in ("vrt", "none"):
        other, _ = two_tiles(tmp_path, mosaic=form)
        assert not is_done(merge, other, tiles)
        assert only_laid_out_otherwise(merge, other, tiles)
        assert is_done(chunk, other, tiles)
        assert not is_done(Job("write_features", "B", 1), other, tiles)
    assert not only_laid_out_otherwise(merge, plan, tiles)
    one, other = (two_tiles(tmp_path, mosaic=form)[0] for form in ("vrt", "none"))
    assert fingerprint(merge, one, tiles) == fingerprint(merge, other, tiles)
