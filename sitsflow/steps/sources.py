"""What a tile's chunks read, in words: for their logs."""

from __future__ import annotations

from collections.abc import Iterator

from sitsflow.dates import stamp
from sitsflow.plan import SeriesPlan, TilePlan


def sources_text(tile_plan: TilePlan) -> str:
    """Return which bands and masks are read of which products, a line a product."""
    lines = [line for series in tile_plan.series if series.read for line in _lines(series)]
    return "\n".join(lines) or "reads no product"


def _lines(series: SeriesPlan) -> Iterator[str]:
    if not series.sensor.dated:
        files = dict.fromkeys(str(series.scenes[0].bands[band].path) for band in series.read)
        yield "\n".join((f"reads {', '.join(series.read)} of", *files))
        return
    masks = ", ".join(mask.name for mask in series.sensor.masks)
    folders = list(dict.fromkeys(str(scene.product.parent) for scene in series.scenes))
    yield (
        f"reads {', '.join(series.read)} and masks {masks} of {len(series.scenes)} products of "
        f"{series.sensor.label}, {stamp(series.days[0])} to {stamp(series.days[-1])}, in "
        f"{', '.join(folders)}:"
    )
    for scene in series.scenes:
        day, name = stamp(scene.day), scene.product.name
        yield name if day in name else f"{day} {name}"
