"""The commands that look at a run's folder, on one that its files alone describe."""

from itertools import product
from pathlib import Path

import pytest

from sitsflow.io.paths import OutputPaths
from sitsflow.plan import save_plan
from sitsflow.run.jobs import all_jobs
from sitsflow.run.output_folder import output_folder
from tests.flows.test_cli import run
from tests.sitsflow.run.test_jobs import do, two_tiles


@pytest.fixture
def paths(tmp_path: Path) -> OutputPaths:
    """A run of two tiles, with the chunks of both and the map of the first."""
    plan, tiles = two_tiles(tmp_path)
    with output_folder(plan):
        save_plan(plan, tiles)
    for job in all_jobs(plan, tiles):
        if job.step <= 3 or (job.step == 4 and job.tile == "A"):
            do(job, plan, tiles)
    plan.paths.chunks.mkdir(exist_ok=True)
    for tile, index in product(tiles, range(3)):
        plan.paths.chunk(tile, index).write_bytes(b"pixels")
    return plan.paths


def test_status_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], paths: OutputPaths
) -> None:
    assert run(monkeypatch, "status", paths.root) == 1
    said = capsys.readouterr().out
    assert "6 of 6      Write features by chunk" in said
    assert "1 of 2      Merge features chunks per tile" in said


def test_clean_removes_what_was_agreed_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], paths: OutputPaths
) -> None:
    merged, needed = paths.chunk("A", 0), paths.chunk("B", 0)
    monkeypatch.setattr("typer.confirm", lambda question: False)
    assert run(monkeypatch, "clean", paths.root) == 1
    assert str(merged) in capsys.readouterr().out
    assert merged.exists()

    assert run(monkeypatch, "clean", paths.root, "--yes") == 0
    said = capsys.readouterr().out
    assert "removed 3 files or folders" in said
    assert "kept: 3 chunks" in said
    assert not merged.exists()
    assert needed.exists()

    assert run(monkeypatch, "clean", paths.root, "--yes") == 0
    assert "nothing to remove" in capsys.readouterr().out
    assert run(monkeypatch, "clean", paths.root, "--yes", "--all") == 0
    assert not needed.exists()
