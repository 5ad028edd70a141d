"""What a job needs of the flow and of other jobs, which may have run on other machines.

Before a job is sent, its plan is written, and all jobs whose files it reads are done. A shared
folder may show that late: as missing files, or, which would make a wrong map, as those of an
earlier run. What was promised is known by fingerprints and records, so neither is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sitsflow.errors import OutputError
from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import lack_of
from sitsflow.io.shared_folder import WAIT_SECONDS, wait_while
from sitsflow.plan import Plan, TilePlan, load_plan, load_tile, saved_together
from sitsflow.run.jobs import Job, fingerprint, only_laid_out_otherwise


def promised_plan(job: Job, paths: OutputPaths, wanted: str) -> Plan:
    """Return the plan that `job` was sent for, as soon as it can be seen here.

    Parameters
    ----------
    wanted : str
        The job's fingerprint, which the flow took from its plan.

    Raises
    ------
    OutputError
        If it cannot be seen in time; with the file.
    """
    _wait(lambda: _lack_of_plan(job, paths, wanted))
    return load_plan(paths.root)


def wait_for_parts(job: Job, paths: OutputPaths) -> None:
    """Wait until the files that a merge puts together are as the jobs that made them left them.

    Raises
    ------
    OutputError
        If they are not in time; with one of the files.
    """
    if job.task in ("merge_tile", "mosaic"):
        _wait(lambda: _lack_of_parts(job, paths))


def lack_of_jobs(jobs: Iterable[Job], plan: Plan, tiles: Mapping[str, TilePlan]) -> str:
    """Say what cannot be seen here of the first job of some that should be done; nothing if all."""
    root = plan.paths.root
    lacks = (lack_of(job.record(plan.paths), fingerprint(job, plan, tiles), root) for job in jobs)
    return next(filter(None, lacks), "")


def unseen(lack: str) -> str:
    """Return what to say of a lack that waiting did not end."""
    return (
        f"{lack}; waited {WAIT_SECONDS:g} s for it: is the output folder the same on all machines, "
        "and does it show each what the others write?"
    )


def _wait(lacking: Callable[[], str]) -> None:
    if lack := wait_while(lacking):
        raise OutputError(unseen(lack))


def _lack_of_plan(job: Job, paths: OutputPaths, wanted: str) -> str:
    try:
        plan, tiles = _load(job, paths)
        is_it = all(saved_together(paths.root, tile) for tile in tiles)
    except (OutputError, OSError) as error:
        return str(error)
    if job.index is not None and job.index >= len(tiles[job.tile].chunks):
        is_it = False
    if not is_it or fingerprint(job, plan, tiles) != wanted:
        return f"{paths.plan} or a tile's plan beside it is not of the run that sent this job"
    return next((f"{path} is not there" for path in _code(plan) if not path.is_file()), "")


def _lack_of_parts(job: Job, paths: OutputPaths) -> str:
    plan, tiles = _load(job, paths)
    if not job.tile:
        return lack_of_jobs((Job("merge_tile", tile) for tile in tiles), plan, tiles)
    if only_laid_out_otherwise(job, plan, tiles):
        return ""
    chunks = range(len(tiles[job.tile].chunks))
    return lack_of_jobs((Job("write_features", job.tile, one) for one in chunks), plan, tiles)


def _load(job: Job, paths: OutputPaths) -> tuple[Plan, dict[str, TilePlan]]:
    plan = load_plan(paths.root)
    names = [job.tile] if job.tile else plan.tile_names
    return plan, {name: load_tile(paths.root, name) for name in names}


def _code(plan: Plan) -> list[Path]:
    """Return the files of the run's copy of the user's code."""
    if plan.code is None:
        return []
    return [plan.paths.code / plan.code.digest / file.name for file in plan.code.files]
