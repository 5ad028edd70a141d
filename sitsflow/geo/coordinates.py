"""Where the pixels of a target grid fall in a source grid, exactly and whatever the window.

Source coordinates are continuous rows and columns of the *whole* source grid, 0.0 being the centre
of its first pixel. They are transformed exactly at nodes, every `step` pixels of the *whole* target
grid, and interpolated between them: a pixel has the same coordinates, to the last bit, in every
window that holds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from sitsflow.geo.grid import Grid, Window

Floats = NDArray[np.float64]

# A bicubic surface through values 0 to 65535 climbs at most 3.75 x 65535 a pixel (rows and columns
# together), so this much misplacement costs less than 0.5 DN on the roughest 16-bit image.
_TOLERANCE = 2e-6
_LARGEST_STEP = 64
_SAMPLED_CELLS = 33
# Same-CRS coordinates are rounded here, 1.5e-8 pixel: the centre of a 20 m pixel lies on the corner
# of four 10 m ones, and rounding noise must not choose among them.
_AFFINE_UNIT = 2.0**-26


@dataclass(frozen=True)
class Coordinates:
    """Source coordinates of the pixels of one window of a target grid.

    With `step` 0 (same CRS) `rows` has shape (row,) and `cols` shape (col,), one value a pixel.
    Otherwise both have shape (node row, node col), `step` pixels apart; the window's first pixel
    lies `row` and `col` pixels (less than `step`) after the first node, and a pixel's coordinates
    are bilinear between the four nodes of its cell. Pixels of a cell with a node that is not
    finite lie outside the source.
    """

    rows: Floats
    cols: Floats
    step: int
    row: int
    col: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the target window."""
        return self.height, self.width

    @property
    def coincident(self) -> bool:
        """Whether every target pixel is a source pixel, so that nothing needs resampling."""
        return self.step == 0 and all(
            axis[0].is_integer() and bool((np.diff(axis) == 1).all())
            for axis in (self.rows, self.cols)
        )


@lru_cache(maxsize=64)
def _transformer(source_crs: str, target_crs: str) -> Transformer:
    return Transformer.from_crs(source_crs, target_crs, always_xy=True)


def _located(target: Grid, source: Grid, rows: Floats, cols: Floats) -> tuple[Floats, Floats]:
    """Source rows and columns of fractional target pixels, each transformed exactly."""
    xs = target.x + (cols + 0.5) * target.xres
    ys = target.y - (rows + 0.5) * target.yres
    xs, ys = _transformer(target.crs, source.crs).transform(xs, ys)
    return (source.y - ys) / source.yres - 0.5, (xs - source.x) / source.xres - 0.5


@lru_cache(maxsize=64)
def node_step(target: Grid, source: Grid) -> int:
    """Choose how far apart nodes may lie, once for a whole target grid.

    Edges of cells are checked as well as their middles: on a conformal projection the deviations
    along rows and columns cancel in the middle of a cell.

    Parameters
    ----------
    target, source : Grid
        Whole grids, not windows of them: every window must decide alike.

    Returns
    -------
    int
        The largest power of two up to 64 with which interpolated coordinates are within 2e-6
        source pixel of the exact ones; 1 where none is (every pixel exact); 0 where both grids
        share their CRS, which needs no nodes.
    """
    if target.rasterio_crs == source.rasterio_crs:
        return 0
    step = _LARGEST_STEP
    while step > 1 and not _deviation(target, source, step) < _TOLERANCE:
        step //= 2
    return step


