"""Rasters without dates, as users have them: altitude, aspect and slope of a made-up relief."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.grid import Grid
from sitsflow.simulate import noise
from sitsflow.simulate.landscape import axes
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene
from sitsflow.simulate.sentinel2 import SENTINEL_2

_METRES = 30.0  # pixels of the usual elevation models
_RELIEF, _HILLS_M, _HEIGHT_M, _RISE_M = 111, 9000.0, 260.0, 120.0

Floats = NDArray[np.float32]


def _write(folder: Path, product: str, scene: Scene) -> None:
    """Write ``ALT.tif`` (m), ``ASP.tif`` (degrees from north, clockwise) and ``SLP.tif`` (degrees).

    They cover the tile with pixels of 30 m, float32. Where tiles overlap, pixels are not the same
    ones, but lie on one relief.
    """
    del product
    grid = _coarse(scene.grid)
    around = grid.model_copy(
        update={
            "x": grid.x - _METRES,
            "y": grid.y + _METRES,
            "height": grid.height + 2,
            "width": grid.width + 2,
        }
    )
    height = _altitude(around, scene.seed)
    # Central differences, with a pixel more on each side: no edge is special.
    rise_east = (height[1:-1, 2:] - height[1:-1, :-2]) / (2 * _METRES)
    rise_north = (height[:-2, 1:-1] - height[2:, 1:-1]) / (2 * _METRES)
    layers = {
        "ALT": height[1:-1, 1:-1],
        "ASP": np.degrees(np.arctan2(-rise_east, -rise_north)) % 360,
        "SLP": np.degrees(np.arctan(np.hypot(rise_east, rise_north))),
    }
    for name, values in layers.items():
        write_raster(folder / f"{name}.tif", values.astype(np.float32)[np.newaxis], grid)


def _coarse(grid: Grid) -> Grid:
    """Return a grid of 30 m that covers another one from its corner."""
    west, south, east, north = grid.bounds
    rows, cols = math.ceil((north - south) / _METRES), math.ceil((east - west) / _METRES)
    return Grid(crs=grid.crs, x=west, y=north, xres=_METRES, yres=_METRES, height=rows, width=cols)


def _altitude(grid: Grid, seed: int) -> Floats:
    """Return the height of the relief at a grid's pixels, in metres; (row, col)."""
    x, y = axes(grid)
    relief = noise.fractal(x, y, _HILLS_M, 6, noise.key(seed, _RELIEF), persistence=0.45)
    height: Floats = (_HEIGHT_M + _RISE_M * relief).astype(np.float32)
    return height


USER_RASTERS = dataclasses.replace(
    SENTINEL_2, multiple=1, product=lambda tile, day, every: "relief", write=_write, dated=False
)
