"""The state of each job of a run, kept as small files beside the records, and read as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import write_whole

State = Literal["waiting", "running", "done", "already there", "failed", "not run"]

_COLUMNS = ("task", "state", "start", "seconds", "peak RAM MB", "log")


class JobStatus(BaseModel):
    """Where one job stands."""

    model_config = ConfigDict(frozen=True)

    title: str
    state: State = "waiting"
    attempt: int = Field(default=1, description="from 1; more where memory ran out before")
    start: datetime | None = None
    seconds: float | None = None
    peak_rss_mb: float | None = None
    log: str = Field(default="", description="path relative to the output directory")
    message: str = Field(default="", description="why it failed or did not run")
    remedy: str = Field(default="", description="what can be done about its failure")
    task_run: str = Field(default="", description="what its engine calls its last attempt, if one")


def save_status(paths: OutputPaths, name: str, status: JobStatus) -> None:
    """Keep where the job called `name` stands."""
    write_whole(_path(paths, name), status.model_dump_json())


def forget_status(paths: OutputPaths, name: str) -> None:
    """Remove what was kept of the job called `name`."""
    _path(paths, name).unlink(missing_ok=True)


def load_status(paths: OutputPaths, name: str) -> JobStatus | None:
    """Return where the job called `name` stood last, None where it never began."""
    try:
        return JobStatus.model_validate_json(_path(paths, name).read_bytes())
    except (OSError, ValidationError):
        return None


def write_table(paths: OutputPaths, statuses: Mapping[str, JobStatus], heading: str) -> None:
    """Write the table of all jobs, a line each, to ``IOTA2_tasks_status.txt``.

    Parameters
    ----------
    statuses : mapping of str to JobStatus
        Status of each job, by its name, in the order of the table.
    heading : str
        First line: which run, and how it stands.
    """
    write_whole(paths.status, table(statuses.values(), heading))


def table(statuses: Iterable[JobStatus], heading: str) -> str:
    """Return a text table of `statuses` below `heading`, columns aligned."""
    rows = [_COLUMNS, *(_row(status) for status in statuses)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([heading, "", *lines, ""])


def counts(statuses: Iterable[JobStatus]) -> dict[str, int]:
    """Return how many jobs stand in each state that occurs."""
    found: dict[str, int] = {}
    for status in statuses:
        found[status.state] = found.get(status.state, 0) + 1
    return found


def _row(status: JobStatus) -> tuple[str, ...]:
    start = "" if status.start is None else status.start.isoformat(" ", "seconds")
    seconds = "" if status.seconds is None else f"{status.seconds:.1f}"
    memory = "" if status.peak_rss_mb is None else f"{status.peak_rss_mb:.0f}"
    again = f" (attempt {status.attempt})" if status.attempt > 1 else ""
    return status.title + again, status.state, start, seconds, memory, status.log


def _path(paths: OutputPaths, name: str) -> Path:
    return paths.state / "states" / f"{name}.json"
