"""Means of the source pixels under each pixel of a coarser grid, never mixing in invalid ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.averaging_kernels import average_boxes, average_samples
from sitsflow.geo.coordinates import node_step, pixel_span, source_coordinates, source_window
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import nearest

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_COARSER = 1.05  # native pixels that only another projection stretches are not coarser
_HALF = 0.5 - 1e-5  # of the area, but for what edges are rounded by
# Edges in one CRS are rounded here, a millionth of a pixel: rounding noise must not let a
# neighbour in that a pixel only touches.
_EDGE_UNIT = 2.0**-20
_FEWEST_SAMPLES = 4
_STRIP = 1 << 17  # values worked on at a time
_BLOCK = 256  # samples of a block in each direction: what they meet stays in the caches


def is_coarser(target: Grid, source: Grid) -> bool:
    """Whether pixels of `target` are at least 5 % higher or wider than those of `source`."""
    return max(pixel_span(target, source)) >= _COARSER


def samples_a_side(target: Grid, source: Grid) -> int:
    """Return how many samples a pixel of `target` has in each direction, of grids in two CRS.

    They lie at most two thirds of a source pixel apart: however the grids are turned, every source
    pixel under the target's is met.
    """
    return max(_FEWEST_SAMPLES, math.ceil(1.5 * max(pixel_span(target, source))) + 1)


class Footprints:
    """What lies in a source grid under each pixel of one window of a coarser grid.

    Where both grids share their CRS, the share of each source pixel under the target's is exact.
    Elsewhere it is sampled: a target pixel is cut in `samples_a_side` x `samples_a_side` parts, and
    each takes the source pixel that contains its centre.

    Parameters
    ----------
    tile_grid : Grid
        The whole target grid.
    window : Window
        The pixels wanted, in `tile_grid`.
    source : Grid
        The whole source grid.

    Attributes
    ----------
    window : Window or None
        The part of `source` under the wanted pixels; None where the two do not meet.
    """

    def __init__(self, tile_grid: Grid, window: Window, source: Grid) -> None:
        self._wanted, self._source = window, source
        self._side, self._fine = 0, tile_grid
        self._area = math.prod(pixel_span(tile_grid, source))
        if tile_grid.rasterio_crs == source.rasterio_crs:
            rows = np.arange(window.row, window.row + window.height + 1.0) * tile_grid.yres
            cols = np.arange(window.col, window.col + window.width + 1.0) * tile_grid.xres
            self._rows = _rounded((source.y - tile_grid.y + rows) / source.yres)
            self._cols = _rounded((tile_grid.x - source.x + cols) / source.xres)
            self.window = _between(self._rows, self._cols, source)
        else:
            self._side = samples_a_side(tile_grid, source)
            self._area = float(self._side**2)
            self._fine = tile_grid.subdivided(self._side, self._side)
            self._step = node_step(self._fine, source)
            self.window = source_window(
                self._fine, _times(window, self._side), source, self._step, margin=0
            )

    def mean(self, values: NDArray[Any], valid: Bools | None, nodata: float | None) -> Floats:
        """Return the mean of what is usable under each pixel, weighted by area; (layer, row, col).

        Parameters
        ----------
        values : ndarray of int16, uint16 or float32, shape (layer, source row, source col)
            Pixels of `window`; floats that are not finite are as nodata.
        valid : ndarray of bool, of the same shape, optional
            False where a pixel has no weight.
        nodata : float, optional
            Value of `values` that stands for none.

        Returns
        -------
        ndarray of float32, shape (layer, row, col)
            NaN where nothing is usable.
        """
        out = np.empty((len(values), *self._wanted.shape), np.float32)
        for rows, cols, part in self._parts(values, valid, nodata, 0.0):
            out[:, rows, cols] = part
        return out

    def covered(self, values: Bools) -> Bools:
        """Tell which pixels are True on at least half of their area; (layer, row, col).

        `values` are those of `window`, (layer, source row, source col). What lies outside the
        source is not.
        """
        out = np.empty((len(values), *self._wanted.shape), bool)
        for rows, cols, part in self._parts(values, None, None, self._area):
            out[:, rows, cols] = part >= _HALF
        return out

    def _parts(
        self, values: NDArray[Any], valid: Bools | None, nodata: float | None, area: float
    ) -> Iterator[tuple[slice, slice, Floats]]:
        """Compute some rows and columns at a time; yield their place and (layer, row, col)."""
        assert self.window is not None, "nothing was read"
        layers = np.ascontiguousarray(values)
        usable = np.empty((0, 0, 0), bool) if valid is None else np.ascontiguousarray(valid)
        none = np.float32(math.nan if nodata is None else nodata)
        height, width = self._wanted.shape
        if self._side:
            for rows, cols, box, samples in self._blocks:
                out = np.empty((len(layers), samples.shape[0], samples.shape[2]), np.float32)
                average_samples(layers, usable, none, samples, box, area, out)
                yield rows, cols, out
            return
        at, downs = _taps(self._rows, self.window.row, self.window.height)
        across, rights = _taps(self._cols, self.window.col, self.window.width)
        for rows in _cut(height, max(1, _STRIP // (width * max(1, len(layers))))):
            out = np.empty((len(layers), rows.stop - rows.start, width), np.float32)
            average_boxes(layers, usable, none, at[rows], downs[rows], across, rights, area, out)
            yield rows, slice(0, width), out

    @cached_property
    def _blocks(self) -> list[tuple[slice, slice, tuple[int, ...], NDArray[np.uint32]]]:
        """Places of samples, as `average_samples` takes them, once for all dates and bands."""
        assert self.window is not None
        count = math.prod(self.window.shape)
        numbers = np.arange(count, dtype=np.int32).reshape(1, *self.window.shape)
        found = []
        length = max(1, _BLOCK // self._side)
        for rows, cols in product(*(_cut(size, length) for size in self._wanted.shape)):
            part = Window(
                row=self._wanted.row + rows.start,
                col=self._wanted.col + cols.start,
                height=rows.stop - rows.start,
                width=cols.stop - cols.start,
            )
            fine = _times(part, self._side)
            at = source_coordinates(self._fine, fine, self._source, self._step)
            places = nearest(numbers, at, self.window, -1)[0]
            box, places = _relative(places, self.window.width)
            parts = places.reshape(part.height, self._side, part.width, self._side)
            by_sample = parts.swapaxes(2, 3).reshape(part.height, -1, part.width)
            found.append((rows, cols, box, by_sample))
        return found


def _relative(places: NDArray[np.int32], width: int) -> tuple[tuple[int, ...], NDArray[np.uint32]]:
    """Return the box of a layer that holds all places, and the places in it, its size for -1."""
    inside = places >= 0
    if not inside.any():
        return (0, 0, 0, 0), np.zeros(places.shape, np.uint32)
    rows, cols = np.divmod(places, np.int32(width))
    top, left = int(rows[inside].min()), int(cols[inside].min())
    box = (top, left, int(rows.max()) - top + 1, int(cols[inside].max()) - left + 1)
    there = (rows - top) * box[3] + (cols - left)
    return box, np.where(inside, there, box[2] * box[3]).astype(np.uint32)


def _cut(size: int, length: int) -> list[slice]:
    return [slice(first, min(size, first + length)) for first in range(0, size, length)]


def _rounded(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(edges / _EDGE_UNIT) * _EDGE_UNIT


def _between(rows: NDArray[np.float64], cols: NDArray[np.float64], source: Grid) -> Window | None:
    """Return the window of `source` between the first and the last edges."""
    top, left = max(0, math.floor(rows[0])), max(0, math.floor(cols[0]))
    bottom = min(source.height, math.ceil(rows[-1]))
    right = min(source.width, math.ceil(cols[-1]))
    if bottom <= top or right <= left:
        return None
    return Window(row=top, col=left, height=bottom - top, width=right - left)


def _taps(
    edges: NDArray[np.float64], first: int, size: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the source rows (or columns) between edges, from `first` on, and what they weigh.

    Both have shape (target, tap). Beyond `size` the weight is 0, and the row any that is there.
    """
    low, high = edges[:-1] - first, edges[1:] - first
    start = np.floor(low)
    count = int((np.ceil(high) - start).max())
    taps = start[:, np.newaxis] + np.arange(count)
    weights = np.minimum(high[:, np.newaxis], taps + 1) - np.maximum(low[:, np.newaxis], taps)
    inside = (taps >= 0) & (taps < size)
    return taps.clip(0, size - 1).astype(np.intp), np.where(inside, weights.clip(0), 0.0)


def _times(window: Window, side: int) -> Window:
    return Window(
        row=window.row * side,
        col=window.col * side,
        height=window.height * side,
        width=window.width * side,
    )
