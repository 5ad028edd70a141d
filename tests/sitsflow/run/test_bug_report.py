"""The archive for a bug report: what is in it, and what is never in it."""

import zipfile
from pathlib import Path

import pytest

from sitsflow.errors import OutputError
from sitsflow.features.functions import load_functions
from sitsflow.plan import Plan, TilePlan, save_plan
from sitsflow.run import bug_report
from sitsflow.run.bug_report import write_bug_report
from sitsflow.run.information import write_run_information
from sitsflow.run.jobs import Job
from sitsflow.run.output_folder import output_folder
from sitsflow.run.status import JobStatus, save_status, write_table
from tests.sitsflow.run.test_jobs import do, two_tiles

SECRET = "correct-horse-7"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A run of two tiles that failed, with a secret and the home folder in all its texts."""
    monkeypatch.setenv("PREFECT_API_KEY", SECRET)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.py").write_text(f"import beside, math\nKEY = '{SECRET}'\n")
    (tmp_path / "beside.py").write_text("X = 1\n")
    plan, tiles = two_tiles(tmp_path / "out")
    code = load_functions(tmp_path / "mine.py", []).snapshot()
    plan = plan.model_copy(update={"code": code})
    (tmp_path / "beside.py").write_text("X = 2\n")  # after the run
    with output_folder(plan):
        keep_texts(plan, tiles)
    return plan


def keep_texts(plan: Plan, tiles: dict[str, TilePlan]) -> None:
    paths = plan.paths
    save_plan(plan, tiles)
    write_run_information(plan, f"chain:\n  s2_path: {Path.home()}/s2\n  note: {SECRET}")
    do(Job("write_features", "A", 0), plan, tiles)
    status = JobStatus(title="write_features B 0", state="failed", message=f"no {SECRET}")
    save_status(paths, "write_features_B_chunk_0", status)
    write_table(paths, {"one": status}, "failed")
    log = Job("write_features", "B", 0).log(paths)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"GET https://user:{SECRET}@host/x\nread {Path.home()}/s2/a.tif\n")
    paths.final.mkdir(exist_ok=True)
    for pixels in (paths.map, paths.quicklook, paths.report):
        pixels.write_bytes(b"pixels")


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {
            name.removeprefix("sitsflow-bugreport/"): archive.read(name).decode()
            for name in archive.namelist()
        }


def test_it_holds_what_explains_a_run_and_no_pixels(plan: Plan, tmp_path: Path) -> None:
    made = write_bug_report(plan.paths.root, tmp_path / "report.zip")
    found = contents(made.path)
    assert set(found) == {
        "logs/run_informations.txt",
        "logs/write_features_map/write_features_B_chunk_0.out",
        ".sitsflow/plan.json",
        ".sitsflow/plan_A.json",
        ".sitsflow/plan_B.json",
        ".sitsflow/run.json",
        ".sitsflow/records/write_features_A_chunk_0.json",
        ".sitsflow/states/write_features_B_chunk_0.json",
        "IOTA2_tasks_status.txt",
        "versions.txt",
    }
    assert sum(made.files.values()) == len(found)
    for name in ("python 3.", "GDAL ", "numpy ", "pytest=="):
        assert name in found["versions.txt"]
    assert not list(tmp_path.glob(".report.zip*"))


def test_it_holds_neither_secrets_nor_the_home_folder(plan: Plan, tmp_path: Path) -> None:
    made = write_bug_report(plan.paths.root, tmp_path / "report.zip", with_code=True)
    found = contents(made.path)
    for name, text in found.items():
        assert SECRET not in text, name
        assert str(tmp_path) not in text, name
    assert found["logs/write_features_map/write_features_B_chunk_0.out"] == (
        "GET https://***@host/x\nread ~/s2/a.tif\n"
    )
    assert "note: <PREFECT_API_KEY>" in found["logs/run_informations.txt"]
    assert Plan.model_validate_json(found[".sitsflow/plan.json"]).labels == plan.labels
    assert made.masked >= 4


def test_user_code_comes_only_when_asked_for(plan: Plan, tmp_path: Path) -> None:
    made = write_bug_report(plan.paths.root, tmp_path / "report.zip", with_code=True)
    found = contents(made.path)
    assert made.files["user code"] == 2
    assert found["code/mine.py"] == "import beside, math\nKEY = '<PREFECT_API_KEY>'\n"
    assert found["code/beside.py"] == "X = 1\n"


def test_of_a_very_long_log_the_middle_is_left_out(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bug_report, "_LOG_BYTES", 100)
    log = plan.paths.log("merge_feat_maps")
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    found = contents(write_bug_report(plan.paths.root, tmp_path / "report.zip").path)
    lines = found["logs/merge_feat_maps.out"].splitlines()
    assert lines[0] == "line 0"
    assert lines[-1] == "line 999"
    (gap,) = [line for line in lines if not line.startswith("line ")]
    assert gap.startswith("... ")
    assert len("\n".join(lines)) < 300


def test_links_are_not_followed(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("private")
    (plan.paths.logs / "link.out").symlink_to(tmp_path / "private")
    found = contents(write_bug_report(plan.paths.root, tmp_path / "report.zip").path)
    assert "logs/link.out" not in found


def test_it_is_refused_where_no_run_was_and_over_a_file(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no run of sitsflow made this folder"):
        write_bug_report(tmp_path, tmp_path / "report.zip")
    with pytest.raises(OutputError, match="no such folder"):
        write_bug_report(tmp_path / "none", tmp_path / "report.zip")
    assert not (tmp_path / "report.zip").exists()
    (tmp_path / "report.zip").write_text("mine")
    with pytest.raises(OutputError, match="exists; choose another file"):
        write_bug_report(plan.paths.root, tmp_path / "report.zip")
    assert (tmp_path / "report.zip").read_text() == "mine"
    with pytest.raises(OutputError, match="cannot write"):
        write_bug_report(plan.paths.root, tmp_path / "none" / "report.zip")


def test_a_run_that_was_killed_before_its_plan_was_kept(plan: Plan, tmp_path: Path) -> None:
    plan.paths.plan.unlink()
    made = write_bug_report(plan.paths.root, tmp_path / "report.zip", with_code=True)
    assert ".sitsflow/run.json" in contents(made.path)
