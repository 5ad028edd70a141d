"""Backscatter on maps coarser than the images: the mean power of many places of each pixel.

One value at the centre of a coarse pixel would have the speckle of a single sample, and alias.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import Method
from sitsflow.radar.geocoded import geocode, ground_of
from sitsflow.radar.lee import LOOKS
from sitsflow.radar.sensor import RESOLUTION_M
from sitsflow.radar.slices import Acquisition
from sitsflow.radar_settings import Polarisation, RadarSettings

Floats = NDArray[np.float32]

PART_SHAPE = (512, 2048)
"""Places down and right that are geocoded at once; one pixel has as many at most.

Lines of an image are read whole, and lie askew by some 10 degrees: wide parts need fewest.
"""

_METRES_A_DEGREE = 111_320.0
_CELL_M = 20.0, 22.0


@lru_cache(maxsize=64)
def multilook_factors(grid: Grid) -> tuple[int, int]:
    """Choose how many places along the rows and the columns of a pixel are averaged.

    Returns
    -------
    (int, int)
        Down and right: the whole number nearest to the pixel's size in image pixels (10 m), at
        least 1 and at most `PART_SHAPE`. The size is that which the grid's system says; of degrees
        that in the middle of the grid.
    """
    if grid.rasterio_crs.is_geographic:
        latitude = math.radians(grid.y - grid.height * grid.yres / 2)
        metres = _METRES_A_DEGREE, _METRES_A_DEGREE * math.cos(latitude)
    else:
        unit = float(grid.rasterio_crs.linear_units_factor[1])
        metres = unit, unit
    down, right = (
        min(most, max(1, math.floor(size * each / RESOLUTION_M + 0.5)))
        for size, each, most in zip((grid.yres, grid.xres), metres, PART_SHAPE, strict=True)
    )
    return down, right


def looks_on(grid: Grid) -> float:
    """Return the equivalent number of looks of a pixel of a map.

    Samples of an image lie closer than its resolution, so that neighbours share speckle: a pixel
    has as many times the looks of one sample as it holds cells of resolution, 20 m x 22 m
    (Sentinel-1 user guide, Level-1 GRD products).
    """
    area = math.prod(multilook_factors(grid)) * RESOLUTION_M**2
    return LOOKS * max(1.0, area / math.prod(_CELL_M))


def parts_of(window: Window, factors: tuple[int, int]) -> Iterator[Window]:
    """Cut a window of a coarse map into parts of at most `PART_SHAPE` places."""
    height, width = (
        max(1, most // factor) for most, factor in zip(PART_SHAPE, factors, strict=True)
    )
    for row in range(window.row, window.row + window.height, height):
        for col in range(window.col, window.col + window.width, width):
            yield Window(
                row=row,
                col=col,
                height=min(height, window.row + window.height - row),
                width=min(width, window.col + window.width - col),
            )


def geocode_multilooked(
    acquisitions: Sequence[Acquisition],
    settings: RadarSettings,
    polarisations: Sequence[Polarisation],
    grid: Grid,
    window: Window,
    method: Method,
) -> Floats:
    """Bring passes onto the pixels of a window of a coarse map.

    Each pixel has the mean linear power of the places in it, each at its own height, that
    `geocode` gives a value.

    Parameters
    ----------
    acquisitions, settings, polarisations, method
        As for `geocode`.
    grid : Grid
        The whole map.
    window : Window
        The pixels wanted, in `grid`.

    Returns
    -------
    ndarray of float32, shape (date, 1 + polarisation, row, col)
        Linear power, see `geocode`; NaN where no place of a pixel has a value.

    Raises
    ------
    ProductError, ReadError
        If a product or an elevation model cannot be read.
    """
    factors = multilook_factors(grid)
    fine = grid.subdivided(*factors)
    out = np.empty((len(acquisitions), 1 + len(polarisations), *window.shape), np.float32)
    for part in parts_of(window, factors):
        rows, cols = part.relative_to(window).slices
        ground = ground_of(settings, fine, _places_in(part, factors))
        for at, acquisition in enumerate(acquisitions):
            power = geocode(acquisition, settings, polarisations, ground, method)
            out[at, :, rows, cols] = multilooked(power, factors)
    return out


def _places_in(window: Window, factors: tuple[int, int]) -> Window:
    down, right = factors
    return Window(
        row=window.row * down,
        col=window.col * right,
        height=window.height * down,
        width=window.width * right,
    )


def multilooked(power: Floats, factors: tuple[int, int]) -> Floats:
    """Average linear power over the places of each pixel.

    Parameters
    ----------
    power : ndarray of float32, shape (layer, down * row, right * col)
        NaN where there is none.
    factors : (int, int)
        Places down and right in each pixel.

    Returns
    -------
    ndarray of float32, shape (layer, row, col)
        The mean of those that have a value, added up in float64; NaN where none has.
    """
    down, right = factors
    out = np.empty((len(power), power.shape[1] // down, power.shape[2] // right), np.float32)
    _average(np.ascontiguousarray(power), down, right, out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _average(power, down, right, out):  # type: ignore[no-untyped-def]
    for layer in range(out.shape[0]):
        for row in range(out.shape[1]):
            for col in range(out.shape[2]):
                total, count = 0.0, 0
                for i in range(row * down, (row + 1) * down):
                    for j in range(col * right, (col + 1) * right):
                        value = power[layer, i, j]
                        if not np.isnan(value):
                            total += value
                            count += 1
                out[layer, row, col] = total / count if count else np.nan
