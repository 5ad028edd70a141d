"""What a sensor saw of one window of a tile: its scenes on the tile's grid, not interpolated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.averaging import Footprints, is_coarser
from sitsflow.geo.coordinates import Coordinates, source_coordinates, source_window
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import MARGINS, Method, nearest, resample
from sitsflow.io.read import read_in_turn, read_layers, read_stacks
from sitsflow.plan import SeriesPlan
from sitsflow.products.masks import any_in_blocks, matches
from sitsflow.products.sensors.model import Mask, Rule
from sitsflow.request import Resampling

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class ObservationSource(Protocol):
    """Where a series takes its pixels from."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    @property
    def valid(self) -> Bools:
        """Where each date may be used; (date, row, col)."""
        ...

    def band(self, name: str, *, clouded: bool = False) -> Floats:
        """Return one band, NaN where the product has no data; (date, row, col).

        Where a date is not valid a value has a meaning only if `clouded` is asked for.
        """
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
    method : {"bicubic", "bilinear", "nearest", "average"}
        How bands are resampled where grids do not coincide; masks nearest. With "average" a pixel
        has the mean of the usable ones under it, and a date may be used where masks let at least
        half of its area be; where the tile's pixels are not coarser, bands are bicubic.
    within : Observations, optional
        Those of a window that holds this one. They read for all of it, once, and keep what they
        read as it is in the files: blocks that parts of a window share are then decoded once.
    """

    def __init__(
        self,
        plan: SeriesPlan,
        tile_grid: Grid,
        window: Window,
        method: Resampling,
        within: Observations | None = None,
    ) -> None:
        self._plan = plan
        self._tile_grid = tile_grid
        self._window = window
        self._method = method
        self._within = within
        self._kept: dict[str, NDArray[Any]] = {}
        self._invalid: dict[Grid, tuple[Window, Bools]] = {}
        self._windows: dict[Grid, Window | None] = {}
        self._read_ahead: dict[str, NDArray[Any]] = {}
        self._given: set[str] = set()
        self._located: dict[Grid, Coordinates] = {}
        self._under: dict[Grid, Footprints] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; no file is read to know them."""
        return self._window.shape

    @cached_property
    def valid(self) -> Bools:
        """Where each date may be used: no mask says otherwise; (date, row, col).

        Of a sensor without masks all is valid: where a band has no data it is NaN.
        """
        if not self._mask_grids:
            return np.ones((len(self._plan.scenes), *self._window.shape), bool)
        invalid = np.zeros((0, *self._window.shape), bool)
        for grid in self._mask_grids:
            source = self._source_window(grid)
            if source is None:
                return np.zeros((len(self._plan.scenes), *self._window.shape), bool)
            here = self._onto_tile(self._invalid_in(grid, source), grid, source, outside=True)
            invalid = np.logical_or(invalid, here, out=here) if len(invalid) else here
        return np.logical_not(invalid, out=invalid)

    def footprint(self) -> Bools:
        """Tell where the sensor saw the ground on some date, clouds or not; (row, col).

        Of a sensor whose masks do not say it, all that its files cover.
        """
        outside = [mask for mask in self._plan.sensor.masks if mask.outside is not None]
        seen = np.ones(self._window.shape, bool)
        for grid in [] if outside else self._covering_grids:
            source = self._source_window(grid)
            if source is None:
                return np.zeros(self._window.shape, bool)
            seen &= self._onto_tile(np.ones((1, *source.shape), bool), grid, source)[0]
        for mask in outside:
            grid = self._plan.grids[mask.name]
            source = self._source_window(grid)
            if source is None:
                return np.zeros(self._window.shape, bool)
            inside = np.zeros((1, *source.shape), bool)
            layers = [scene.masks[mask.name] for scene in self._plan.scenes]
            # Most often the first date says it all: no other is read with it.
            for values in chain(read_in_turn(layers[:1], source), read_in_turn(layers[1:], source)):
                inside[0] |= ~matches(values, _rule(mask))
                if inside.all():
                    break
            seen &= self._onto_tile(inside, grid, source)[0]
        return seen

    def band(self, name: str, *, clouded: bool = False) -> Floats:
        """Return one band on the tile's grid, float32, NaN where a product has no data.

        A valid pixel takes nothing from masked pixels. With `clouded` the others are
        made of all that the product has, clouds too.
        """
        grid = self._plan.grids[name]
        source = self._source_window(grid)
        if source is None:
            return np.full((len(self._plan.scenes), *self._window.shape), np.nan, np.float32)
        values, usable = self._layers(name, source), self._source_valid(grid, source)
        clear = self._resampled(name, values, usable, source)
        if clouded and usable is not None:
            every = self._resampled(name, values, None, source)
            np.copyto(clear, every, where=~self.valid)
        return clear

    def source_pixels(self, name: str, part: Window) -> NDArray[Any]:
        """Return a band's pixels of a part of its files that lies in this window; all are kept."""
        whole = self._source_window(self._plan.grids[name])
        assert whole is not None, "a part has no pixels where the whole has none"
        if name not in self._kept:
            self._kept[name] = self._layers(name, whole)
        rows, cols = part.relative_to(whole).slices
        return np.ascontiguousarray(self._kept[name][:, rows, cols])

    def _resampled(
        self, name: str, values: NDArray[Any], usable: Bools | None, source: Window
    ) -> Floats:
        grid = self._plan.grids[name]
        # Scaled values are NaN where there is no data.
        nodata = None if self._in_units(name) else self._plan.sensor.nodata
        if self._averages(grid):
            return self._footprints(grid).mean(values, usable, nodata)
        found = resample(
            values,
            usable,
            nodata,
            self._coordinates(grid),
            source,
            self._interpolation,
            wanted=None if usable is None else self.valid,
        )
        if self._coincides(grid) and usable is not None:
            clear = nearest(usable, self._coordinates(grid), source, False)
            found[~clear] = np.nan
        return found

    def _in_units(self, name: str) -> bool:
        """Whether a band is read as values of the sensor: in files it means something else."""
        layers = [scene.bands[name] for scene in self._plan.scenes]
        nodata = self._plan.sensor.nodata
        return any(layer.is_scaled or layer.nodata != nodata for layer in layers)

    def _layers(self, name: str, source: Window) -> NDArray[Any]:
        """Read a band of all dates, and with it those that the plan wants of the same files.

        Files of all bands mostly keep a pixel's bands together: one costs as much as all.
        """
        if self._within is not None:
            return self._within.source_pixels(name, source)
        if name not in self._read_ahead:
            file = self._plan.scenes[0].bands[name].path
            rest = [b for b in self._plan.read if self._plan.scenes[0].bands[b].path == file]
            group = [name, *(b for b in rest if b != name and b not in self._given)]
            if len(group) == 1:
                layers = [scene.bands[name] for scene in self._plan.scenes]
                return read_layers(layers, source, in_units=self._in_units(name))
            stacks = [[scene.bands[band] for band in group] for scene in self._plan.scenes]
            in_units = any(self._in_units(band) for band in group)
            read = read_stacks(stacks, source, in_units=in_units)
            self._read_ahead.update(zip(group, read, strict=True))
        self._given.add(name)
        return self._read_ahead.pop(name)

    @property
    def _covering_grids(self) -> list[Grid]:
        """Where the masks lie; of a sensor without masks, its first band."""
        return self._mask_grids or [self._plan.grids[self._plan.sensor.bands[0].name]]

    @property
    def _mask_grids(self) -> list[Grid]:
        return list(dict.fromkeys(self._plan.grids[mask.name] for mask in self._plan.sensor.masks))

    @property
    def _interpolation(self) -> Method:
        return "bicubic" if self._method == "average" else self._method

    def _coincides(self, grid: Grid) -> bool:
        return self._tile_grid.offset_in(grid) is not None

    def _averages(self, grid: Grid) -> bool:
        return self._method == "average" and is_coarser(self._tile_grid, grid)

    def _mixes(self, grid: Grid) -> bool:
        """Whether a pixel of the tile must ask which pixels of `grid` are valid."""
        if self._coincides(grid):
            # Of a pixel that is valid by half, a copy would hold the other half too.
            return self._method == "average" and self._mask_grids not in ([], [grid])
        return self._averages(grid) or MARGINS[self._interpolation] > 0

    def _source_window(self, grid: Grid) -> Window | None:
        if self._averages(grid):
            return self._footprints(grid).window
        if grid not in self._windows:
            margin = 0 if self._coincides(grid) else MARGINS[self._interpolation]
            self._windows[grid] = source_window(
                self._tile_grid, self._window, grid, self._plan.step, margin
            )
        return self._windows[grid]

    def _onto_tile(
        self, values: Bools, grid: Grid, source: Window, *, outside: bool = False
    ) -> Bools:
        """Bring what is True in a part of `grid`, and `outside` it, onto the tile's pixels."""
        if not self._averages(grid):
            return nearest(values, self._coordinates(grid), source, outside)
        if not outside:
            return self._footprints(grid).covered(values)
        covered = self._footprints(grid).covered(~values)
        return np.logical_not(covered, out=covered)

    def _footprints(self, grid: Grid) -> Footprints:
        """Find what lies under the window's pixels in `grid`, once for all dates and bands."""
        if grid not in self._under:
            self._under[grid] = Footprints(self._tile_grid, self._window, grid)
        return self._under[grid]

    def _coordinates(self, grid: Grid) -> Coordinates:
        """Locate the window's pixels in `grid`, once for all dates and bands on it."""
        if grid not in self._located:
            self._located[grid] = source_coordinates(
                self._tile_grid, self._window, grid, self._plan.step
            )
        return self._located[grid]

    def _source_valid(self, grid: Grid, source: Window) -> Bools | None:
        """Which source pixels may contribute to others; None: all, or it makes no difference."""
        if not self._mixes(grid):
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
            # One cloudy 10 m pixel is enough to make the 20 m pixel around it invalid.
            return any_in_blocks(invalid, int(rows), int(cols))
        coordinates = source_coordinates(grid, window, mask_grid, 0)
        return nearest(invalid, coordinates, source, True)

    def _invalid_in(self, grid: Grid, window: Window) -> Bools:
        """Return where masks that lie on `grid` mark pixels invalid; (date, row, col) of source.

        All that the window needs of them is read at once, and kept.
        """
        if self._within is not None:
            return self._within._invalid_in(grid, window)
        if grid not in self._invalid or not _contains(self._invalid[grid][0], window):
            whole = _enclosing([window, *self._mask_windows(grid)])
            self._invalid[grid] = whole, self._read_masks(grid, whole)
        whole, invalid = self._invalid[grid]
        rows, cols = window.relative_to(whole).slices
        return invalid[:, rows, cols]

    def _mask_windows(self, grid: Grid) -> Iterator[Window]:
        """Yield the parts of a grid of masks that its own pixels and the planned bands need."""
        own = self._source_window(grid)
        if own is not None:
            yield own
        for band in dict.fromkeys(self._plan.grids[name] for name in self._plan.read):
            source = self._source_window(band)
            if band != grid and source is not None and self._mixes(band):
                under = grid.window_of(band.part(source).bounds)
                if under is not None:
                    yield under

    def _read_masks(self, grid: Grid, window: Window) -> Bools:
        masks = [m for m in self._plan.sensor.masks if self._plan.grids[m.name] == grid]
        invalid = np.zeros((len(self._plan.scenes), *window.shape), bool)
        every = list(product(enumerate(self._plan.scenes), masks))
        layers = [scene.masks[mask.name] for (_, scene), mask in every]
        for ((at, _), mask), values in zip(every, read_in_turn(layers, window), strict=True):
            invalid[at] |= matches(values, mask.invalid)
        return invalid


def _contains(outer: Window, inner: Window) -> bool:
    return _enclosing([outer, inner]) == outer


def _enclosing(windows: Sequence[Window]) -> Window:
    top, left = min(one.row for one in windows), min(one.col for one in windows)
    bottom = max(one.row + one.height for one in windows)
    right = max(one.col + one.width for one in windows)
    return Window(row=top, col=left, height=bottom - top, width=right - left)


def _rule(mask: Mask) -> Rule:
    assert mask.outside is not None
    return mask.outside
