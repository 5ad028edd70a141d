"""The same flow for a schedule: it runs only where products came since the last map."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from blocks import run_form as form
from blocks.overrides import Override
from flows.expected_end import expected_ends
from flows.features_map import make_map
from flows.filled_form import resolve_form
from flows.planned_run import plan_run
from flows.ui_pages import begin_run, name_run
from sitsflow.run.news import news
from sitsflow.run.output_folder import keep_plan

# What is made of the dates that were there already must stay.
_KEEP = Override("chain.remove_output_path", False, "remove_output_path", form.PARAMETERS)


# By the same name: runs stand beside those that were asked for.
@flow(name="features-map", validate_parameters=False, persist_result=False)
@expected_ends
def new_products(
    config: form.Config,
    tiles: form.Tiles = "",
    first_date: form.FirstDate = "",
    last_date: form.LastDate = "",
    resolution: form.PixelSize = form.NOT_GIVEN,
    area_of_interest: form.AreaOfInterest = "",
    functions: form.Functions = "",
    output_path: form.OutputPath = "",
    overrides: form.AnyKeys = form.NO_KEYS,
    cluster: form.Cluster = form.NOT_GIVEN,
) -> State[str]:
    """Make a feature map anew if there are new products, and only the part that they change.

    The parameters are those of `flows.features_map.features_map`; `chain.remove_output_path`
    counts as False, whatever they say.
    """
    filled = form.RunForm(**locals())
    begin_run("new_products", config)
    resolved, workers = resolve_form(filled, _KEEP)
    planned = plan_run(resolved)
    name_run(f"new_products {planned.makes}")
    plan, left = planned.plan, planned.left()
    if not left:
        keep_plan(plan, planned.tiles)
        message = (
            f"nothing new: {plan.paths.root} holds the map of all {len(plan.tile_names)} tiles"
        )
        return Completed(message=message, data=str(plan.paths.root))
    logger = get_run_logger()
    for name, tile in planned.tiles.items():
        logger.info("%s: %s", name, news(plan, tile))
    logger.info("%d of %d tasks are left to do", len(left), len(planned.jobs))
    return make_map(planned, workers)
