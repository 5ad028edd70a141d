import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sitsflow.errors import OutputError
from sitsflow.plan import Plan, load_tile
from sitsflow.request import SensorRequest
from sitsflow.run.output_folder import (
    check_output_folder,
    finish,
    keep_plan,
    output_folder,
    read_marker,
)
from tests.plans import grid_at, plan_for


def plan_in(root: Path, fingerprint: str = "one", **request: Any) -> Plan:
    sensor = SensorRequest(sensor="Sentinel_2", root=Path("/data"), temporal_resolution=10)
    plan, _ = plan_for(root, {"A": grid_at(0, 0, 4, 4)}, **{"sensors": (sensor,)} | request)
    return plan.model_copy(update={"fingerprint": fingerprint})


def former_run(root: Path, finished: bool, fingerprint: str = "one") -> Path:
    """A run's directory with a file in it."""
    plan = plan_in(root, fingerprint)
    with output_folder(plan):
        made = plan.paths.final / "features_map.tif"
        made.parent.mkdir()
        made.write_text("map")
        if finished:
            finish(plan)
    return made


def test_a_new_directory_gets_the_marker(tmp_path: Path) -> None:
    plan = plan_in(tmp_path / "out")
    with output_folder(plan, remove=True, run="run 7") as said:
        assert said == ""
        marker = read_marker(plan.paths)
    assert marker is not None
    assert (marker.fingerprint, marker.run, marker.finished) == ("one", "run 7", None)


@pytest.mark.parametrize("remove", [True, False])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_directory_that_is_not_ours_is_refused(tmp_path: Path, remove: bool, fresh: bool) -> None:
    precious = tmp_path / "thesis.tex"
    precious.write_text("years of work")
    with (
        pytest.raises(OutputError, match="no marker"),
        output_folder(plan_in(tmp_path), remove=remove, fresh=fresh),
    ):
        pytest.fail("must not open")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_a_run_wrote_in_a_folder_that_was_removed_under_it_is_taken_over(
    tmp_path: Path,
) -> None:
    made = former_run(tmp_path, finished=False)
    record = plan_in(tmp_path).paths.record("merge_tile_A")
    record.parent.mkdir()
    record.write_text("{}")
    plan_in(tmp_path).paths.marker.unlink()
    with output_folder(plan_in(tmp_path), remove=True) as said:
        assert "taking over" in said
    assert made.exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="is a file"), output_folder(plan_in(tmp_path / "out")):
        pytest.fail("must not open")


def test_an_unfinished_run_of_the_same_configuration_is_resumed(tmp_path: Path) -> None:
    made = former_run(tmp_path, finished=False)
    with output_folder(plan_in(tmp_path), remove=True) as said:
        assert "resuming" in said
    assert made.exists()


@pytest.mark.parametrize(
    ("finished", "fingerprint", "remove", "fresh", "stays"),
    [
        (False, "one", True, True, False),
        (False, "two", True, False, False),
        (True, "one", True, False, False),
        (True, "one", False, False, True),
        (True, "two", False, False, True),
        (True, "one", False, True, False),
    ],
)
def test_what_a_former_run_left_goes_when_asked(
    tmp_path: Path, finished: bool, fingerprint: str, remove: bool, fresh: bool, stays: bool
) -> None:
    made = former_run(tmp_path, finished, fingerprint)
    note = tmp_path / "note.txt"
    note.write_text("mine")
    with output_folder(plan_in(tmp_path), remove=remove, fresh=fresh) as said:
        assert said
        assert made.exists() == stays
    assert note.read_text() == "mine"
    marker = read_marker(plan_in(tmp_path).paths)
    assert marker is not None
    assert (marker.fingerprint, marker.finished) == ("one", None)


def test_a_later_first_step_keeps_what_comes_before(tmp_path: Path) -> None:
    made = former_run(tmp_path, finished=True)
    with output_folder(plan_in(tmp_path, first_step="mosaic"), remove=True) as said:
        assert "continuing" in said
    assert made.exists()


def test_starting_over_is_from_the_first_step(tmp_path: Path) -> None:
    made = former_run(tmp_path, finished=True)
    with (
        pytest.raises(OutputError, match=r"needs chain\.first_step: init"),
        output_folder(plan_in(tmp_path, first_step="mosaic"), fresh=True),
    ):
        pytest.fail("must not open")
    assert made.exists()


