"""Reliefs whose heights are known everywhere, under some tiles."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from sitsflow.geo.grid import Bounds, Grid, Lattice
from sitsflow.simulate.sentinel1_image import Height
from sitsflow.simulate.sentinel1_orbit import to_geocentric

Floats = NDArray[np.float64]
Relief = Literal["flat", "slope", "ridge"]

RELIEFS: tuple[Relief, ...] = ("flat", "slope", "ridge")
_DEM_M = 30.0
_FLAT_M, _SLOPE, _RIDGE_M, _RIDGE_WIDTH_M = 180.0, 0.12, 160.0, 250.0


class Ground:
    """The relief under some bounds of a map, and what lies there."""

    def __init__(self, bounds: Bounds, crs: str, relief: str) -> None:
        self.bounds, self.crs, self.relief = bounds, crs, relief
        self._to_map = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        self.middle = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2

    def on_map(self, longitudes: Floats, latitudes: Floats) -> tuple[Floats, Floats]:
        """Return map coordinates of degrees."""
        found: tuple[Floats, Floats] = self._to_map.transform(longitudes, latitudes)
        return found

    def geographic(self, xs: Floats, ys: Floats) -> tuple[Floats, Floats]:
        """Return longitudes and latitudes of map coordinates."""
        found: tuple[Floats, Floats] = self._to_map.transform(xs, ys, direction="INVERSE")
        return found

    def height(self, xs: ArrayLike) -> Floats:
        """Return heights above the ellipsoid, metres; all reliefs change eastwards only."""
        aside = np.asarray(xs, np.float64) - self.middle[0]
        level = np.full(aside.shape, _FLAT_M)
        if self.relief == "slope":
            level += _SLOPE * aside
        elif self.relief == "ridge":
            level += _RIDGE_M * np.exp(-0.5 * (aside / _RIDGE_WIDTH_M) ** 2)
        return level

    def upwards(self, xs: Floats, ys: Floats) -> Floats:
        """Return the ground's normals in ECEF at map coordinates, shape (..., 3)."""

        def place(east: float, north: float) -> Floats:
            there = xs + east
            return to_geocentric(*self.geographic(there, ys + north), self.height(there))

        normal = np.cross(place(1, 0) - place(-1, 0), place(0, 1) - place(0, -1))
        upright: Floats = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
        return upright

    @property
    def at(self) -> Height:
        """Heights by longitude and latitude."""
        return lambda longitudes, latitudes: self.height(self.on_map(longitudes, latitudes)[0])

    @property
    def elevation_grid(self) -> Grid:
        """Grid of the elevation model, 2 km further on each side."""
        west, south, east, north = self.bounds
        around = (west - 2000, south - 2000, east + 2000, north + 2000)
        return Lattice(crs=self.crs, xres=_DEM_M, yres=_DEM_M).grid_over(around)

    def elevation(self) -> NDArray[np.float32]:
        """Heights at the pixels of the elevation model."""
        grid = self.elevation_grid
        xs = grid.x + grid.xres * (np.arange(grid.width) + 0.5)
        return np.broadcast_to(self.height(xs).astype(np.float32), grid.shape).copy()
