"""A tile of which all pixels are masked: its map is made, and a warning goes with it."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from flows.artifacts.results import results_page
from flows.outcome import outcome
from sitsflow.plan import load_plan, load_tile
from sitsflow.report.page import write_report
from sitsflow.run.empty_maps import warnings_of_maps
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus
from tests.products import copy_of, rewrite_all
from tests.requests import TILES, calls, tutorial
from tests.serial_run import run

WARNING = f"tile {TILES[1]}: no pixel of its map has a value"


@pytest.fixture
def output(products: Path, tmp_path: Path) -> Path:
    """A run of two tiles, the second under clouds on all dates."""
    root = copy_of(products, tmp_path / "root", *TILES)
    rewrite_all(root / TILES[1], "MASKS/*_CLM_R1.tif", np.ones_like)
    request = tutorial(root, tmp_path / "out", tiles=TILES, functions=calls("get_ndvi"))
    run(request)
    return request.output_path


def test_a_map_without_a_value_is_told_of(output: Path) -> None:
    plan = load_plan(output)
    (warning,) = warnings_of_maps(plan)
    assert warning.startswith(WARNING)
    assert WARNING in Job("merge_tile", TILES[1]).log(plan.paths).read_text()
    tiles = {tile: load_tile(output, tile) for tile in TILES}
    report = write_report(plan, tiles, plan.paths.report).read_text()
    assert WARNING in report
    page, _ = results_page(plan, "all is there", "", "")
    assert "### Warnings" in page
    assert WARNING in page


def test_a_map_with_values_is_not(output: Path) -> None:
    plan = load_plan(output)
    assert not any(TILES[0] in text for text in warnings_of_maps(plan))


class AllDone:
    """A run's progress of which nothing is left."""

    def of(self, state: str) -> list[object]:
        return []

    def write(self, how: str) -> None:
        assert how == "finished"


def test_the_message_at_the_end_says_so(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.outcome.finish", lambda plan: None)
    monkeypatch.setattr("flows.outcome.get_run_logger", logging.getLogger)
    planned = SimpleNamespace(plan=load_plan(output))
    state = outcome(planned, AllDone())  # type: ignore[arg-type]
    assert state.is_completed()
    assert state.message is not None
    first, second = state.message.splitlines()
    assert first.startswith("all is there, in ")
    assert second.startswith(f"WARNING, {WARNING}")


def test_a_run_of_which_all_failed_lists_the_first_causes(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.outcome.get_run_logger", logging.getLogger)

    class AllFailed:
        def of(self, state: str) -> list[JobStatus]:
            failed = [JobStatus(title=f"write_features A {n}", message="full") for n in range(30)]
            return {"failed": failed, "not run": [JobStatus(title="mosaic")]}.get(state, [])

        def write(self, how: str) -> None:
            assert how == "failed"

    plan = load_plan(output).model_copy(update={"tile_names": ()})
    state = outcome(SimpleNamespace(plan=plan), AllFailed())  # type: ignore[arg-type]
    assert state.name == "PartiallyCompleted"
    lines = (state.message or "").splitlines()
    assert lines[0] == "30 failed:"
    assert lines[1] == "write_features A 0: full"
    assert lines[21] == f"and 10 more, in {plan.paths.status}"
    assert lines[22:24] == ["1 therefore not run:", "mosaic"]
