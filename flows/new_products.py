"""The same flow for a schedule: it runs only where products came since the last map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from blocks.cluster import DaskCluster
from blocks.features_map import FeaturesMap
from blocks.override_form import OverrideForm
from blocks.overrides import apply_overrides
from blocks.resolve import resolve
from flows.features_map import NO_OVERRIDES, make_map
from flows.planned_run import plan_run
from sitsflow.dates import stamp
from sitsflow.errors import OutputError
from sitsflow.plan import Plan, TilePlan, load_tile
from sitsflow.run.output_folder import keep_plan

# What is made of the dates that were there already must stay.
_KEEP = {"chain.remove_output_path": False}


# By the same name: runs stand beside those that were asked for.
@flow(name="features-map", validate_parameters=True, persist_result=False)
def new_products(
    config: FeaturesMap,
    overrides: OverrideForm = NO_OVERRIDES,
    cluster: DaskCluster | None = None,
) -> State[str]:
    """Make a feature map anew if there are new products, and only the part that they change.

    Parameters
    ----------
    config : FeaturesMap
        A saved block, or its fields. Its `chain.remove_output_path` counts as False.
    overrides : OverrideForm
        Values that win over `config`, by section or by dotted key (``chain.spatial_resolution``).
    cluster : DaskCluster, optional
        Where the tasks run; this machine if none is given.
    """
    given = {**overrides.given(), **_KEEP}
    planned = plan_run(resolve(apply_overrides(config.raw(), given)))
    plan, left = planned.plan, planned.left()
    if not left:
        keep_plan(plan, planned.tiles)
        message = (
            f"nothing new: {plan.paths.root} holds the map of all {len(plan.tile_names)} tiles"
        )
        return Completed(message=message, data=str(plan.paths.root))
    logger = get_run_logger()
    for name, tile in planned.tiles.items():
        logger.info("%s: %s", name, _news(plan, tile))
    logger.info("%d of %d tasks are left to do", len(left), len(planned.jobs))
    return make_map(planned, cluster or DaskCluster())


def _news(plan: Plan, tile: TilePlan) -> str:
    """Say what is new in a tile against the plan kept in the output folder."""
    try:
        before = load_tile(plan.paths.root, tile.tile)
    except OutputError:
        return "no map yet"
    if before.fingerprint == tile.fingerprint:
        return "as it was"
    known, now = _scenes(before), _scenes(tile)
    new = sorted({now[product] for product in now.keys() - known.keys()})
    if new:
        return f"new dates {' '.join(map(stamp, new))}"
    if gone := known.keys() - now.keys():
        return f"{len(gone)} products less"
    # Dates of another tile may have moved the first or the last date of all.
    return "its products, its dates or the configuration changed"


def _scenes(tile: TilePlan) -> Mapping[Any, int]:
    return {
        (series.sensor.label, scene.product.name): scene.day
        for series in tile.series
        for scene in series.scenes
    }
