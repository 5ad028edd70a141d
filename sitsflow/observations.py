"""What a sensor saw of one window of a tile: its scenes on the tile's grid, not interpolated."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sitsflow.geometry import Coordinates, source_coordinates, source_window
from sitsflow.grid import Grid, Window
from sitsflow.masks import any_in_blocks, matches
from sitsflow.plan import SeriesPlan
from sitsflow.read import read_header, read_layer, read_layers
from sitsflow.request import Resampling
from sitsflow.resample import MARGINS, nearest, resample
from sitsflow.sensors.model import Mask, Rule

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class Observed(Protocol):
    """Where a series takes its pixels from."""

    @property
    def valid(self) -> Bools:
        """Where each date may be used; (date, row, col)."""
        ...

    def band(self, name: str) -> Floats:
        """Return one band, NaN where the product has no data; (date, row, col)."""
        ...


class Observations:
    """Scenes of one sensor over one window of a tile, read when asked for.

    Parameters
    ----------
    plan : SeriesPlan
        Which files, on which grids.
    tile_grid : Grid
        The whole grid of the tile.
    window : Window
        The pixels wanted, in `tile_grid`.
    method : {"bicubic", "bilinear", "nearest"}
        How bands are resampled where grids do not coincide; masks always nearest.
    """

    def __init__(
        self, plan: SeriesPlan, tile_grid: Grid, window: Window, method: Resampling
    ) -> None:
        self._plan = plan
        self._tile_grid = tile_grid
        self._window = window
        self._method = method
        self._invalid: dict[tuple[Grid, Window], Bools] = {}
        self._located: dict[Grid, Coordinates] = {}

    @cached_property
    def valid(self) -> Bools:
        """Where each date may be used: no mask says otherwise; (date, row, col)."""
        valid = np.ones((len(self._plan.scenes), *self._window.shape), bool)
        for grid in self._mask_grids:
            source = self._source_window(grid)
            if source is None:
                valid[:] = False
                continue
            valid &= self._nearest(~self._invalid_in(grid, source), grid, source)
        return valid

    def seen(self) -> Bools:
        """Tell where the sensor saw the ground on some date, clouds or not; (row, col)."""
        outside = [mask for mask in self._plan.sensor.masks if mask.outside is not None]
        seen = np.ones(self._window.shape, bool)
        for mask in outside:
            grid = self._plan.grids[mask.name]
            source = self._source_window(grid)
            if source is None:
                return np.zeros(self._window.shape, bool)
            inside = np.zeros((1, *source.shape), bool)
            for scene in self._plan.scenes:
                values = read_layer(scene.masks[mask.name], source)
                inside[0] |= ~matches(values, _rule(mask))
                if inside.all():  # most often the first date says it all
                    break
            seen &= self._nearest(inside, grid, source)[0]
        return seen

    def band(self, name: str) -> Floats:
        """Return one band on the tile's grid, float32, NaN where a product has no data."""
        grid = self._grid_of(name)
        source = self._source_window(grid)
        if source is None:
            return np.full((len(self._plan.scenes), *self._window.shape), np.nan, np.float32)
        values = read_layers([scene.bands[name] for scene in self._plan.scenes], source)
        return resample(
            values,
            self._source_valid(grid, source),
            self._plan.sensor.nodata,
            self._coordinates(grid),
            source,
            self._method,
        )

    @property
    def _mask_grids(self) -> list[Grid]:
        return list(dict.fromkeys(self._plan.grids[mask.name] for mask in self._plan.sensor.masks))

    def _grid_of(self, band: str) -> Grid:
        """Return a band's grid; of one that the plan did not foresee, by its first file."""
        if band in self._plan.grids:
            return self._plan.grids[band]
        return read_header(self._plan.scenes[0].bands[band].path).grid

    def _margin(self, grid: Grid) -> int:
        coincides = self._tile_grid.offset_in(grid) is not None
        return 0 if coincides else MARGINS[self._method]

    def _source_window(self, grid: Grid) -> Window | None:
        return source_window(
            self._tile_grid, self._window, grid, self._plan.step, self._margin(grid)
        )

    def _nearest(self, values: NDArray[Any], grid: Grid, source: Window) -> NDArray[Any]:
        return nearest(values, self._coordinates(grid), source, False)

    def _coordinates(self, grid: Grid) -> Coordinates:
        """Locate the window's pixels in `grid`, once for all dates and bands on it."""
        if grid not in self._located:
            self._located[grid] = source_coordinates(
                self._tile_grid, self._window, grid, self._plan.step
            )
        return self._located[grid]

    def _source_valid(self, grid: Grid, source: Window) -> Bools | None:
        """Which source pixels may lend their value to neighbours; None: all, or it is no matter."""
        if self._margin(grid) == 0:
            return None
        invalid = np.zeros((len(self._plan.scenes), *source.shape), bool)
        for mask_grid in self._mask_grids:
            invalid |= self._invalid_on(mask_grid, grid, source)
        return ~invalid if invalid.any() else None

    def _invalid_on(self, mask_grid: Grid, grid: Grid, window: Window) -> Bools:
        """Bring masks from their own grid to a window of a band's grid."""
        if mask_grid == grid:
            return self._invalid_in(grid, window)
        source = mask_grid.window_of(grid.part(window).bounds)
        if source is None:
            return np.ones((len(self._plan.scenes), *window.shape), bool)
        invalid = self._invalid_in(mask_grid, source)
        rows, cols = source.height / window.height, source.width / window.width
        if rows.is_integer() and cols.is_integer():
            # One cloudy 10 m pixel is enough to spoil the 20 m pixel around it.
            return any_in_blocks(invalid, int(rows), int(cols))
        coordinates = source_coordinates(grid, window, mask_grid, 0)
        return nearest(invalid, coordinates, source, True)

    def _invalid_in(self, grid: Grid, window: Window) -> Bools:
        """Read the masks that lie on `grid` and join them; (date, row, col) of the source."""
        if (grid, window) not in self._invalid:
            masks = [m for m in self._plan.sensor.masks if self._plan.grids[m.name] == grid]
            invalid = np.zeros((len(self._plan.scenes), *window.shape), bool)
            for at, scene in enumerate(self._plan.scenes):
                for mask in masks:
                    values = read_layer(scene.masks[mask.name], window)
                    invalid[at] |= matches(values, mask.invalid)
            self._invalid[grid, window] = invalid
        return self._invalid[grid, window]


def _rule(mask: Mask) -> Rule:
    assert mask.outside is not None
    return mask.outside
