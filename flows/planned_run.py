"""A run that is decided: its configuration resolved once, its plan made once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from blocks.cluster import DaskCluster
from blocks.resolve import ResolvedConfig
from flows.resources import Resources, most_ram
from sitsflow.plan import Plan, TilePlan
from sitsflow.planning.planner import make_plan
from sitsflow.run.jobs import Job, is_done, ram_gb, refuse_missing, selected_jobs
from sitsflow.run.output_folder import check_output_folder

_SHOWN = 4


@dataclass(frozen=True)
class PlannedRun:
    """What a run does, whoever asks for it: the command line, a form, a schedule."""

    resolved: ResolvedConfig
    plan: Plan
    tiles: dict[str, TilePlan]
    jobs: list[Job] = field(repr=False)

    @property
    def title(self) -> str:
        """What the run does, for its name."""
        return f"features_map {self.makes}"

    @property
    def makes(self) -> str:
        """What the run makes: tiles and output folder."""
        names = self.plan.tile_names
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"{','.join(names[:_SHOWN])}{more} -> {self.plan.paths.root.name}"

    @property
    def remove(self) -> bool:
        """Whether a finished run of another configuration in the folder is to be removed."""
        return self.resolved.configuration.chain.remove_output_path

    def left(self) -> list[Job]:
        """Return the jobs that are still to be done."""
        return [job for job in self.jobs if not is_done(job, self.plan, self.tiles)]

    def most_wanted(self) -> dict[str, Resources]:
        """Return the most that jobs still to be done ask for, by the name of their task."""
        return most_wanted(self.left(), self.plan)

    def sentences(self) -> list[str]:
        """Return what the user should know before the run begins."""
        left_out = [f"WARNING, broken product left out: {one.reason}" for one in self.plan.skipped]
        return [*self.resolved.notices, *self.plan.notices, *left_out]

    def check(self, cluster: DaskCluster, *, fresh: bool) -> None:
        """Refuse what cannot work, before anything is started, written or removed for it.

        Raises
        ------
        OutputError
            If the output folder is not ours, is in use, or lacks what earlier steps make.
        ResourceError, ClusterError
            If the cluster cannot serve.
        """
        refuse_missing(self.plan, self.tiles)
        anew = check_output_folder(self.plan, remove=self.remove, fresh=fresh)
        if most := most_wanted(self.jobs if anew else self.left(), self.plan):
            cluster.check_usable(most_ram(most))


def plan_run(resolved: ResolvedConfig) -> PlannedRun:
    """Plan what a configuration asks for; no pixel is read, nothing is written.

    Raises
    ------
    SitsflowError
        Whatever would make the run fail later: products, functions, grids.
    """
    plan, tiles = make_plan(resolved.request())
    # With the plan, warnings of the configuration come to all that is written of the run.
    plan = plan.model_copy(update={"notices": (*resolved.warnings, *plan.notices)})
    return PlannedRun(resolved, plan, tiles, selected_jobs(plan, tiles))


def most_wanted(jobs: Iterable[Job], plan: Plan) -> dict[str, Resources]:
    """Return the most that jobs ask for, by the name of their task."""
    most: dict[str, Resources] = {}
    for job in jobs:
        wanted = Resources(ram_gb(job, plan))
        if job.task not in most or wanted.ram_gb > most[job.task].ram_gb:
            most[job.task] = wanted
    return most
