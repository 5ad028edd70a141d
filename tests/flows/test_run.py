"""Whole runs, through the command, on a real Prefect server and a real Dask cluster."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import rasterio
from prefect.settings import PREFECT_API_URL, temporary_settings

from sitsflow.io.paths import OutputPaths
from sitsflow.request import STEPS as TITLES
from tests.flows.conftest import COMMAND, Sitsflow, copy_database, free_port
from tests.flows.server_records import logged, newest_run, read_artifacts, step_runs, task_runs

pytestmark = pytest.mark.engine

PATIENCE_SECONDS = 240


def times(folder: Path) -> dict[Path, int]:
    """Time of change of each chunk, tile and mask: what a resumed run must leave alone."""
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*.tif"))}


def check_that_pages_lead_to_the_log(home: Path) -> None:
    """From the newest run's page, whose one chunk failed, to what that chunk logged."""
    found = read_artifacts(str(newest_run().id))
    assert set(found) == {"overview", "plan", "chunks", "failures", "results"}
    assert "5 of 6 done: 1 failed" in str(found["chunks"].description)
    page = str(found["failures"].data)
    assert "Correct the function" in page
    # Which of the chunks that run first takes the file is for the workers to say.
    link = re.search(
        r"\[write_features \w+ \d\]\((\.\./\.\./runs/task-run/([0-9a-f-]{36}))\)", page
    )
    assert link, page
    assert f"**[1 failed]({link[1]})**" in str(found["overview"].data)
    log = logged(home, link[2])
    assert "reads B4" in log
    assert re.search(r"SENTINEL2\w_20180104", log)
    assert "too wet to say" in log


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
    assert f"merge_tile {left}" not in runs
    steps = step_runs(home, "PartiallyCompleted")
    assert list(steps) == [title for _, title in TITLES]
    assert steps["Write features by chunk"] == ("Failed", "1 failed, 5 of 6 done")
    merged = steps["Merge features chunks per tile"]
    assert merged == ("Completed", f"1 of 1 done, not run: merge_tile {left}")
    assert steps["Merge features tiles into a mosaic"][0] == "Skipped"
    assert {"step:write_features", f"tile:{left}", "cpu:1"} <= runs[f"write_features {left} 0"][1]
    table = paths.status.read_text()
    assert "1 failed" in table
    assert "2 not run" in table
    assert f"report:    {paths.report}" in first.stdout
    assert "too wet to say" in paths.report.read_text()
    with temporary_settings({PREFECT_API_URL: engine["PREFECT_API_URL"]}):
        check_that_pages_lead_to_the_log(home)

    before = times(paths.root)
    # What is there stays, though files are read in threads from now on.
    second = sitsflow("run", config, "--set", "chain.concurrent_reads=4", env=engine)
    assert second.returncode == 0, second.stderr
    assert "resuming the unfinished run" in second.stderr
    assert str(paths.map) in second.stdout
    assert str(paths.quicklook) in second.stdout
    after = times(paths.root)
    assert {path: after[path] for path in before} == before
    assert len(set(after) - set(before)) == 3, "one chunk, its tile, and the map"
    runs = task_runs(home, "Completed")
    assert len(runs) == 3, "one chunk, its tile, and the map"
    assert runs["mosaic"][0] == "Completed"
    steps = step_runs(home, "Completed")
    assert "Sensors pre-processing" not in steps, "all there: a line in the log, no step"
    assert steps["Write features by chunk"][1] == "1 of 1 done, 5 more were there"
    assert steps["Merge features chunks per tile"][1] == "1 of 1 done, 1 more were there"
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


@pytest.mark.slow
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
def own_server(
    engine: dict[str, str], tmp_path: Path, sitsflow: Sitsflow
) -> Iterator[dict[str, str]]:
    """An environment that names no server, with a database that need not be made again."""
    home = copy_database(engine, tmp_path / "home")
    named = {key: value for key, value in os.environ.items() if key != "PREFECT_API_URL"}
    environment = {**named, "PREFECT_HOME": str(home), "PREFECT_SERVER_API_PORT": str(free_port())}
    yield environment
    subprocess.run(
        [sys.executable, "-c", "from flows.server import stop; stop()"],
        env=environment,
        check=True,
    )


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="ctrl-c"),
        pytest.param(signal.SIGKILL, id="killed", marks=pytest.mark.slow),
    ],
)
def test_nothing_outlives_an_interrupted_run(
    engine: dict[str, str], config: Path, number: signal.Signals
) -> None:
    paths = OutputPaths(config.parent / "out")
    (config.parent / "wait").touch()
    with subprocess.Popen(
        [*COMMAND, "run", str(config), "--workers", "1"],
        env=engine,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        states = paths.state / "states"
        wait_until(
            lambda: run.poll() is not None or any(states.glob("write_features*")), "a chunk began"
        )
        assert run.poll() is None, run.stderr.read() if run.stderr else ""
        family = everything_of(psutil.Process(run.pid))
        assert len(family) >= 2, "the flow and its worker"
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
