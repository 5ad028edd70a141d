"""What all tasks share: when to try again, what is kept, and how one job is carried out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from sitsflow.io.paths import OutputPaths
from sitsflow.io.read_digests import digest_reads
from sitsflow.io.record import TaskRecord, is_current, load_record, save_record
from sitsflow.plan import Plan
from sitsflow.run.inputs import keep_inputs, unchanged_inputs
from sitsflow.run.jobs import Job
from sitsflow.run.promised import promised_plan, wait_for_parts
from tasks.logs import job_log, task_run

Work = Callable[[Plan], TaskRecord]

# What is not there does not come back by waiting.
_LASTING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)

_log = logging.getLogger("sitsflow.job")  # below the logger whose records a job's log keeps


def is_transient(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a task failed for a reason that may pass: an input or output error.

    Of our own errors that is `ReadError`. All others fail the same way the second time, also what
    a user's function raises, which comes as a `FunctionError`.
    """
    error = state.data if isinstance(state.data, BaseException) else _raised(state)
    return isinstance(error, OSError) and not isinstance(error, _LASTING)


def _raised(state: State[Any]) -> object:
    return state.result(raise_on_failure=False)


# Prefect's own cache hashes inputs and trusts a result even if its files are gone or changed; the
# records in the output directory know the files, and hold for any server.
RULES: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [2, 10, 30],
    "retry_condition_fn": is_transient,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


def carry_out(
    output_path: str, job: Job, fingerprint: str, work: Work, attempt: int = 1
) -> TaskRecord | State[TaskRecord]:
    """Do the work of `job` unless its files are there, log it, and record what it made.

    Parameters
    ----------
    output_path : str
        Output directory of a run whose plan has been saved.
    fingerprint : str
        Of all that the job's files depend on; kept in the record.
    work : callable
        Takes the plan, makes the files, and returns what it made.
    attempt : int
        From 1; more where earlier ones ran out of memory.

    Returns
    -------
    TaskRecord, or a state named Cached that holds the earlier record's place
        The record, with the costs measured around the work.
    """
    paths = OutputPaths(Path(output_path))
    if _was_carried_out(job, paths, fingerprint, attempt):
        return Completed(name="Cached", message="already there")
    with job_log(paths, job, attempt) as usage:
        plan = promised_plan(job, paths, fingerprint)
        with digest_reads() as reads, unchanged_inputs(job, plan, reads):
            wait_for_parts(job, paths)
            made = work(plan)
        late = keep_inputs(job, plan, reads)
        _log.info("wrote %s", ", ".join(os.path.relpath(path, paths.root) for path in made.outputs))
    record = made.model_copy(
        update={
            "task": job.name,
            "tile": job.tile,
            "fingerprint": fingerprint,
            "task_run": task_run(),
            "late_inputs": late,
            "seconds": usage.seconds,
            "cpu_seconds": usage.cpu_seconds,
            "peak_rss_mb": usage.peak_rss_mb,
        }
    )
    save_record(job.record(paths), record, paths.root)
    return record


def _was_carried_out(job: Job, paths: OutputPaths, fingerprint: str, attempt: int) -> bool:
    """Whether this run did the job already, as when its worker died just after that.

    The flow sends no job whose files it sees. What only this machine sees may be of an earlier
    run, and removed: a shared folder may show that late.
    """
    record = load_record(job.record(paths), paths.root)
    if record is None or (attempt == 1 and record.task_run != task_run()):
        return False
    return is_current(job.record(paths), fingerprint, paths.root)
