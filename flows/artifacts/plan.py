"""The plan as a page: what the run will do, before it does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flows.artifacts.markdown import code, counted, first_line, plain, some_items, table
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.description import MOSAICS, as_data

_MOST_TILES = 200
_MOST_LABELS = 60
_MOST_LINES = 50
_MOST_LINE = 600


def plan_page(plan: Plan, tiles: Mapping[str, TilePlan]) -> tuple[str, str]:
    """Return the page, in Markdown, and one line for its card."""
    facts = as_data(plan, tiles)
    parts = [
        _summary(plan, facts),
        "### Steps\n\n" + "\n".join(_steps(facts)),
        "### Tiles\n\n" + _tiles(facts),
        "### Features\n\n" + _features(plan),
    ]
    if skipped := products_left_out(plan):
        parts.append("### Products left out\n\n" + some_items(skipped, _MOST_LINES))
    if notices := [plain(first_line(text, _MOST_LINE)) for text in plan.notices]:
        parts.append("### Notices\n\n" + some_items(notices, _MOST_LINES))
    chunks = sum(len(tile["chunks"]) for tile in facts["tiles"])
    card = (
        f"{counted(len(facts['tiles']), 'tile')}, {counted(chunks, 'chunk')}, "
        f"{counted(len(plan.labels), 'band')}, {facts['first_day']} to {facts['last_day']}"
    )
    return "\n\n".join(parts), card


def products_left_out(plan: Plan) -> list[str]:
    """Return a line, in Markdown, for each broken product that the plan leaves out."""
    return [
        f"{code(row.product.name)} ({row.tile}): {plain(first_line(row.reason, _MOST_LINE))}"
        for row in plan.skipped
    ]


def _summary(plan: Plan, facts: dict[str, Any]) -> str:
    grid = plan.mosaic_grid
    return "\n".join(
        (
            f"- **Output**: {plain(facts['output_path'])}",
            f"- **Map**: {grid.width:,} x {grid.height:,} pixels of {grid.xres:g} x "
            f"{grid.yres:g} in {plain(grid.crs)}{MOSAICS[plan.request.mosaic]}",
            f"- **Memory**: about {plan.chunk_ram_gb:.2g} GB a chunk",
            f"- **Reads** about {plan.bytes_to_read / 1e9:.2g} GB, **writes** about "
            f"{plan.bytes_to_write / 1e9:.2g} GB",
            f"- **Version**: sitsflow {plan.version}, configuration {code(plan.fingerprint[:12])}",
        )
    )


def _steps(facts: dict[str, Any]) -> Iterator[str]:
    for step in facts["steps"]:
        title = plain(step["title"])
        line = f"{step['number']}. {title}"
        yield line if step["selected"] else f"{step['number']}. *{title}: not asked for*"


def _tiles(facts: dict[str, Any]) -> str:
    rows = [row for tile in facts["tiles"][:_MOST_TILES] for row in _tile(tile)]
    columns = ("tile", "pixels", "chunks", "sensor", "products", "dates", "bands read")
    more = len(facts["tiles"]) - _MOST_TILES
    return table(columns, rows) + (f"\n\nand {more} more tiles" if more > 0 else "")


def _tile(tile: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    grid = tile["grid"]
    size = f"{grid['width']:,} x {grid['height']:,}"
    head = (tile["tile"], size, str(len(tile["chunks"])))
    for series in tile["series"]:
        days = series["dates"]
        span = f"{days[0]} to {days[-1]}" if days else "none"
        read = ", ".join(series["bands_read"]) or "none"
        yield (*head, plain(series["sensor"]), str(len(days)), span, plain(read))
        head = ("", "", "")


def _features(plan: Plan) -> str:
    items = [f"{code(one.name)}: {_named(one.labels)}" for one in plan.functions]
    native = len(plan.labels) - sum(len(one.labels) for one in plan.functions)
    if native:
        items.insert(0, f"{counted(native, 'native band')}: {_named(plan.labels[:native])}")
    return some_items(items, _MOST_LINES)


def _named(labels: tuple[str, ...]) -> str:
    shown = ", ".join(plain(label) for label in labels[:_MOST_LABELS])
    more = len(labels) - _MOST_LABELS
    return f"{shown} and {more} more" if more > 0 else shown
