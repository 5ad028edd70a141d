"""One log file a job: what the science says, what it used, and the traceback if it fails."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prefect import runtime
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

from sitsflow.errors import OutputError, SitsflowError
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import load_plan
from sitsflow.run.jobs import Job
from sitsflow.run.peak_memory import peak_mb, reset_peak
from sitsflow.run.remedies import remedy_of
from sitsflow.run.status import JobStatus, save_status

_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


@dataclass
class Usage:
    """What the work inside a `job_log` took; filled when it ends."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_mb: float = 0.0


@contextlib.contextmanager
def job_log(paths: OutputPaths, job: Job, attempt: int = 1) -> Iterator[Usage]:
    """Send the science's log records to the job's file and to Prefect, and keep its status.

    The first attempt begins the file, and those that follow are added to it.

    Yields
    ------
    Usage
        Filled on leaving, also where the work failed.
    """
    path = job.log(paths)
    path.parent.mkdir(parents=True, exist_ok=True)
    status = JobStatus(
        title=job.title,
        state="running",
        attempt=attempt,
        start=datetime.now().astimezone(),
        log=path.relative_to(paths.root).as_posix(),
        task_run=task_run(),
    )
    save_status(paths, job.name, status)
    usage = Usage()
    with _handlers(path, "w" if attempt == 1 else "a", _level(paths)) as log:
        title = job.title if attempt == 1 else f"{job.title} (attempt {attempt})"
        log.info("%s begins (process %d)", title, os.getpid())
        try:
            with _measured(usage):
                yield usage
        except BaseException as error:
            # The file is read without Prefect: everything must be in it.
            log.exception("%s failed after %.1f s", job.title, usage.seconds)
            failed = _ended(status, usage, "failed", cause(error))
            save_status(paths, job.name, failed.model_copy(update={"remedy": remedy_of(error)}))
            raise
        log.info(
            "%s done in %.1f s, %.1f s of CPU, peak RAM %.0f MB",
            job.title, usage.seconds, usage.cpu_seconds, usage.peak_rss_mb,
        )  # fmt: skip
    save_status(paths, job.name, _ended(status, usage, "done", ""))


def cause(error: BaseException) -> str:
    """Return one readable paragraph: the message of our own errors, the type of others too."""
    text = str(error).strip()
    if isinstance(error, SitsflowError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _level(paths: OutputPaths) -> str:
    """Return the `chain.logger_level` of the run."""
    try:
        return load_plan(paths.root).request.logger_level
    except OutputError:  # what the job itself says of it must be in its log
        return "INFO"


def task_run() -> str:
    """Return what Prefect calls the task run under way, nothing outside of one."""
    return str(runtime.task_run.id or "")


def _ended(status: JobStatus, usage: Usage, state: str, message: str) -> JobStatus:
    return status.model_copy(
        update={
            "state": state,
            "seconds": usage.seconds,
            "peak_rss_mb": usage.peak_rss_mb,
            "message": message,
        }
    )


@contextlib.contextmanager
def _handlers(path: Path, mode: str, wanted: str) -> Iterator[logging.Logger]:
    science = logging.getLogger("sitsflow")
    to_file = logging.FileHandler(path, mode=mode, encoding="utf-8")
    to_file.setFormatter(logging.Formatter(_FORMAT))
    handlers: list[logging.Handler] = [to_file, _ToPrefect()]
    # A worker with several threads runs several jobs: each log takes its own thread's records.
    mine = threading.get_ident()
    for handler in handlers:
        handler.addFilter(lambda record: record.thread == mine)
        science.addHandler(handler)
    level, propagate = science.level, science.propagate
    science.setLevel(wanted)
    # Prefect's run logger shows on the console what the root logger would show again.
    science.propagate = False
    try:
        yield science
    finally:
        science.setLevel(level)
        science.propagate = propagate
        for handler in handlers:
            science.removeHandler(handler)
            handler.close()


class _ToPrefect(logging.Handler):
    """Repeat a record in the log of the current task run, if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        text, trace = record.getMessage(), record.exc_info
        if trace and trace[1] is not None:
            text = f"{text}: {cause(trace[1])}"
            # Where no retry is tried Prefect gives no traceback. Our own errors need none.
            trace = None if isinstance(trace[1], SitsflowError) else trace
        with contextlib.suppress(MissingContextError):
            get_run_logger().log(record.levelno, "%s", text, exc_info=trace)


@contextlib.contextmanager
def _measured(usage: Usage) -> Iterator[None]:
    reset_peak()
    begin, cpu_begin = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        usage.seconds = time.perf_counter() - begin
        usage.cpu_seconds = time.process_time() - cpu_begin
        usage.peak_rss_mb = peak_mb()
