"""Whole runs, through the command, on a real Prefect server and a real Dask cluster."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import rasterio

from sitsflow.io.paths import OutputPaths
from tests.flows.conftest import COMMAND, Sitsflow

pytestmark = pytest.mark.engine

PATIENCE_SECONDS = 240


def times(folder: Path) -> dict[Path, int]:
    """Time of change of each chunk, tile and mask: what a resumed run must leave alone."""
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*.tif"))}


def task_runs(home: Path, flow_state: str) -> dict[str, tuple[str, set[str]]]:
    """State and tags of the task runs of the newest flow run that ended as `flow_state`."""
    with sqlite3.connect(f"file:{home / 'prefect.db'}?mode=ro", uri=True) as database:
        newest = "SELECT id FROM flow_run WHERE state_name = ? ORDER BY created DESC LIMIT 1"
        (run,) = database.execute(newest, (flow_state,)).fetchone()
        rows = database.execute(
            "SELECT name, state_name, tags FROM task_run WHERE flow_run_id = ?", (run,)
        ).fetchall()
    return {name: (state, set(json.loads(tags))) for name, state, tags in rows}


def test_a_failed_chunk_stops_its_tile_only_and_the_same_command_finishes(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path
) -> None:
    paths, home = OutputPaths(config.parent / "out"), Path(engine["PREFECT_HOME"])
    (config.parent / "fail").touch()
    first = sitsflow("run", config, env=engine)
    assert first.returncode == 1, first.stderr
    assert "Traceback" not in first.stderr
    assert "too wet to say" in first.stderr
    assert "functions.py, line" in first.stderr
    assert "therefore not run" in first.stderr
    made = {path.stem for path in paths.by_tiles.glob("*.tif")}
    assert len(made) == 1
    assert not paths.map.exists()
    (left,) = {"T31TCJ", "T31TDJ"} - made
    runs = task_runs(home, "PartiallyCompleted")
    states = [state for name, (state, _) in runs.items() if name.startswith("write_features")]
    assert sorted(states) == ["Completed"] * 5 + ["Failed"]
    assert runs[f"merge_tile {left}"][0] == "Skipped"
    assert runs["mosaic"][0] == "Skipped"
    assert {"step:write_features", f"tile:{left}", "cpu:1"} <= runs[f"write_features {left} 0"][1]
    table = paths.status.read_text()
    assert "1 failed" in table
    assert "2 not run" in table

    before = times(paths.root)
    second = sitsflow("run", config, env=engine)
    assert second.returncode == 0, second.stderr
    assert "resuming the unfinished run" in second.stderr
    assert str(paths.map) in second.stdout
    assert str(paths.quicklook) in second.stdout
    after = times(paths.root)
    assert {path: after[path] for path in before} == before
    assert len(set(after) - set(before)) == 3, "one chunk, its tile, and the map"
    runs = task_runs(home, "Completed")
    assert sum(state == "Cached" for state, _ in runs.values()) == 2 + 2 + 5 + 1
    assert runs["mosaic"][0] == "Completed"
    assert "logs/merge_feat_maps.out" in paths.status.read_text()
    joined = (paths.logs / "merge_feat_maps_by_tiles.out").read_text()
    assert joined.index("merge_tile T31TCJ done") < joined.index("merge_tile T31TDJ done")
    informations = (paths.logs / "run_informations.txt").read_text()
    assert "prefect 3." in informations
    assert "T31TDJ" in informations
    with rasterio.open(paths.map) as dataset:
        assert dataset.descriptions == ("highest",)
        assert dataset.nodata == -10000
        assert dataset.read(1).max() > 0


def test_a_step_whose_needs_are_missing_is_refused(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path
) -> None:
    ran = sitsflow("run", config, "--set", "chain.first_step=mosaic", env=engine)
    assert ran.returncode == 2, ran.stderr
    assert "run with chain.first_step: init" in ran.stderr
    assert "merge_tile T31TCJ" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (config.parent / "out").exists()


def everything_of(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def wait_until(condition: object, what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, f"{what}: not after {PATIENCE_SECONDS} s"
        time.sleep(0.2)


@pytest.fixture
def own_server(engine: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment that names no server, with a database that need not be made again."""
    home = tmp_path / "home"
    home.mkdir()
    source = sqlite3.connect(Path(engine["PREFECT_HOME"]) / "prefect.db")
    target = sqlite3.connect(home / "prefect.db")
    source.backup(target)
    source.close()
    target.close()
    named = {key: value for key, value in os.environ.items() if key != "PREFECT_API_URL"}
    return {**named, "PREFECT_HOME": str(home)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_nothing_outlives_an_interrupted_run(
    own_server: dict[str, str], config: Path, number: signal.Signals
) -> None:
    paths = OutputPaths(config.parent / "out")
    (config.parent / "wait").touch()
    with subprocess.Popen(
        [*COMMAND, "run", str(config), "--workers", "1"],
        env=own_server,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        states = paths.state / "states"
        wait_until(
            lambda: run.poll() is not None or any(states.glob("write_features*")), "a chunk began"
        )
        assert run.poll() is None, run.stderr.read() if run.stderr else ""
        family = everything_of(psutil.Process(run.pid))
        assert len(family) >= 4, "launcher, server, flow, worker"
        run.send_signal(number)
        run.wait(PATIENCE_SECONDS)
        _, alive = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
        assert not alive
        said = run.stderr.read() if run.stderr else ""
    assert '"finished": null' in paths.marker.read_text()
    if number == signal.SIGINT:
        assert run.returncode == 1
        assert "the same command resumes the run" in said
        assert "Traceback" not in said
        assert "interrupted" in paths.status.read_text()


def test_a_server_ends_with_the_process_that_started_it(own_server: dict[str, str]) -> None:
    code = (
        "import time\nfrom flows.embedded import embedded_server\n"
        "with embedded_server() as server:\n    print(server.process.pid, flush=True)\n"
        "    time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=own_server, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        server = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
    _, alive = psutil.wait_procs([server], timeout=PATIENCE_SECONDS)
    assert not alive
