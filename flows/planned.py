"""A plan made before the flow begins: what is wrong is said at once, while the server starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from blocks.resolve import ResolvedConfig
from flows.former import refuse_missing
from sitsflow.plan import Plan, TilePlan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Request
from sitsflow.run.jobs import is_done, ram_gb, selected_jobs
from sitsflow.run.output_folder import check_output_folder


class Planned(NamedTuple):
    """What is to be done, and how."""

    request: Request
    plan: Plan
    tiles: dict[str, TilePlan]


_ahead: ContextVar[Planned | None] = ContextVar("planned", default=None)


@contextmanager
def planned_ahead(resolved: ResolvedConfig, *, fresh: bool) -> Iterator[None]:
    """Plan now, for a flow that runs within; refuse now what it would refuse.

    Raises
    ------
    SitsflowError
        If products, functions or the output directory are wrong.
    """
    request = resolved.request()
    planned = Planned(request, *make_plan(request))
    refuse_missing(planned.plan, planned.tiles)
    remove = resolved.configuration.chain.remove_output_path
    check_output_folder(planned.plan, remove=remove, fresh=fresh)
    token = _ahead.set(planned)
    try:
        yield
    finally:
        _ahead.reset(token)


def plan_of(request: Request) -> tuple[Plan, dict[str, TilePlan]]:
    """Return the plan of a request: the one made ahead, or a new one."""
    planned = _ahead.get()
    if planned is not None and planned.request == request:
        return planned.plan, planned.tiles
    return make_plan(request)


def largest_gb(plan: Plan, tiles: dict[str, TilePlan]) -> float:
    """Return the most memory that a task still to be done asks for, in GB; 0 if there is none."""
    jobs = selected_jobs(plan, tiles)
    left = (ram_gb(job, plan) for job in jobs if not is_done(job, plan, tiles))
    return max(left, default=0.0)
