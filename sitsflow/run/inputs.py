"""What jobs read of input files: as the run was planned, and kept for the plans of later runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sitsflow.errors import InputChangedError
from sitsflow.io.archives import file_on_disk
from sitsflow.io.read import Header, headers, holds_the_same
from sitsflow.io.read_digests import KeptRead, ReadDigests, keep_reads, load_reads
from sitsflow.io.record import load_record
from sitsflow.plan import InputFile, Plan, TilePlan, load_tile
from sitsflow.run.jobs import Job, dependencies

_MERGES = ("merge_tile", "mosaic")
_MOST_NAMED = 10


@contextmanager
def unchanged_inputs(job: Job, plan: Plan, digests: ReadDigests) -> Iterator[None]:
    """Refuse a job whose input files are not, at its end, those that the plan saw.

    What jobs read is compared after they read it: a file replaced at any moment is noticed. Merges
    read no product; before they begin, all files that their tiles are made of are compared once
    more. Where a job fails, its files are compared first, because a changed one explains it.

    Raises
    ------
    InputChangedError
        If a file is gone or has another size, or if it has another time of change and nothing
        proves that its pixels are those that were read before; it names all of them.
    """
    tiles = [job.tile] if job.tile else plan.tile_names
    planned = {tile: load_tile(plan.paths.root, tile) for tile in tiles}

    def compare_all() -> None:
        _refuse_changed(
            plan, {one: dependencies(job, part).files for one, part in planned.items()},
            planned, digests,
        )  # fmt: skip

    if job.task in _MERGES:
        compare_all()
    try:
        yield
    except Exception:
        compare_all()
        raise
    read = digests.by_file()
    names = {
        tile: [name for name, file in part.files.items() if file.path in read]
        for tile, part in planned.items()
    }
    _refuse_changed(plan, names, planned, digests)


def _refuse_changed(
    plan: Plan,
    names: Mapping[str, Collection[str]],
    planned: Mapping[str, TilePlan],
    digests: ReadDigests,
) -> None:
    faults: list[str] = []
    for tile, wanted in names.items():
        files = planned[tile].files
        states = {name: _state(files[name]) for name in wanted}
        faults += [f"{files[name].path}: {state}" for name, state in states.items() if state]
        touched = [name for name, state in states.items() if state is None]
        faults += _not_proven(plan, planned[tile], touched, digests)
    if faults:
        more = [f"and {len(faults) - _MOST_NAMED} more"] if len(faults) > _MOST_NAMED else []
        raise InputChangedError("\n".join([*faults[:_MOST_NAMED], *more]))


def _state(file: InputFile) -> str | None:
    """Say how a file changed, nothing if it did not; None if only its pixels can tell."""
    try:
        about = file_on_disk(file.path).stat()
    except OSError as error:
        return f"cannot be read ({error.strerror}); it was there when the run was planned"
    if about.st_size != file.size:
        return (
            f"was replaced during the run: it has {about.st_size} bytes, and had {file.size} when "
            "the run was planned"
        )
    return "" if about.st_mtime_ns == file.changed else None


def _not_proven(
    plan: Plan, tile: TilePlan, names: Collection[str], digests: ReadDigests
) -> Iterator[str]:
    """Yield a sentence for each file of which nothing proves that it is what the plan saw.

    The proof is that it lies where it did, and holds all that earlier jobs read of its content and
    that this one read.
    """
    if not names:
        return
    kept, own = load_reads(plan.paths.reads(tile.tile)), digests.by_file()
    for name in names:
        file = tile.files[name]
        before = kept.get((name, file.content), [])
        reads = [*before, own[file.path]] if file.path in own else before
        if before and _lies_there(tile, file.path):
            if all(holds_the_same(file.path, read) for read in reads):
                continue
            what = "its pixels are others"
        else:
            what = "what it held then is not known"
        yield (
            f"{file.path}: was replaced during the run: its time of change is not that of when "
            f"the run was planned, and {what}"
        )


def _lies_there(tile: TilePlan, path: Path) -> bool:
    """Whether a product's file still has the grid that the plan saw; true of other files."""
    found = [
        (one, series.grids[layer])
        for series in tile.series
        for scene in series.scenes
        for layer, one in scene.layers.items()
        if one.path == path
    ]
    if not found:
        return True
    header = headers(layer for layer, _ in found)[path]
    return isinstance(header, Header) and all(header.grid == grid for _, grid in found)


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