def _deviation(target: Grid, source: Grid, step: int) -> float:
    """Largest error of interpolated coordinates on sampled cells, NaN where any is not finite."""
    tops, lefts = (
        step * np.unique(np.linspace(0, (size - 1) // step, _SAMPLED_CELLS).astype(np.int64))
        for size in target.shape
    )
    top, left = (grid.astype(np.float64) for grid in np.meshgrid(tops, lefts, indexing="ij"))

    def at(down: float, right: float) -> Floats:
        return np.stack(_located(target, source, top + down * step, left + right * step))

    corners = {(down, right): at(down, right) for down in (0, 1) for right in (0, 1)}
    upper = (corners[0, 0] + corners[0, 1]) / 2
    lower = (corners[1, 0] + corners[1, 1]) / 2
    left_edge = (corners[0, 0] + corners[1, 0]) / 2
    pairs = ((upper, (0, 0.5)), (left_edge, (0.5, 0)), ((upper + lower) / 2, (0.5, 0.5)))
    with np.errstate(invalid="ignore"):
        return max(
            (float(np.abs(guess - at(*place)).max()) for guess, place in pairs),
            key=lambda error: math.inf if math.isnan(error) else error,
        )


@lru_cache(maxsize=256)
def pixel_span(target: Grid, source: Grid) -> tuple[float, float]:
    """Return how many source pixels a pixel of `target` is high and wide, at most.

    Both are whole grids. In another CRS the distance in the source between neighbours is meant,
    the largest at nine places; (1, 1) where none of them transforms.
    """
    if target.rasterio_crs == source.rasterio_crs:
        return target.yres / source.yres, target.xres / source.xres
    rows, cols = np.meshgrid(*(np.linspace(0, size - 1, 3) for size in target.shape), indexing="ij")
    here = np.stack(_located(target, source, rows, cols))
    spans = []
    for down, right in ((1, 0), (0, 1)):
        there = np.stack(_located(target, source, rows + down, cols + right))
        with np.errstate(invalid="ignore"):
            distances = np.hypot(*(there - here))
        spans.append(float(max(distances[np.isfinite(distances)], default=1.0)))
    return spans[0], spans[1]


def _affine(target: Grid, window: Window, source: Grid) -> tuple[Floats, Floats]:
    """Source row of every row of a window, and source column of every column, in one CRS."""
    down = np.arange(window.row, window.row + window.height, dtype=np.float64)
    right = np.arange(window.col, window.col + window.width, dtype=np.float64)
    offset = target.offset_in(source)
    if offset is not None:
        return down + offset[0], right + offset[1]
    rows = (source.y - target.y + (down + 0.5) * target.yres) / source.yres - 0.5
    cols = (target.x - source.x + (right + 0.5) * target.xres) / source.xres - 0.5
    return np.round(rows / _AFFINE_UNIT) * _AFFINE_UNIT, np.round(
        cols / _AFFINE_UNIT
    ) * _AFFINE_UNIT


def source_coordinates(tile_grid: Grid, window: Window, source: Grid, step: int) -> Coordinates:
    """Locate the pixels of one window in a source grid.

    Parameters
    ----------
    tile_grid : Grid
        The whole target grid.
    window : Window
        The pixels wanted, in `tile_grid`.
    source : Grid
        The whole source grid.
    step : int
        From `node_step`; not used where both grids share their CRS.

    Returns
    -------
    Coordinates
        Float64 rows and columns of the whole source grid, 0.0 at the centre of its first pixel;
        infinite where a node does not transform.
    """
    if tile_grid.rasterio_crs == source.rasterio_crs:
        rows, cols = _affine(tile_grid, window, source)
        return Coordinates(rows, cols, 0, 0, 0, window.height, window.width)
    step = max(step, 1)
    last = 0 if step == 1 else 1
    first_row, first_col = window.row // step, window.col // step
    rows, cols = np.meshgrid(
        step * np.arange(first_row, (window.row + window.height - 1) // step + last + 1.0),
        step * np.arange(first_col, (window.col + window.width - 1) // step + last + 1.0),
        indexing="ij",
    )
    rows, cols = _located(tile_grid, source, rows, cols)
    row, col = window.row - first_row * step, window.col - first_col * step
    return Coordinates(rows, cols, step, row, col, window.height, window.width)


def source_window(
    tile_grid: Grid, window: Window, source: Grid, step: int, margin: int
) -> Window | None:
    """Find the pixels of a source that one window of a target needs.

    Parameters
    ----------
    tile_grid, window, source, step
        As in `source_coordinates`.
    margin : int
        Source pixels that the kernel reaches beyond the one that contains the target's centre:
        `sitsflow.geo.resampling.MARGINS`. Less changes the pixels along the edge of the window.
        Nothing is added where the grids coincide.

    Returns
    -------
    Window or None
        A window of `source`; None where the two do not meet.
    """
    coordinates = source_coordinates(tile_grid, window, source, step)
    margin = 0 if coordinates.coincident else margin
    return window_around(coordinates.rows, coordinates.cols, source.shape, margin)


def window_around(rows: Floats, cols: Floats, shape: tuple[int, int], margin: int) -> Window | None:
    """Return the window of a source of so many rows and columns that holds places in it.

    `rows` and `cols` are of any shapes; what is not finite does not count. `margin` pixels are
    added on every side, as far as the source goes; None where no place lies in it.
    """
    spans = []
    for values, size in zip((rows, cols), shape, strict=True):
        finite = values[np.isfinite(values)]
        if finite.size == 0:
            return None
        first = max(0, math.floor(finite.min() + 0.5) - margin)
        last = min(size - 1, math.floor(finite.max() + 0.5) + margin)
        if last < first:
            return None
        spans.append((first, last - first + 1))
    (row, height), (col, width) = spans
    return Window(row=row, col=col, height=height, width=width)
