"""A whole run in this process, job by job: no server, no cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sitsflow.plan import save_plan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Request
from sitsflow.run.jobs import Job, all_jobs, fingerprint, is_done
from tasks.common_mask import common_mask
from tasks.merge_tile import merge_tile
from tasks.mosaic import mosaic
from tasks.preprocess import preprocess
from tasks.write_features import write_features

TASKS: dict[str, Any] = {
    task.name: task.fn for task in (preprocess, common_mask, write_features, merge_tile, mosaic)
}


def run(
    request: Request, most: int | None = None, meanwhile: Callable[[int], None] | None = None
) -> list[Job]:
    """Carry out the jobs that are left, `most` of them if given; return those that were.

    `meanwhile` is called before each job, with the number of jobs that were carried out.
    """
    plan, tiles = make_plan(request)
    save_plan(plan, tiles)
    made = []
    for job in all_jobs(plan, tiles):
        if len(made) == most:
            break
        if is_done(job, plan, tiles):
            continue
        if meanwhile is not None:
            meanwhile(len(made))
        place = {"tile": job.tile, "index": job.index}
        given = {key: value for key, value in place.items() if value not in ("", None)}
        wanted = fingerprint(job, plan, tiles)
        TASKS[job.task](str(request.output_path), **given, fingerprint=wanted)
        made.append(job)
    return made


def files_of(root: Path) -> dict[str, bytes]:
    """Return all that a run made for its user, by path: not its logs, nor what it keeps itself."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] not in ("logs", ".sitsflow")
    }
