"""The plan of a run as a page of the Prefect UI; nothing is computed."""

from __future__ import annotations

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from blocks import run_form as form
from flows.artifacts.plan import plan_page
from flows.artifacts.writer import key_of
from flows.expected_end import expected_ends
from flows.filled_form import resolve_form
from flows.planned_run import plan_run
from flows.ui_pages import begin_run, name_run


# By the same name: its runs stand beside those that make the map.
@flow(name="features-map", validate_parameters=False, persist_result=False)
@expected_ends
def check(
    config: form.Config,
    tiles: form.Tiles = "",
    first_date: form.FirstDate = "",
    last_date: form.LastDate = "",
    resolution: form.PixelSize = form.NOT_GIVEN,
    area_of_interest: form.AreaOfInterest = "",
    functions: form.Functions = "",
    output_path: form.OutputPath = "",
    overrides: form.AnyKeys = form.NO_KEYS,
) -> State[str]:
    """Validate a configuration and show the plan of its map; no pixel is read, nothing computed.

    The parameters are those of `flows.features_map.features_map`.
    """
    filled = form.RunForm(**locals())
    begin_run("check", config)
    resolved, _ = resolve_form(filled)
    planned = plan_run(resolved)
    name_run(f"check {planned.makes}")
    for text in planned.sentences():
        get_run_logger().info(text)
    root = planned.plan.paths.root
    page, card = plan_page(planned.plan, planned.tiles)
    create_markdown_artifact(page, key=key_of("plan", root), description=card)
    left = len(planned.left())
    message = f"{card}: {left} of {len(planned.jobs)} tasks are to do, in {root}"
    return Completed(message=message, data=str(root))
