"""How one job is carried out, without any server."""

import logging
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Failed
from rasterio.errors import RasterioIOError

from sitsflow.errors import FunctionError, InputChangedError, ProductError, ReadError
from sitsflow.io.record import TaskRecord, load_record
from sitsflow.plan import Plan, load_tile, save_plan
from sitsflow.run.jobs import Job, fingerprint
from sitsflow.run.status import load_status
from tasks import rules
from tasks.rules import RULES, carry_out, is_transient
from tests.plans import grid_at, plan_for

JOB = Job("write_features", "A", 0)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    plan, tiles = plan_for(tmp_path, {"A": grid_at(0, 0, 4, 4)})
    save_plan(plan, tiles)
    return plan


def wanted(plan: Plan) -> str:
    return fingerprint(JOB, plan, {"A": load_tile(plan.paths.root, "A")})


def make(plan: Plan) -> TaskRecord:
    logging.getLogger("sitsflow.steps.chunk").info("reading a band")
    output = plan.paths.root / "chunk.tif"
    output.write_text("pixels")
    return TaskRecord(task="", outputs=(output,), pixels=16)


def test_a_job_leaves_a_record_a_log_and_its_status(plan: Plan) -> None:
    made = carry_out(str(plan.paths.root), JOB, wanted(plan), make)
    assert isinstance(made, TaskRecord)
    assert (made.task, made.tile, made.fingerprint) == (JOB.name, "A", wanted(plan))
    assert made.peak_rss_mb > 1
    assert load_record(JOB.record(plan.paths), plan.paths.root) == made
    log = JOB.log(plan.paths).read_text()
    assert "reading a band" in log
    assert "write_features A 0 done in" in log
    assert "peak RAM" in log
    status = load_status(plan.paths, JOB.name)
    assert status is not None
    assert status.state == "done"
    assert status.seconds == made.seconds
    assert not logging.getLogger("sitsflow").handlers


def test_a_job_whose_files_are_there_does_nothing(plan: Plan) -> None:
    carry_out(str(plan.paths.root), JOB, wanted(plan), make)

    def never(plan: Plan) -> TaskRecord:
        raise AssertionError

    again = carry_out(str(plan.paths.root), JOB, wanted(plan), never)
    assert isinstance(again, State)
    assert again.name == "Cached"
    JOB.record(plan.paths).write_text("{}")
    with pytest.raises(AssertionError):
        carry_out(str(plan.paths.root), JOB, wanted(plan), never)


def test_files_of_another_run_that_only_a_worker_sees_are_made_again(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(plan.paths.root)
    monkeypatch.setattr(rules, "task_run", lambda: "the first")
    carry_out(root, JOB, wanted(plan), make)
    assert isinstance(carry_out(root, JOB, wanted(plan), make), State), "Dask ran the task again"
    monkeypatch.setattr(rules, "task_run", lambda: "another")
    again = carry_out(root, JOB, wanted(plan), make, attempt=2)
    assert isinstance(again, State), "the worker of the first attempt died after it was done"
    made = carry_out(root, JOB, wanted(plan), make)
    assert isinstance(made, TaskRecord)
    assert made.task_run == "another"


def test_a_job_that_fails_tells_why(plan: Plan) -> None:
    def fail(plan: Plan) -> TaskRecord:
        raise FunctionError("get_x (tile A, chunk 0) raised ValueError: too wet")

    with pytest.raises(FunctionError):
        carry_out(str(plan.paths.root), JOB, wanted(plan), fail)
    log = JOB.log(plan.paths).read_text()
    assert "Traceback" in log
    assert "too wet" in log
    status = load_status(plan.paths, JOB.name)
    assert status is not None
    assert (status.state, "too wet" in status.message) == ("failed", True)
    assert load_record(JOB.record(plan.paths), plan.paths.root) is None


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError(5, "Input/output error"), True),
        (RasterioIOError("read failed"), True),
        (ReadError("B4.tif: read failed"), True),
        (FileNotFoundError("B4.tif"), False),
        (NotADirectoryError("product"), False),
        (InputChangedError("B4.tif is gone"), False),
        (ProductError("no B4"), False),
        (FunctionError("a bug"), False),
        (ValueError("a bug"), False),
        (MemoryError(), False),
    ],
)
def test_only_input_and_output_is_tried_again(error: Exception, again: bool) -> None:
    assert is_transient(None, None, Failed(data=error)) is again  # type: ignore[arg-type]


def test_delays_grow() -> None:
    delays = RULES["retry_delay_seconds"]
    assert delays == sorted(delays)
    assert len(delays) == RULES["retries"]
