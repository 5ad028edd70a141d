"""Whether a grid stays in one piece in another reference system, or the system's edge cuts it."""

from __future__ import annotations

import numpy as np
from pyproj import Transformer

from sitsflow.errors import GridError
from sitsflow.geo.grid import Grid

_POINTS = 65
# A tile of 100 km is nowhere stretched that much from one of its points to the next, unless the
# next lies at the other edge of the system: 360 degrees, or 40,000 km, away.
_JUMP = 50


def refuse_cut(grid: Grid, crs: str) -> None:
    """Refuse a system whose edge runs through `grid`: its bounds there would be the whole world.

    For most systems in degrees, and for Mercator's, that edge is the meridian of 180 degrees.

    Raises
    ------
    GridError
        If neighbouring points of the grid lie far from each other in `crs`.
    """
    west, south, east, north = grid.bounds
    xs, ys = np.meshgrid(np.linspace(west, east, _POINTS), np.linspace(north, south, _POINTS))
    to_target = Transformer.from_crs(grid.crs, crs, always_xy=True)
    places = np.stack(to_target.transform(xs, ys))
    if not np.isfinite(places).all():
        return  # the caller refuses a grid that does not transform
    for axis in (1, 2):
        steps = np.hypot(*np.diff(places, axis=axis))
        if steps.max() > _JUMP * np.median(steps):
            raise GridError(
                f"the edge of {crs} runs through it, as the meridian of 180 degrees does in "
                "systems of degrees: it would be cut in two, at both ends of the world. Set "
                f"chain.proj to a system in which it is in one piece, such as {grid.crs}, that of "
                "its products"
            )
