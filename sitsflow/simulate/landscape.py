"""One continuous world of fields, woods, towns and rivers, as a function of map coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.grid import Grid
from sitsflow.simulate import noise
from sitsflow.simulate.cover import COVER_BITS, COVER_NAMES, WATER, covers_of, texture_of

_DISTRICT_M = 1500.0  # districts share one direction and size of fields
_FIELD_DEPTH_M, _FIELD_WIDTH_M = (110.0, 300.0), (160.0, 520.0)
_BAND_ROWS = 512  # rows surveyed at once, to bound memory

_SHARES = {
    "winter crop": 0.36,
    "summer crop": 0.28,
    "grassland": 0.22,
    "bare soil": 0.05,
    "broadleaf forest": 0.05,
    "conifer forest": 0.02,
    "urban": 0.015,
    "water": 0.005,
}
"""Of the fields; woods, towns and rivers lie over them."""

_DISTRICTS, _BEND, _WOOD, _TOWN, _RIVER, _GRAIN, _SIZE, _FURROW, _HEADLAND = range(101, 110)
_ANGLES = np.linspace(0, np.pi, 64, endpoint=False)
_COS, _SIN = np.cos(_ANGLES), np.sin(_ANGLES)

Places = NDArray[np.float64]


@dataclass(frozen=True)
class Ground:
    """What lies on a grid, whatever the date.

    `parcels` are the keys of all parcels, uint64, shape (parcel,); `index` says which of them each
    pixel belongs to, int32, shape (row, col); `texture` is the relative brightness inside
    parcels, float32, shape (row, col), about 0.
    """

    parcels: noise.Keys
    index: NDArray[np.int32]
    texture: NDArray[np.float32]

    @property
    def water(self) -> NDArray[np.bool_]:
        """Where water lies, shape (row, col)."""
        wet: NDArray[np.bool_] = (covers_of(self.parcels) == WATER)[self.index]
        return wet


def axes(grid: Grid) -> tuple[noise.Axis, noise.Axis]:
    """Map coordinates of a grid's pixel centres, x and y, in metres."""
    x = grid.x + grid.xres * (np.arange(grid.width, dtype=np.float64) + 0.5)
    y = grid.y - grid.yres * (np.arange(grid.height, dtype=np.float64) + 0.5)
    return x, y


