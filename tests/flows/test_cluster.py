"""Runs on a scheduler and two workers that are processes of their own, each in its own folder."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio
from distributed import LocalCluster

from blocks.cluster import WORKER_ENVIRONMENT
from sitsflow.io.paths import OutputPaths
from tests.flows.conftest import Sitsflow
from tests.flows.server_records import step_runs, task_runs
from tests.flows.trivial import intervals, most_at_once

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a scheduler with two workers of 4 GB each."""
    folder = tmp_path_factory.mktemp("cluster")
    environment = {
        **os.environ,
        **WORKER_ENVIRONMENT,
        "DASK_LOGGING__DISTRIBUTED": "error",
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    }
    contact = folder / "scheduler.json"
    started = []

    def start(name: str, *arguments: str) -> None:
        (folder / name).mkdir()
        command = [sys.executable, "-m", f"distributed.cli.dask_{name.partition('-')[0]}"]
        started.append(
            subprocess.Popen(
                [*command, *arguments, "--scheduler-file", str(contact), "--no-dashboard"],
                cwd=folder / name,
                env=environment,
                start_new_session=True,
            )
        )

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0")
        for name in ("worker-1", "worker-2"):
            resources = ("--nthreads", "1", "--resources", "RAM=4 CPU=2", "--memory-limit", "4GB")
            start(name, "--host", "127.0.0.1", *resources)
        until = time.monotonic() + PATIENCE_SECONDS
        while not contact.exists():
            assert time.monotonic() < until, "no scheduler"
            time.sleep(0.1)
        yield json.loads(contact.read_text())["address"]
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_concurrency_follows_memory_and_tag_limits(tmp_path: Path, engine: dict[str, str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.flows.concurrency", str(tmp_path)],
        env={**engine, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    spans = {name: intervals(tmp_path / name) for name in ("three", "one", "limited")}
    assert {name: len(found) for name, found in spans.items()} == {
        "three": 6, "one": 6, "limited": 3,
    }  # fmt: skip
    three = spans["three"]
    workers = {process for process, _, _ in three}
    assert len(workers) == 2
    for worker in workers:
        assert most_at_once([span for span in three if span[0] == worker]) == 1
    assert most_at_once(three) == 2
    assert most_at_once(spans["one"]) == 4, "one on each of four workers"
    assert most_at_once(spans["limited"]) == 1


@pytest.mark.slow
def test_lost_workers_and_lack_of_memory_are_told_apart_and_the_map_is_complete(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path, scheduler: str, tmp_path: Path
) -> None:
    paths, home = OutputPaths(tmp_path / "out"), Path(engine["PREFECT_HOME"])
    (tmp_path / "starve").touch()
    (tmp_path / "kill").touch()
    changes = ("chain.list_tile=T31TCJ", "external_features.number_of_chunks=4")
    changes += ("task_retry_limits.allowed_retry=1",)
    sets = [word for change in changes for word in ("--set", change)]
    ran = sitsflow("run", config, "--cluster", scheduler, *sets, env=engine)
    assert ran.returncode == 0, ran.stderr
    with rasterio.open(paths.map) as dataset:
        assert dataset.read(1).max() > 0
    assert len(list(paths.chunks.glob("*.tif"))) == 4
    assert "lost: its worker process" in ran.stderr
    assert "out of memory (MemoryError: get_highest (tile T31TCJ, chunk" in ran.stderr
    assert "raised MemoryError: too much to hold" in ran.stderr
    runs = task_runs(home, "Completed")
    again = {name: tags for name, (_, tags) in runs.items() if "(attempt 2)" in name}
    first = {name: runs[name.removesuffix(" (attempt 2)")] for name in again}
    assert sorted(state for state, _ in first.values()) == ["Crashed", "Failed"], runs
    for name, tags in again.items():
        state, had = first[name]
        assert runs[name][0] == "Completed"
        more = 2 if state == "Failed" else 1
        assert _memory(tags) == pytest.approx(more * _memory(had), abs=0.11)
        assert f"cpu:{more}" in tags
    others = {name: state for name, (state, _) in runs.items() if f"{name} (attempt 2)" not in runs}
    assert set(others.values()) <= {"Completed", "Crashed"}
    assert paths.status.read_text().count("(attempt 2)") == 2
    names = [name for name in step_runs(home, "Completed") if name.startswith("Write features")]
    assert names[0] == "Write features by chunk"
    assert all(", round " in name for name in names[1:])
    assert any(name.endswith(" GB") for name in names[1:])


@pytest.mark.slow
def test_a_job_whose_worker_is_lost_three_times_fails(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path, scheduler: str, tmp_path: Path
) -> None:
    module = tmp_path / "functions.py"
    module.write_text(
        module.read_text().replace("(FOLDER / name).unlink()", "(FOLDER / name).stat()")
    )
    (tmp_path / "kill").touch()
    changes = ("chain.list_tile=T31TCJ", "external_features.number_of_chunks=1")
    sets = [word for change in changes for word in ("--set", change)]
    ran = sitsflow("run", config, "--cluster", scheduler, *sets, env=engine)
    assert ran.returncode == 1, ran.stderr
    assert "and not for its memory, 3 times; see the workers' logs" in ran.stderr
    assert "merge_tile T31TCJ" in ran.stderr


RUN = """
    import sys
    from blocks.cluster import DaskCluster
    from blocks.features_map import FeaturesMap
    from flows.cli.load import load
    from flows.features_map import features_map

    config = FeaturesMap(**load(sys.argv[1], sys.argv[2:]).configuration.plain())
    cluster = DaskCluster(n_workers=2, memory_gb=4)
    state = features_map(config=config, cluster=cluster, return_state=True)
    print(state.name, state.message)
"""


@pytest.mark.slow
def test_local_workers_become_fewer_and_larger_when_memory_ran_out(
    sitsflow: Sitsflow, engine: dict[str, str], config: Path, tmp_path: Path
) -> None:
    paths, home = OutputPaths(tmp_path / "out"), Path(engine["PREFECT_HOME"])

    def run(*changes: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", textwrap.dedent(RUN), str(config), *changes]
        return subprocess.run(command, env=engine, capture_output=True, text=True, check=True)

    (tmp_path / "hog").touch()
    first = run("task_retry_limits.maximum_ram=1000")
    assert first.stdout.startswith("PartiallyCompleted"), first.stderr
    assert "died at its memory limit with 0.4 GB given, on attempt 1 of 1" in first.stdout
    assert "number_of_chunks" in first.stdout
    assert "maximum_ram (now 1000 GB)" in first.stdout
    assert len(list(paths.chunks.glob("*.tif"))) == 5, "all others are there"
    runs = task_runs(home, "PartiallyCompleted")
    assert "Crashed" in {state for state, _ in runs.values()}

    (tmp_path / "hog").touch()
    second = run("task_retry_limits.maximum_ram=1000", "task_retry_limits.allowed_retry=1")
    assert second.stdout.startswith("Completed"), second.stdout
    assert "workers were replaced: 1, with 4 GB each" in second.stderr
    steps = step_runs(home, "Completed")
    assert steps["Write features by chunk"][1].startswith("1 ran out of memory")
    (larger,) = (name for name in steps if ", round 2: " in name)
    assert 2 < float(larger.split()[-2]) <= 4, "more than the two workers had"
    ((name, (state, _)),) = (
        (name, run)
        for name, run in task_runs(home, "Completed").items()
        if name.endswith("(attempt 2)")
    )
    assert state == "Completed"
    task, tile, index, *_ = name.split()
    (log,) = paths.logs.rglob(f"{task}_{tile}_chunk_{index}.out")
    assert f"{task} {tile} {index} begins" in log.read_text()
    assert f"{name} begins" in log.read_text()

    other = ("chain.remove_output_path=True", "chain.spatial_resolution=20")
    sets = [word for change in other for word in ("--set", change)]
    third = sitsflow("run", config, "--cluster", "tcp://127.0.0.1:1", *sets, env=engine)
    assert third.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in third.stderr
    assert paths.map.exists(), "nothing is removed for a run that cannot begin"

    # It answers: what its workers have is known only once the run has begun.
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # 8787, the default, may be another cluster's
        resources={"RAM": 0.01, "CPU": 1},
    ) as small:
        fourth = sitsflow("run", config, "--cluster", small.scheduler_address, *sets, env=engine)
    assert fourth.returncode == 2
    assert "the largest worker has 0.01 GB" in fourth.stderr
    assert paths.map.exists(), "what was set aside is put back"
    assert not paths.previous_run.exists()


def _memory(tags: set[str]) -> float:
    (tag,) = (tag for tag in tags if tag.startswith("ram:"))
    return float(tag.removeprefix("ram:").removesuffix("gb"))
