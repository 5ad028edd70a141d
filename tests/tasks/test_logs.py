"""What `chain.logger_level` lets into the log of a job."""

import logging

import pytest

from sitsflow.plan import save_plan
from sitsflow.run.jobs import Job
from tasks.logs import job_log
from tests.plans import grid_at, plan_for

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
JOB = Job("write_features", "T31TCJ", 0)
_log = logging.getLogger("sitsflow.steps.chunk")


def logged(paths) -> str:
    with job_log(paths, JOB):
        for level in LEVELS:
            _log.log(getattr(logging, level), "this is %s", level.lower())
    return JOB.log(paths).read_text()


@pytest.mark.parametrize("level", LEVELS)
def test_the_log_of_a_job_begins_at_the_level_of_the_run(tmp_path, level):
    plan, tiles = plan_for(tmp_path, {"T31TCJ": grid_at(0, 0, 4, 4)}, logger_level=level)
    save_plan(plan, tiles)
    text = logged(plan.paths)
    for at, other in enumerate(LEVELS):
        assert (f"this is {other.lower()}" in text) == (at >= LEVELS.index(level))
    assert ("begins (process" in text) == (level in ("DEBUG", "INFO"))


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_prefect_is_shown_the_same(tmp_path, level, monkeypatch):
    shown = []
    monkeypatch.setattr("tasks.logs._ToPrefect.emit", lambda _, record: shown.append(record))
    plan, tiles = plan_for(tmp_path, {"T31TCJ": grid_at(0, 0, 4, 4)}, logger_level=level)
    save_plan(plan, tiles)
    logged(plan.paths)
    assert {one.levelname for one in shown} == set(LEVELS[LEVELS.index(level) :])


def test_a_failure_is_logged_at_every_level(tmp_path):
    plan, tiles = plan_for(tmp_path, {"T31TCJ": grid_at(0, 0, 4, 4)}, logger_level="ERROR")
    save_plan(plan, tiles)
    with pytest.raises(ValueError, match="spoilt"), job_log(plan.paths, JOB):
        raise ValueError("spoilt")
    assert "ValueError: spoilt" in JOB.log(plan.paths).read_text()


def test_without_a_plan_a_job_still_has_its_log(tmp_path):
    plan, _ = plan_for(tmp_path, {"T31TCJ": grid_at(0, 0, 4, 4)})
    text = logged(plan.paths)
    assert "this is info" in text
    assert "this is debug" not in text
