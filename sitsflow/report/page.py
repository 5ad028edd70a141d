"""The page itself: what the other modules found, in one template."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from sitsflow.io.record import TaskRecord
from sitsflow.io.write import write_text
from sitsflow.plan import Plan, TilePlan
from sitsflow.report.curves import Chart, draw_samples
from sitsflow.report.features import COLUMNS, choose, features_of, in_order
from sitsflow.report.heading import heading_of
from sitsflow.report.notes import notes_of
from sitsflow.report.pixels import MapOverview, read_overview
from sitsflow.report.samples import Quantity, quantity_of, take_samples
from sitsflow.report.sources import digest_in, digest_of_sources
from sitsflow.report.timeline import timeline_of
from sitsflow.report.work import Outcome, costs_of, failures_of, missing_of, outcomes_of


def write_report(plan: Plan, tile_plans: Mapping[str, TilePlan], path: Path) -> Path:
    """Write the report of a run as it stands: one HTML file, whole or not at all.

    All comes from files: the map or the maps of tiles, decimated, the records and states of the
    jobs, and the products at a few pixels. What is not there is said, and no error. A report
    that was made of the same stays as it is.

    Parameters
    ----------
    plan : Plan
        The run, whose output directory holds what was made.
    tile_plans : mapping of str to TilePlan
        Each tile of the plan.
    path : Path
        The file to write, most often ``final/report.html``.

    Returns
    -------
    Path
        `path`.
    """
    tiles = {tile: tile_plans[tile] for tile in plan.tile_names}
    outcomes = outcomes_of(plan, tiles)
    information = _information(plan)
    told = [text for section in information for text in section]
    sources = digest_of_sources(
        plan, tiles, outcomes, *told, _read("report.html"), _read("style.css")
    )
    if digest_in(path) == sources:
        return path
    overview = read_overview(plan, tiles, in_order(plan))
    quantity = quantity_of(tiles[plan.tile_names[0]].series)
    charts, problems = _charts(plan, tiles, overview, quantity)
    features = {} if overview is None else features_of(plan, overview)
    write_text(
        path,
        _template().render(
            sources=sources,
            style=Markup(_read("style.css")),
            heading=heading_of(plan, tiles, outcomes),
            failures=failures_of(outcomes),
            missing=missing_of(plan, outcomes),
            overview=overview,
            features=sorted(features.values(), key=lambda one: not one.function),
            pictured=[features[band] for band in choose(plan) if band in features],
            n_features=len(plan.labels),
            columns=COLUMNS,
            timeline=timeline_of(plan, tiles, _chunks(outcomes)),
            charts=charts,
            problems=problems,
            quantity=quantity,
            interpolation=_interpolation(plan, tiles, quantity),
            costs=costs_of(outcomes),
            notes=notes_of(plan, outcomes),
            information=information,
        ),
    )
    return path


def _interpolation(plan: Plan, tiles: Mapping[str, TilePlan], quantity: Quantity | None) -> str:
    """How the series of the charts were interpolated."""
    drawn = [
        one.interpolated_by(plan.request).text
        for tile in tiles.values()
        for one in tile.dated_series
        if quantity is not None and one.sensor.label in quantity.sensors
    ]
    return drawn[0] if drawn else ""


def _charts(
    plan: Plan,
    tiles: Mapping[str, TilePlan],
    overview: MapOverview | None,
    quantity: Quantity | None,
) -> tuple[list[Chart], list[str]]:
    if overview is None or quantity is None:
        return [], []
    samples, problems = take_samples(plan, tiles, overview, quantity)
    return draw_samples(samples, quantity.most), problems


def _chunks(outcomes: list[Outcome]) -> dict[str, list[TaskRecord]]:
    """Gather what the chunks of each tile said."""
    found: dict[str, list[TaskRecord]] = {}
    for one in outcomes:
        if one.job.task == "write_features" and one.record is not None:
            found.setdefault(one.job.tile, []).append(one.record)
    return found


def _information(plan: Plan) -> list[tuple[str, str]]:
    """Titles and texts of the run's versions and configuration."""
    path = plan.paths.logs / "run_informations.txt"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return [("Request", plan.request.model_dump_json(indent=2))]
    found: dict[str, list[str]] = {}
    title = ""
    wanted = {"[versions]": "Versions", "[notices]": "", "[configuration]": "Configuration"}
    for line in text.splitlines():
        if line in wanted and title != "Configuration":
            title = wanted[line]
        elif title:
            found.setdefault(title, []).append(line)
    return [(name, "\n".join(lines).strip()) for name, lines in found.items()]


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_read("report.html"))


def _read(name: str) -> str:
    return (files("sitsflow.report") / "templates" / name).read_text(encoding="utf-8")
