"""The pieces of work of a plan: one a tile or chunk and step, named as their files and logs are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sitsflow.digest import digest_text
from sitsflow.errors import OutputError
from sitsflow.geo.grid import Window
from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import is_current
from sitsflow.io.write import BLOCK
from sitsflow.plan import Dependencies, Plan, TilePlan
from sitsflow.request import GROUPS, STEPS

TASKS = ("preprocess", "common_mask", "write_features", "merge_tile", "mosaic")
"""Name of the task that does each step, in the order of the steps."""

_BLOCK_BYTES = 300  # of a block of the map: places and figures, its own and those of its tiles
_LIGHT_RAM_GB = 0.5  # of a task that moves blocks or reads one mask at a time


@dataclass(frozen=True)
class Job:
    """One piece of work. `tile` is empty for the mosaic, `index` None for a whole tile."""

    task: str
    tile: str = ""
    index: int | None = None

    @property
    def name(self) -> str:
        """Name in files: records, states."""
        parts = (self.task, self.tile) if self.tile else (self.task,)
        return "_".join(parts) + ("" if self.index is None else f"_chunk_{self.index}")

    @property
    def title(self) -> str:
        """Name for readers, e.g. ``write_features T31TCJ 3``."""
        parts = (self.task, self.tile, "" if self.index is None else str(self.index))
        return " ".join(part for part in parts if part)

    @property
    def step(self) -> int:
        """Number of the step, from 1."""
        return TASKS.index(self.task) + 1

    def log(self, paths: OutputPaths) -> Path:
        """Return the path of the job's log file in iota2's tree."""
        if self.task == "preprocess":
            return paths.log("sensorsPreprocess", f"preprocessing_{self.tile}")
        if self.task == "common_mask":
            return paths.log("CommonMasks", f"common_mask_{self.tile}")
        if self.task == "write_features":
            name = f"write_features_{self.tile}_chunk_{self.index}"
            return paths.log("write_features_map", name)
        if self.task == "merge_tile":
            return paths.log("merge_feat_maps_by_tiles", f"merge_{self.tile}")
        return paths.log("merge_feat_maps")

    def record(self, paths: OutputPaths) -> Path:
        """Return the path of the job's record."""
        return paths.record(self.name)


def selected_steps(plan: Plan) -> tuple[int, ...]:
    """Return the numbers of the steps between `first_step` and `last_step`, both included."""
    first = GROUPS.index(plan.request.first_step)
    last = GROUPS.index(plan.request.last_step)
    return tuple(
        number
        for number, (group, _) in enumerate(STEPS, start=1)
        if first <= GROUPS.index(group) <= last
    )


def all_jobs(plan: Plan, tiles: Mapping[str, TilePlan]) -> Iterator[Job]:
    """Yield every job of the steps, selected or not, step by step and tile by tile."""
    for task in TASKS[:-1]:
        for tile in plan.tile_names:
            if task == "write_features":
                for index in range(len(tiles[tile].chunks)):
                    yield Job(task, tile, index)
            else:
                yield Job(task, tile)
    yield Job(TASKS[-1])


def fingerprint(job: Job, plan: Plan, tiles: Mapping[str, TilePlan]) -> str:
    """Return what changes when the files of `job` must be made again.

    A tile's map does not depend on how the tile was cut; a chunk's file does.
    """
    if not job.tile:
        return digest_text(job.task, plan.map_fingerprint)
    if job.task == "merge_tile":
        return _of_tile_map(job, tiles, read=plan.request.tiles_are_read)
    tile = tiles[job.tile]
    step = dependencies(job, tile).fingerprint
    if job.index is None:
        return digest_text(job.task, step)
    return digest_text(job.task, step, _text(tile.chunks[job.index]))


def _of_tile_map(job: Job, tiles: Mapping[str, TilePlan], *, read: bool) -> str:
    """Return the fingerprint of a tile's map that is read as it is, or goes into another one."""
    step = tiles[job.tile].features.fingerprint
    return digest_text(job.task, step, *(["read"] if read else []))


def dependencies(job: Job, tile: TilePlan) -> Dependencies:
    """Return what the files of a tile's job depend on."""
    return {"preprocess": tile.preprocess, "common_mask": tile.common_mask}.get(
        job.task, tile.features
    )


def is_done(job: Job, plan: Plan, tiles: Mapping[str, TilePlan]) -> bool:
    """Whether nothing is left to do for `job`.

    A chunk's file is only a step to its tile's map: where that one is whole, the chunk is done.
    """
    wanted = fingerprint(job, plan, tiles)
    if is_current(job.record(plan.paths), wanted, plan.paths.root):
        return True
    if job.task != "write_features":
        return False
    merge = Job("merge_tile", job.tile)
    return is_done(merge, plan, tiles) or only_laid_out_otherwise(merge, plan, tiles)


def only_laid_out_otherwise(merge: Job, plan: Plan, tiles: Mapping[str, TilePlan]) -> bool:
    """Whether a tile's map is there as another `chain.mosaic` wants it: its pixels are right."""
    wanted = _of_tile_map(merge, tiles, read=not plan.request.tiles_are_read)
    return is_current(merge.record(plan.paths), wanted, plan.paths.root)


def selected_jobs(plan: Plan, tiles: Mapping[str, TilePlan]) -> list[Job]:
    """Return the jobs of the steps that the run was asked for."""
    steps = selected_steps(plan)
    return [job for job in all_jobs(plan, tiles) if job.step in steps]


def refuse_missing(plan: Plan, tiles: Mapping[str, TilePlan]) -> None:
    """Refuse to start with a step that needs what no earlier run has left.

    Raises
    ------
    OutputError
        With what is missing.
    """
    first = min(selected_steps(plan))
    before = (job for job in all_jobs(plan, tiles) if job.step == first - 1)
    missing = [job.title for job in before if not is_done(job, plan, tiles)]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise OutputError(
            f"chain.first_step is {plan.request.first_step}, but {plan.paths.root} lacks what "
            f"comes before, for this configuration: {shown}; run with chain.first_step: init"
        )


def ram_gb(job: Job, plan: Plan) -> float:
    """Estimate the peak memory of `job`, in GB."""
    if job.task == "write_features":
        return plan.chunk_ram_gb
    if job.task == "preprocess":
        return max(_LIGHT_RAM_GB, plan.cubes_ram_gb)
    return _LIGHT_RAM_GB + (_places_gb(plan) if job.task == "mosaic" else 0)


def _places_gb(plan: Plan) -> float:
    """Return the memory that the places and figures of all blocks of the map take."""
    rows, cols = (math.ceil(size / BLOCK) for size in plan.mosaic_grid.shape)
    return rows * cols * len(plan.labels) * _BLOCK_BYTES / 1e9


def _text(window: Window) -> str:
    return f"{window.row},{window.col},{window.height},{window.width}"
