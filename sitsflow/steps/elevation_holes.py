"""Whether heights are missing under a chunk: what Sentinel-1 shows there lies elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from sitsflow.geo.grid import Window
from sitsflow.io.opening import reading
from sitsflow.plan import TilePlan
from sitsflow.radar.geocoded import elevation_of

WARNING = (
    "the elevation models of Sentinel-1 have no height for some pixels, which are taken to lie at "
    "sea level and are displaced where they do not: fill the holes, or add a model that has none"
)


def count_holes(tile_plan: TilePlan, windows: Iterable[Window]) -> int:
    """Return how many pixels of some windows of a tile have no height, 0 without Sentinel-1.

    Raises
    ------
    ReadError
        If a raster of heights cannot be read.
    """
    settings = next(
        (one.radar.settings for one in tile_plan.series if one.radar and one.read), None
    )
    if settings is None or not settings.dem:
        return 0
    model = elevation_of(settings)
    with reading():
        return sum(model.read(tile_plan.grid, window).holes for window in windows)
