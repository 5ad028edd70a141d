"""How far a run is, read from the files in its output folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sitsflow.errors import OutputError
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import Plan, load_plan, load_tile
from sitsflow.request import STEPS
from sitsflow.run.jobs import TASKS, Job, all_jobs, is_done, selected_steps
from sitsflow.run.output_folder import RunMarker, in_use, read_marker
from sitsflow.run.previous_run import map_before
from sitsflow.run.status import JobStatus, load_status

_ENDED = ("failed", "not run")


@dataclass(frozen=True)
class RunSummary:
    """How far a run is. `done` and `total` count the jobs of each step that was asked for."""

    paths: OutputPaths
    marker: RunMarker
    running: bool
    tiles: tuple[str, ...]
    total: Mapping[str, int] = field(default_factory=dict)
    done: Mapping[str, int] = field(default_factory=dict)
    others: tuple[JobStatus, ...] = ()
    """Jobs that run, failed, or could not run."""

    @property
    def complete(self) -> bool:
        """Whether all that the last run was asked for is there."""
        return sum(self.done.values()) == sum(self.total.values()) > 0

    def text(self) -> str:
        """Return it as lines to read."""
        lines = [f"{self.paths.root}: {self._how()}", f"tiles: {' '.join(self.tiles)}", ""]
        for task, (_, title) in zip(TASKS, STEPS, strict=True):
            if task in self.total:
                lines.append(f"{self.done[task]:>6} of {self.total[task]:<6} {title}")
        for state in ("running", *_ENDED):
            found = [status for status in self.others if status.state == state]
            if found:
                lines += ["", f"{state}:", *(f"  {_line(self.paths, status)}" for status in found)]
        wanted = ("tile maps" if self.paths.mosaic == "none" else "map", "tasks", "logs")
        results = self.paths.results
        there = {name: results[name] for name in wanted if name in results}
        if (before := map_before(self.paths)).exists():
            there["the map before"] = before
        width = max(map(len, there), default=0) + 2
        lines += ["", *(f"{name + ':':<{width}}{path}" for name, path in there.items())]
        return "\n".join(lines)

    def _how(self) -> str:
        began = f"the run of {self.marker.started.astimezone():%Y-%m-%d %H:%M}"
        if self.running:
            return f"{began} is still running"
        if self.complete:
            return f"{began} is complete"
        if any(status.state == "failed" for status in self.others):
            return f"{began} failed in part; run the same command again to resume it"
        return f"{began} is not complete; run the same command again to resume it"


def summarize(output_path: Path) -> RunSummary:
    """Return where the last run in `output_path` stands.

    Raises
    ------
    OutputError
        If no run made the folder, or another version of sitsflow did.
    """
    root = output_path.absolute()
    marker = require_marker(OutputPaths(root))
    plan = load_plan(root)
    paths = plan.paths
    tiles = {name: load_tile(root, name) for name in plan.tile_names}
    running = in_use(paths)
    steps = selected_steps(plan)
    jobs = [job for job in all_jobs(plan, tiles) if job.step in steps]
    total = {task: sum(job.task == task for job in jobs) for task in TASKS}
    left = [job for job in jobs if not is_done(job, plan, tiles)]
    return RunSummary(
        paths=paths,
        marker=marker,
        running=running,
        tiles=plan.tile_names,
        total={task: count for task, count in total.items() if count},
        done={task: count - sum(job.task == task for job in left) for task, count in total.items()},
        others=tuple(_others(left, plan, running=running)),
    )


def require_marker(paths: OutputPaths) -> RunMarker:
    """Return the marker of a folder that a run made; refuse any other folder."""
    marker = read_marker(paths)
    if marker is None:
        what = (
            "no such folder" if not paths.root.exists() else "no run of sitsflow made this folder"
        )
        raise OutputError(
            f"{paths.root}: {what} ({paths.marker.relative_to(paths.root)} is missing)"
        )
    return marker


def _others(left: list[Job], plan: Plan, *, running: bool) -> list[JobStatus]:
    found = []
    for job in left:
        status = load_status(plan.paths, job.name)
        if status is None:
            continue
        if status.state in _ENDED or (running and status.state == "running"):
            found.append(status)
    return found


def _line(paths: OutputPaths, status: JobStatus) -> str:
    why = f": {status.message}" if status.message else ""
    log = f" ({status.log})" if status.log and (paths.root / status.log).exists() else ""
    return f"{status.title}{why}{log}"
