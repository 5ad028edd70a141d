"""What a finished job read of its input files, kept for the plans of later runs."""

from __future__ import annotations

from pathlib import Path

from sitsflow.io.read_digests import KeptRead, ReadDigests, keep_reads
from sitsflow.io.record import load_record
from sitsflow.plan import Plan, TilePlan, load_tile
from sitsflow.run.jobs import Job, dependencies


def keep_inputs(job: Job, plan: Plan, digests: ReadDigests) -> tuple[Path, ...]:
    """Keep what `job` read, and return the input files that its fingerprint leaves out.

    These are read late: a function asked for a band on some pixels that it did not ask for when
    it was tried. A map has those of the chunks, or tiles, that it is made of.
    """
    if not job.tile:
        return _late_inputs(plan, [Job("merge_tile", tile) for tile in plan.tile_names])
    tile = load_tile(plan.paths.root, job.tile)
    if job.task == "merge_tile":
        chunks = range(len(tile.chunks))
        return _late_inputs(plan, [Job("write_features", job.tile, index) for index in chunks])
    return _keep(job, plan, tile, digests)


def _keep(job: Job, plan: Plan, tile: TilePlan, digests: ReadDigests) -> tuple[Path, ...]:
    names = {file.path: name for name, file in tile.files.items()}
    found = digests.by_file()
    reads = [
        KeptRead(name=names[path], content=tile.files[names[path]].content, **dict(read))
        for path, read in found.items()
        if path in names
    ]
    if reads:
        contents = {name: file.content for name, file in tile.files.items()}
        keep_reads(plan.paths.reads(job.tile) / f"{job.name}.json.gz", reads, contents)
    foreseen = set(dependencies(job, tile).files)
    return tuple(path for path in found if names.get(path) not in foreseen)


def _late_inputs(plan: Plan, jobs: list[Job]) -> tuple[Path, ...]:
    records = (load_record(job.record(plan.paths), plan.paths.root) for job in jobs)
    late = (path for record in records if record is not None for path in record.late_inputs)
    return tuple(dict.fromkeys(late))
