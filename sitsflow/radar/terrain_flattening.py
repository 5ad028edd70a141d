"""Backscatter without the effect of slopes: gamma nought of the ground that each pixel shows.

Area projection of D. Small, "Flattening Gamma: Radiometric Terrain Correction for SAR Imagery",
IEEE TGRS 49 (8), 2011, doi:10.1109/TGRS.2011.2120616: all facets of the ground that fall into a
pixel of the image are added up as seen along the line of sight; beta nought, the power over the
pixel's own area, is divided by that sum.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import GridError
from sitsflow.geo.coordinates import Coordinates
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import resample
from sitsflow.radar.ellipsoid import map_coordinates
from sitsflow.radar.flattening_kernels import accumulate_facets, mark_distortions
from sitsflow.radar.geocoding import ImageGeometry, source_window

Floats = NDArray[np.float64]

_PARTS = 3  # of a facet along each side: fewer leave ripples on slopes that face away
_FEWEST = 4  # pixels of margin
_STEEPEST = math.tan(math.radians(29.0))  # of incidence, at the near edge of an IW image
_LEAST = 0.05  # of a pixel's own area: less is shadow


class Flattening(NamedTuple):
    """What flattens one window of a map.

    Attributes
    ----------
    factor : ndarray of float32, shape (row, col)
        Gamma nought of the ground is beta nought times this; NaN in shadow, and where the image
        does not reach.
    layover, shadow : ndarray of bool, shape (row, col)
        Pixels that share their slant range with other ground, and those that the satellite does
        not see.
    """

    factor: NDArray[np.float32]
    layover: NDArray[np.bool_]
    shadow: NDArray[np.bool_]


def flattening_margin(grid: Grid, low: float, high: float) -> int:
    """Return how many pixels around a window may fall into its part of the image.

    `low` and `high` are the least and the greatest height around it, metres. Layover displaces
    by height over the tangent of the incidence angle; cast shadows reach less far in relief that
    this bounds, as long as the incidence angle stays below 45 degrees.
    """
    return math.ceil((high - low) / _STEEPEST / min(grid.xres, grid.yres)) + _FEWEST


def flatten(
    geometry: ImageGeometry, grid: Grid, window: Window, heights: NDArray[np.float32], margin: int
) -> Flattening:
    """Compute what flattens one window of a map, and what is distorted there.

    Parameters
    ----------
    geometry : ImageGeometry
    grid : Grid
        The whole map, in metres.
    window : Window
        The pixels wanted, in `grid`.
    heights : ndarray of float32, shape (row + 2 margin, col + 2 margin)
        Metres above the ellipsoid, of the window and `margin` pixels on each side of it (which
        may lie outside the grid); finite.
    margin : int
        From `flattening_margin`, at least. With less, facets and shadows from outside are missed.

    Returns
    -------
    Flattening

    Raises
    ------
    GridError
        If the map is in degrees.
    """
    if grid.rasterio_crs.is_geographic:
        raise GridError(
            f"slopes cannot be measured on a map in degrees ({grid.system}): choose a projected "
            "system, such as UTM, or leave terrain flattening out"
        )
    around = window.grown(margin)
    level = np.ascontiguousarray(heights, np.float32)
    nodes, frame = geometry.nodes(grid, around)
    places = geometry.coordinates(grid, around, level)
    layover, shadow = np.empty((2, *around.shape), np.bool_)
    mark_distortions(level, frame, _views(geometry, grid, nodes), layover, shadow)
    inner = (slice(margin, margin + window.height), slice(margin, margin + window.width))
    wanted = Coordinates(
        np.ascontiguousarray(places.rows[inner]),
        np.ascontiguousarray(places.cols[inner]),
        *(1, 0, 0),
        *window.shape,
    )
    part = source_window(wanted, geometry.shape, 2)
    if part is None:
        none = np.full(window.shape, np.nan, np.float32)
        return Flattening(none, layover[inner], shadow[inner])
    area = np.zeros(part.shape)
    image = (geometry.annotation.line_interval, part.row, part.col, _PARTS)
    accumulate_facets(
        nodes, frame, level, (places.rows, places.cols), geometry.orbit, image, shadow, area
    )
    area /= geometry.pixel_areas(part)
    share = resample(area[None].astype(np.float32), None, None, wanted, part, "bilinear")[0]
    seen = (share > _LEAST) & ~shadow[inner]
    factor = np.full(window.shape, np.nan, np.float32)
    np.divide(1, share, out=factor, where=seen)
    return Flattening(factor, layover[inner], shadow[inner])


def _views(geometry: ImageGeometry, grid: Grid, nodes: Floats) -> Floats:
    """How the waves go over the map at nodes: see `mark_distortions`; shape (row, col, 4)."""
    points, normals = nodes[..., :3], nodes[..., 3:6]
    places, _, _ = geometry.annotation.orbit.at(nodes[..., 6])
    away = points - places
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    upwards = (away * normals).sum(axis=-1, keepdims=True)
    level = away - upwards * normals
    sine = np.linalg.norm(level, axis=-1)
    # One pixel of the map further, along the ground.
    metres = min(grid.xres, grid.yres)
    ends = points + metres * level / sine[..., None]
    start, end = (map_coordinates(grid.crs, place) for place in (points, ends))
    down, right = (start[1] - end[1]) / grid.yres, (end[0] - start[0]) / grid.xres
    return np.stack([down, right, np.full_like(sine, metres), sine / -upwards[..., 0]], axis=-1)
