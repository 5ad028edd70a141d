"""Small runs carried out in this process, with the records and states that a report reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sitsflow.io.record import TaskRecord, save_record
from sitsflow.plan import Plan, TilePlan, save_plan
from sitsflow.run.information import write_run_information
from sitsflow.run.jobs import Job, all_jobs, fingerprint
from sitsflow.run.status import JobStatus, save_status
from sitsflow.steps.chunk import write_chunk
from sitsflow.steps.mosaic import merge_tile, mosaic_tiles
from sitsflow.steps.preprocess import prepare_tile

Work = Callable[[Plan, Mapping[str, TilePlan], Job], TaskRecord]


def carry_out(
    plan: Plan,
    tiles: Mapping[str, TilePlan],
    failing: Mapping[str, str] | None = None,
    work: Work | None = None,
) -> None:
    """Do the jobs of a plan; those `failing` (cause by name) fail, and what needs them waits."""
    save_plan(plan, tiles)
    write_run_information(plan, "chain:\n  list_tile: of the test\n")
    causes = failing or {}
    lost: set[str] = set()
    for job in all_jobs(plan, tiles):
        status = JobStatus(title=job.title, log=f"logs/{job.name}.out")
        if job.name in causes:
            lost.add(job.tile)
            status = status.model_copy(update={"state": "failed", "message": causes[job.name]})
        elif lost & {job.tile} or (lost and not job.tile):
            status = status.model_copy(update={"state": "not run", "message": "for want of it"})
        else:
            record = (work or _work)(plan, tiles, job)
            kept = record.model_copy(
                update={"task": job.name, "fingerprint": fingerprint(job, plan, tiles)}
            )
            save_record(job.record(plan.paths), kept, plan.paths.root)
            start = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
            status = status.model_copy(update={"state": "done", "start": start, "seconds": 2.0})
        save_status(plan.paths, job.name, status)


def _work(plan: Plan, tiles: Mapping[str, TilePlan], job: Job) -> TaskRecord:
    if job.task == "preprocess":
        return prepare_tile(plan, tiles[job.tile])
    if job.task == "write_features":
        assert job.index is not None
        return write_chunk(plan, tiles[job.tile], job.index)
    if job.task == "merge_tile":
        made = merge_tile(plan, tiles[job.tile]).path
        return TaskRecord(task=job.task, tile=job.tile, outputs=(made,))
    if job.task == "mosaic":
        return TaskRecord(task=job.task, outputs=(mosaic_tiles(plan, tiles).path,))
    return TaskRecord(task=job.task, tile=job.tile)
