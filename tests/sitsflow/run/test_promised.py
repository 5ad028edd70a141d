"""What a job needs of others is waited for, and what an earlier run left is not taken for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sitsflow.errors import OutputError
from sitsflow.io import shared_folder
from sitsflow.io.code_snapshot import CodeFile, CodeSnapshot
from sitsflow.plan import Plan, TilePlan, save_plan
from sitsflow.run.jobs import Job, all_jobs, fingerprint
from sitsflow.run.promised import lack_of_jobs, promised_plan, wait_for_parts
from tests.sitsflow.run.test_jobs import do, two_tiles

Planned = tuple[Plan, dict[str, TilePlan]]
CHUNK, MERGE = Job("write_features", "A", 1), Job("merge_tile", "A")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait as long as a slow machine needs for what comes, and not at all for what does not."""
    monkeypatch.setattr(shared_folder, "WAIT_SECONDS", 0.0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_folder, "WAIT_SECONDS", 30.0)


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    return two_tiles(tmp_path)


@contextmanager
def late(path: Path) -> Iterator[None]:
    """Hide a file, as a shared folder does; it is there soon after the block begins."""
    hidden = path.with_suffix(".hidden")
    path.replace(hidden)
    timer = threading.Timer(0.1, hidden.replace, [path])
    timer.start()
    yield
    timer.join()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", ["plan.json", "plan_A.json"])
def test_a_plan_that_is_late_is_waited_for(planned: Planned, name: str) -> None:
    plan, tiles = planned
    save_plan(plan, tiles)
    with late(plan.paths.state / name):
        assert promised_plan(CHUNK, plan.paths, fingerprint(CHUNK, plan, tiles)) == plan


def test_no_plan_is_named(planned: Planned) -> None:
    plan, tiles = planned
    with pytest.raises(OutputError, match=r"plan.json: no plan there.*; waited .* s .*the same on"):
        promised_plan(CHUNK, plan.paths, fingerprint(CHUNK, plan, tiles))


def test_the_plan_of_an_earlier_run_is_not_taken_for_the_new_one(planned: Planned) -> None:
    plan, tiles = planned
    changed = tiles["A"].features.model_copy(update={"fingerprint": "other"})
    new = {**tiles, "A": tiles["A"].model_copy(update={"features": changed})}
    save_plan(plan, tiles)
    with pytest.raises(OutputError, match="is not of the run that sent this job"):
        promised_plan(CHUNK, plan.paths, fingerprint(CHUNK, plan, new))
    save_plan(plan, new)
    assert promised_plan(CHUNK, plan.paths, fingerprint(CHUNK, plan, new)) == plan


def test_an_earlier_plan_beside_a_new_one_of_the_tile_is_not_taken(planned: Planned) -> None:
    plan, tiles = planned
    save_plan(plan, tiles)
    earlier = plan.paths.plan.read_bytes()
    new = plan.model_copy(update={"labels": ("one", "three")})
    save_plan(new, tiles)
    newer = plan.paths.plan.read_bytes()
    wanted = fingerprint(CHUNK, new, tiles)
    plan.paths.plan.write_bytes(earlier)
    with pytest.raises(OutputError, match="is not of the run that sent this job"):
        promised_plan(CHUNK, plan.paths, wanted)
    plan.paths.plan.write_bytes(newer)
    assert promised_plan(CHUNK, plan.paths, wanted) == new


def test_an_earlier_plan_of_fewer_chunks_is_not_taken(planned: Planned, tmp_path: Path) -> None:
    save_plan(*two_tiles(tmp_path, chunks=1))
    with pytest.raises(OutputError, match="is not of the run that sent this job"):
        promised_plan(CHUNK, planned[0].paths, fingerprint(CHUNK, *planned))


def test_code_that_is_late_is_named(planned: Planned) -> None:
    plan, tiles = planned
    file = CodeFile(module="", origin=Path("/home/mine.py"), name="mine.py")
    code = CodeSnapshot(files=(file,), digest="abc", contents={"mine.py": b"x = 1"})
    plan = plan.model_copy(update={"code": code})
    save_plan(plan, tiles)
    wanted = fingerprint(CHUNK, plan, tiles)
    assert promised_plan(CHUNK, plan.paths, wanted).code is not None
    (plan.paths.code / "abc" / "mine.py").unlink()
    with pytest.raises(OutputError, match=r"abc/mine.py is not there; waited"):
        promised_plan(CHUNK, plan.paths, wanted)


@pytest.mark.usefixtures("patient")
def test_parts_that_are_late_are_waited_for(planned: Planned) -> None:
    plan, tiles = planned
    save_plan(plan, tiles)
    made = {job: do(job, plan, tiles) for job in all_jobs(plan, tiles)}
    with late(made[CHUNK]):
        wait_for_parts(MERGE, plan.paths)
    with late(CHUNK.record(plan.paths)):
        wait_for_parts(MERGE, plan.paths)
    with late(made[MERGE]):
        wait_for_parts(Job("mosaic"), plan.paths)


def test_parts_of_an_earlier_run_are_not_taken(planned: Planned) -> None:
    plan, tiles = planned
    save_plan(plan, tiles)
    for job in all_jobs(plan, tiles):
        do(job, plan, tiles)
    part = do(CHUNK, plan, tiles)
    part.write_text("pixeld")  # as many bytes
    with pytest.raises(OutputError, match=f"{part} was changed since it was written; waited"):
        wait_for_parts(MERGE, plan.paths)
    assert str(part) in lack_of_jobs([CHUNK], plan, tiles)
    assert lack_of_jobs([MERGE], plan, tiles) == ""
    wait_for_parts(Job("preprocess", "A"), plan.paths)
