"""Where the pixels of a window lie, in the words of CF and of rioxarray."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from pyproj import CRS

from sitsflow.geo.grid import Grid, Window

SPATIAL_REF = "spatial_ref"
"""The coordinate that holds the reference system: rioxarray's name for it."""


def map_coordinates(grid: Grid, window: Window) -> dict[str, xarray.Variable]:
    """Return ``y``, ``x`` (pixel centres) and ``spatial_ref`` of a window of a grid.

    All windows of one grid have the same numbers at the same pixel, so that xarray aligns them:
    they are counted from the grid's corner, not from the window's.

    References
    ----------
    CF Conventions 1.11, sections 4 and 5.6; ``GeoTransform`` is GDAL's, which rioxarray reads.
    """
    rows = np.arange(window.row, window.row + window.height)
    cols = np.arange(window.col, window.col + window.width)
    crs = CRS.from_user_input(grid.crs)
    axes = {one["axis"].lower(): one for one in crs.cs_to_cf() if "axis" in one}
    return {
        "y": xarray.Variable("y", grid.y - (rows + 0.5) * grid.yres, axes.get("y", {})),
        "x": xarray.Variable("x", grid.x + (cols + 0.5) * grid.xres, axes.get("x", {})),
        SPATIAL_REF: xarray.Variable((), 0, _reference(crs, grid.part(window))),
    }


def _reference(crs: CRS, part: Grid) -> dict[str, Any]:
    corner = (part.x, part.xres, 0.0, part.y, 0.0, -part.yres)
    return {
        **crs.to_cf(),
        "spatial_ref": crs.to_wkt(),
        "GeoTransform": " ".join(map(repr, corner)),
    }
