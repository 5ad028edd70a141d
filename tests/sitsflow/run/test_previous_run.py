"""Nothing of an earlier run is lost before the new map is whole, and nothing of others ever."""

import shutil
from pathlib import Path

import pytest

from sitsflow.io.record import TaskRecord, save_record
from sitsflow.plan import Plan, TilePlan, load_plan, load_tile, save_plan
from sitsflow.request import SensorRequest
from sitsflow.run import previous_run
from sitsflow.run.output_folder import finish, output_folder, read_marker
from sitsflow.run.previous_run import discard
from tests.plans import grid_at, plan_for

MADE = ("final/features_map.tif", "by_tiles/A.tif", "customF/A_chunk_0.tif", "features/A/tmp/x.csv")


def planned(root: Path, fingerprint: str) -> tuple[Plan, dict[str, TilePlan]]:
    sensor = SensorRequest(sensor="Sentinel_2", root=Path("/data"), temporal_resolution=10)
    plan, tiles = plan_for(root, {"A": grid_at(0, 0, 4, 4)}, sensors=(sensor,))
    return plan.model_copy(update={"fingerprint": fingerprint}), tiles


def plan_in(root: Path, fingerprint: str = "one") -> Plan:
    return planned(root, fingerprint)[0]


def run_in(root: Path, content: str, fingerprint: str = "one", *, finished: bool = True) -> None:
    plan, tiles = planned(root, fingerprint)
    with output_folder(plan, remove=True):
        save_plan(plan, tiles)
        write(plan, content)
        if finished:
            finish(plan)


def write(plan: Plan, content: str) -> None:
    """Write what a run writes: files of a known place, of a record, and of the plan alone."""
    root = plan.paths.root
    for name in MADE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    made = TaskRecord(task="preprocess_A", outputs=(root / MADE[-1],))
    save_record(plan.paths.record("preprocess_A"), made, root)
    log = plan.paths.log("CommonMasks", "common_mask_A")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(content)


def contents(folder: Path) -> set[str]:
    return {(folder / name).read_text() for name in MADE if (folder / name).exists()}


def everything(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_a_finished_map_is_kept_until_the_new_one_is_whole(tmp_path: Path) -> None:
    run_in(tmp_path, "old")
    plan = plan_in(tmp_path)
    with output_folder(plan, remove=True) as said:
        assert "kept in previous_run" in said
        assert contents(tmp_path) == set()
        write(plan, "new")
        assert contents(plan.paths.previous_run) == {"old"}
        finish(plan)
    assert contents(tmp_path) == {"new"}
    assert not plan.paths.previous_run.exists()


def test_a_run_that_makes_nothing_puts_all_back(tmp_path: Path) -> None:
    run_in(tmp_path, "old")
    before = everything(tmp_path)
    with (
        pytest.raises(ConnectionError),
        output_folder(plan_in(tmp_path, "two"), remove=True),
    ):
        raise ConnectionError
    assert everything(tmp_path) == before


def test_fresh_removes_it_when_the_run_says_so(tmp_path: Path) -> None:
    run_in(tmp_path, "old")
    plan = plan_in(tmp_path)
    with output_folder(plan, fresh=True):
        assert contents(plan.paths.previous_run) == {"old"}
        discard(plan.paths)
    assert not plan.paths.previous_run.exists()


def test_the_last_whole_map_outlives_attempts_that_fail(tmp_path: Path) -> None:
    run_in(tmp_path, "old")
    for attempt in ("two", "three", "four"):
        run_in(tmp_path, attempt, fingerprint=attempt, finished=False)
    assert contents(tmp_path) == {"four"}
    assert contents(tmp_path / "previous_run") == {"old"}
    run_in(tmp_path, "new", "five")
    assert contents(tmp_path) == {"new"}
    assert not (tmp_path / "previous_run").exists()


@pytest.mark.parametrize("moves", range(9))
def test_a_kill_while_files_are_moved_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    run_in(tmp_path, "old")
    left = iter(range(moves))

    class Killed(BaseException):
        pass

    def move(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise Killed
        source.rename(target)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "move", move)
        with pytest.raises(Killed), output_folder(plan_in(tmp_path, "two"), remove=True):
            raise Killed
    plan = plan_in(tmp_path, "two")
    with output_folder(plan, remove=True):
        assert contents(plan.paths.previous_run) == {"old"}
        assert len([name for name in MADE if (plan.paths.previous_run / name).exists()]) == 4


def test_files_of_others_stay_where_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_in(out, "old")
    archive = out / "features" / "T31TCJ" / "SENTINEL2A_20180101"
    mine = [
        out / "final" / "features_map.cfg",
        out / "final" / "notes.txt",
        out / "logs" / "mine.csv",
        archive / "B4.tif",
    ]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    run_in(out, "new", "two")
    assert contents(out) == {"new"}
    assert [path.read_text() for path in mine] == ["mine"] * 4


def test_sidecars_of_a_map_go_with_it(tmp_path: Path) -> None:
    run_in(tmp_path, "old")
    sidecar = tmp_path / "final" / "features_map.tif.aux.xml"
    sidecar.write_text("statistics")
    with output_folder(plan_in(tmp_path, "two"), remove=True):
        assert not sidecar.exists()


def test_written_files_are_known_in_a_copy_of_the_folder(tmp_path: Path) -> None:
    run_in(tmp_path / "out", "old")
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    plan = load_plan(tmp_path / "copy")
    assert plan.paths.root == tmp_path / "copy"
    assert load_tile(tmp_path / "copy", "A").tile == "A"
    found = previous_run.written_files(plan.paths)
    assert {str(path.relative_to(tmp_path / "copy")) for path in found} >= set(MADE)
    assert read_marker(plan.paths) is not None


def test_a_map_of_any_name_is_set_aside_and_known(tmp_path: Path) -> None:
    plan, tiles = planned(tmp_path / "out", "one")
    named = plan.request.model_copy(update={"output_name": "mine"})
    plan = plan.model_copy(update={"request": named})
    with output_folder(plan, remove=True):
        save_plan(plan, tiles)
        for path in (plan.paths.map, plan.paths.item):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("mine")
        finish(plan)
    other = plan_in(tmp_path / "out", "two")
    with output_folder(other, remove=True):
        assert previous_run.map_before(other.paths).name == "mine.tif"
        assert previous_run.map_before(other.paths).read_text() == "mine"
        assert not plan.paths.map.exists()
        assert not plan.paths.item.exists()