def survey(grid: Grid, seed: int) -> Ground:
    """Say what lies at each pixel of a grid in the world of `seed`."""
    x, y = axes(grid)
    keys = np.empty(grid.shape, np.uint64)
    for top in range(0, grid.height, _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        keys[rows] = _parcel_keys(x, y[rows], seed)
    # Parcels are runs of pixels: sorting the runs is enough to know them all.
    starts = np.ones(grid.shape, bool)
    starts[:, 1:] = keys[:, 1:] != keys[:, :-1]
    parcels, of_run = np.unique(keys[starts], return_inverse=True)
    index = of_run.astype(np.int32)[np.cumsum(starts.ravel()) - 1].reshape(grid.shape)
    texture = noise.fractal(x, y, 8 * grid.xres, 3, noise.key(seed, _GRAIN), persistence=0.8)
    texture *= texture_of(parcels)[index]
    return Ground(parcels=parcels, index=index, texture=texture)


def _parcel_keys(x: noise.Axis, y: noise.Axis, seed: int) -> noise.Keys:
    """Keys of the parcels at pixels, uint64, shape (len(y), len(x))."""
    wide, tall = _bent(x, y, seed)
    district, east, north = _districts(wide, tall, seed)
    keys = _fields(district, east, north)
    wood = noise.fractal(x, y, 2600.0, 5, noise.key(seed, _WOOD))
    town = noise.fractal(x, y, 1900.0, 4, noise.key(seed, _TOWN))
    river = noise.fractal(x, y, 5200.0, 3, noise.key(seed, _RIVER), persistence=0.3)
    # A district's wood is of one kind.
    conifer = (district >> np.uint64(40)) % np.uint64(3) == 0
    for where, name in (
        ((wood > noise.level(0.13)) & ~conifer, "broadleaf forest"),
        ((wood > noise.level(0.13)) & conifer, "conifer forest"),
        (town > noise.level(0.03), "urban"),
        (np.abs(river) < 0.011, "water"),
    ):
        keys[where] = _as_cover(noise.chained(district[where], 1), name)
    return keys


def _bent(x: noise.Axis, y: noise.Axis, seed: int) -> tuple[Places, Places]:
    """Map coordinates pushed about a little, so that no border is quite straight."""
    push = [noise.fractal(x, y, 420.0, 3, noise.key(seed, _BEND, side)) for side in (0, 1)]
    return x[None, :] + 32.0 * push[0].astype(np.float64), y[:, None] + 32.0 * push[1]


def _districts(x: Places, y: Places, seed: int) -> tuple[noise.Keys, Places, Places]:
    """Nearest of jittered centres: its key, and the way from it to each pixel, in metres."""
    base = noise.key(seed, _DISTRICTS)
    col, row = (np.floor(place / _DISTRICT_M).astype(np.int64) for place in (x, y))
    cols = np.arange(col.min() - 1, col.max() + 2)
    rows = np.arange(row.min() - 1, row.max() + 2)
    keys = noise.lattice(base, cols[None, :], rows[:, None])
    middle_x = (cols[None, :] + 0.1 + 0.8 * noise.uniform(noise.chained(keys, 0))) * _DISTRICT_M
    middle_y = (rows[:, None] + 0.1 + 0.8 * noise.uniform(noise.chained(keys, 1))) * _DISTRICT_M
    home = (row - rows[0]) * len(cols) + (col - cols[0])
    best = np.full(home.shape, np.inf)
    nearest = home.copy()
    for step in [down * len(cols) + right for down in (-1, 0, 1) for right in (-1, 0, 1)]:
        other = home + step
        distance = (x - middle_x.ravel()[other]) ** 2 + (y - middle_y.ravel()[other]) ** 2
        closer = distance < best
        best[closer] = distance[closer]
        nearest[closer] = other[closer]
    return (
        keys.ravel()[nearest],
        x - middle_x.ravel()[nearest],
        y - middle_y.ravel()[nearest],
    )


def _fields(district: noise.Keys, east: Places, north: Places) -> noise.Keys:
    """Cut each district into rows of fields of its own direction, and rows into fields."""
    turn = (district & np.uint64(63)).astype(np.intp)
    along = east * _COS[turn] + north * _SIN[turn]
    across = north * _COS[turn] - east * _SIN[turn]
    size = noise.uniform(noise.chained(district, _SIZE))
    depth = _FIELD_DEPTH_M[0] + (_FIELD_DEPTH_M[1] - _FIELD_DEPTH_M[0]) * size
    width = _FIELD_WIDTH_M[0] + (_FIELD_WIDTH_M[1] - _FIELD_WIDTH_M[0]) * (1 - size)
    row = noise.chained(noise.chained(district, _FURROW), _cut(across / depth, district))
    field = noise.chained(noise.chained(row, _HEADLAND), _cut(along / width, row))
    chance = noise.uniform(field)
    bounds = np.cumsum(list(_SHARES.values()))
    covers = np.array([COVER_NAMES.index(name) for name in _SHARES], np.uint64)
    which = np.searchsorted(bounds[:-1], chance, side="right")
    keys: noise.Keys = (noise.scramble(field) & ~COVER_BITS) | covers[which]
    return keys


def _cut(place: Places, keys: noise.Keys) -> NDArray[np.int64]:
    """Tell the pieces of a line apart that is cut once near the middle of each unit."""
    unit = np.floor(place)
    number = unit.astype(np.int64)
    cut = 0.25 + 0.5 * noise.uniform(noise.chained(keys, number))
    return number - (place - unit < cut)


def _as_cover(keys: noise.Keys, name: str) -> noise.Keys:
    return (keys & ~COVER_BITS) | np.uint64(COVER_NAMES.index(name))
