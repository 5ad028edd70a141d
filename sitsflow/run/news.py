"""What is new in a tile since the plan that its output folder keeps."""

from __future__ import annotations

from collections.abc import Mapping

from sitsflow.dates import stamp
from sitsflow.errors import OutputError
from sitsflow.plan import Plan, TilePlan, load_tile


def news(plan: Plan, tile: TilePlan) -> str:
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


def _scenes(tile: TilePlan) -> Mapping[tuple[str, str], int]:
    return {
        (series.sensor.label, scene.product.name): scene.day
        for series in tile.series
        for scene in series.scenes
    }
