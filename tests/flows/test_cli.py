"""The command without its engine: what it prints, how it ends, what it leaves alone."""

import json
from pathlib import Path

import pytest

from flows import cli
from sitsflow.plan import save_plan
from sitsflow.run.description import step_list
from sitsflow.run.output_folder import output_folder
from tests.sitsflow.run.test_jobs import two_tiles

STEPS = """\
Group init:
         [x] Step 1: Sensors pre-processing
         [x] Step 2: Generate a common masks for each sensors
Group writing:
         [x] Step 3: Write features by chunk
         [x] Step 4: Merge features chunks per tile
Group mosaic:
         [ ] Step 5: Merge features tiles into a mosaic"""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command in this process; return its exit status."""
    monkeypatch.setattr("sys.argv", ["sitsflow", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_steps_are_listed_as_in_the_tutorial() -> None:
    assert step_list((1, 2, 3, 4)) == STEPS


def test_check_prints_steps_and_plan_and_touches_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    before = sorted(config.parent.rglob("*"))
    status = run(monkeypatch, "check", config, "--set", "chain.last_step=writing")
    said = capsys.readouterr().out
    assert status == 0
    assert STEPS in said
    assert "Tile T31TDJ: 96 x 96 pixels of 10 x 10 in EPSG:32631" in said
    assert "3 chunks" in said
    assert "reads B4; masks CLM, SAT, EDG" in said
    assert "highest" in said
    assert sorted(p for p in config.parent.rglob("*") if "__pycache__" not in str(p)) == before


def test_check_prints_one_json_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert run(monkeypatch, "check", config, "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert [tile["tile"] for tile in plan["tiles"]] == ["T31TCJ", "T31TDJ"]
    assert plan["tiles"][0]["series"][0]["bands_read"] == ["B4"]
    assert len(plan["tiles"][0]["series"][0]["products"]) == 13
    assert plan["labels"] == ["highest"]


@pytest.mark.parametrize("command", ["check", "run", "functions"])
def test_a_wrong_configuration_is_told_whole_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: Path,
    command: str,
) -> None:
    wrong = ["--set", "chain.list_tiles=T31TCJ", "--set", "external_features.number_of_chunks=x"]
    assert run(monkeypatch, command, config, *wrong) == 2
    said = capsys.readouterr().err
    assert "chain.list_tiles" in said
    assert "'list_tile'" in said or "list_tile?" in said or "list_tile" in said
    assert "external_features.number_of_chunks" in said
    assert "Traceback" not in said
    assert not (config.parent / "out").exists()


@pytest.mark.parametrize("command", ["check", "run"])
def test_faults_of_the_command_line_are_not_the_files(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: Path,
    command: str,
) -> None:
    config.write_text(config.read_text().replace("proj :", "prj :"))
    groups = ["--from", "fly", "--to", "init"] if command == "run" else []
    wrong = ["--set", "chain.spatial_resolution=abc"]
    assert run(monkeypatch, command, config, *groups, *wrong) == 2
    said = capsys.readouterr().err
    of_file, _, of_command = said.partition("in the command line\n")
    assert f"1 fault in {config}\n  chain.prj: " in of_file
    assert "  --set chain.spatial_resolution=abc: not a positive number" in of_command
    assert ("  --from=fly: input should be 'init'" in of_command) == (command == "run")


def test_a_file_that_cannot_be_read_hides_no_fault_of_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "check", tmp_path / "none.cfg", "--set", "chain") == 2
    said = capsys.readouterr().err
    assert "none.cfg\n  file: No such file" in said
    assert "1 fault in the command line\n  --set chain: " in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["fly"],
        ["run", "none.cfg"],
        ["run", "x.cfg", "--workers", "0"],
        ["simulate", "out", "--tiles", "T31TCJ", "--start", "spring", "--end", "20181231"],
        ["simulate", "out", "--sensor", "Spot", "--tiles", "T31TCJ", "--start", "20180101",
         "--end", "20180102"],
    ],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    assert not list(tmp_path.iterdir())


def test_a_wrong_date_is_the_command_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    days = ("--start", "2018-13-01", "--end", "20181231")
    assert run(monkeypatch, "simulate", tmp_path, "--tiles", "T31TCJ", *days) == 2
    said = capsys.readouterr().err
    assert "1 fault in the command line\n  --start: '2018-13-01' is not a date" in said


def test_functions_lists_accessors_and_functions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert run(monkeypatch, "functions", config) == 0
    said = capsys.readouterr().out
    assert "get_interpolated_Sentinel2_B4(): (row, col, 37), float32" in said
    assert "get_cumulative_productivity" in said
    assert "get_highest" in said


def test_simulate_takes_tiles_as_a_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["--tiles", "T31TCJ", "T31TDJ", "--start", "20180101", "--end", "20180102"]
    assert run(monkeypatch, "simulate", tmp_path, *arguments, "--size", 32) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["T31TCJ", "T31TDJ"]
    assert "2 products" in capsys.readouterr().out


def test_bugreport_says_what_it_packed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    plan, tiles = two_tiles(tmp_path / "out")
    with output_folder(plan):
        save_plan(plan, tiles)
    assert run(monkeypatch, "bugreport", "out") == 0
    said = capsys.readouterr().out
    (made,) = tmp_path.glob("bugreport-*.zip")
    assert said.startswith(f"{made.name} (")
    assert "     3  plan\n" in said
    assert "left out: rasters, pictures, the report, user functions (--with-code)" in said
    assert run(monkeypatch, "bugreport", "out", "--to", made) == 2
    assert "exists; choose another file with --to" in capsys.readouterr().err
    assert run(monkeypatch, "bugreport", ".", "--to", "x.zip") == 2
    assert "no run of sitsflow made this folder" in capsys.readouterr().err