def test_inputs_inside_the_directory_are_never_wiped(tmp_path: Path) -> None:
    made = former_run(tmp_path, finished=True)
    inside = SensorRequest(
        sensor="Sentinel_2", root=tmp_path / "features" / "s2", temporal_resolution=10
    )
    with (
        pytest.raises(OutputError, match="would be wiped"),
        output_folder(plan_in(tmp_path, sensors=(inside,)), remove=True),
    ):
        pytest.fail("must not open")
    assert made.exists()


def test_two_runs_do_not_share_a_directory(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    with (
        output_folder(plan),
        pytest.raises(OutputError, match="another run"),
        output_folder(plan, fresh=True),
    ):
        pytest.fail("must not open")


def test_a_wipe_cut_short_can_be_done_again(tmp_path: Path) -> None:
    former_run(tmp_path, finished=True)
    plan = plan_in(tmp_path)
    # As killed after all but the hidden folder had gone.
    plan.paths.marker.unlink()
    (plan.paths.final / "features_map.tif").unlink()
    plan.paths.final.rmdir()
    with output_folder(plan, remove=True):
        assert read_marker(plan.paths) is not None


def test_the_plan_of_a_run_with_nothing_to_do_is_kept_unless_one_is_at_work(tmp_path: Path) -> None:
    former_run(tmp_path, finished=True)
    plan, tiles = plan_for(tmp_path, {"A": grid_at(0, 0, 4, 4)})
    with output_folder(plan):
        keep_plan(plan, tiles)
        assert not plan.paths.plan.exists()
    keep_plan(plan, tiles)
    assert load_tile(tmp_path, "A") == tiles["A"]


KILLED = """
import os, signal, sys
from pathlib import Path
from sitsflow.io import record, write

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

place, moment = Path(sys.argv[1]), sys.argv[2]
if moment == "small file":
    record.Path.replace = die
    record.write_whole(place, "text")
with write.atomic(place) as temporary:
    if moment == "begun":
        die()
    temporary.write_text("half")
    if moment == "half":
        die()
    write.shutil.rmtree = die  # all is moved, the folder is empty
"""


def kill_while_writing(place: Path, moment: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    died = subprocess.run([sys.executable, "-c", KILLED, place, moment], check=False)
    assert died.returncode == -signal.SIGKILL
    # Where the run would look for it, and hidden.
    assert any(path.name.startswith(".") for path in place.parent.iterdir())


@pytest.mark.parametrize(
    ("place", "moment"),
    [
        ("by_tiles/A.tif", "begun"),
        ("customF/A_chunk_0.tif", "half"),
        ("final/quicklook.png", "moved"),
        ("features/A/tmp/Sentinel2_A_input_dates.txt", "moved"),
        ("features/B/tmp/MaskCommunSL.tif", "begun"),
        (".sitsflow/records/mosaic.json", "small file"),
        (".sitsflow/reads/A/write_features_A_chunk_0.json.gz", "small file"),
        ("logs/run_informations.txt", "small file"),
        ("IOTA2_tasks_status.txt", "small file"),
    ],
)
def test_the_next_run_removes_what_a_killed_one_left_half_written(
    tmp_path: Path, place: str, moment: str
) -> None:
    former_run(tmp_path, finished=False)
    mine = (tmp_path / ".notes.2018", tmp_path / ".tmp-mine", tmp_path / "final" / ".mine")
    for path in mine:
        path.mkdir()
    plan = plan_in(tmp_path)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    kill_while_writing(tmp_path / place, moment)
    with output_folder(plan):
        left = {path for path in tmp_path.rglob("*") if path.is_file()} - before
        assert left == ({tmp_path / place} if moment == "moved" else set())
        assert all(path.is_dir() for path in mine)
        hidden = {path for path in tmp_path.rglob(".*") if path not in mine}
        assert hidden == {plan.paths.state}


def test_a_run_removes_what_its_own_killed_workers_left(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    with output_folder(plan):
        kill_while_writing(plan.paths.chunk("A", 0), "half")
    assert not list(plan.paths.chunks.iterdir())


def test_a_folder_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    plan = plan_in(tmp_path / "out")
    with output_folder(plan), pytest.raises(OutputError, match="another run is at work"):
        check_output_folder(plan)
    check_output_folder(plan)
