"""The map as the report sees it: decimated, and in parts where it could not be made whole."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from sitsflow.errors import GridError
from sitsflow.geo.grid import Grid
from sitsflow.io.opening import reading
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.jobs import Job, is_done

log = logging.getLogger(__name__)

_MOST_BANDS = 300
_MOST_VALUES = 12_000_000  # 48 MB, kept
_LONGEST = 600
_SHORTEST = 48
_STRIP_VALUES = 16_000_000  # 64 MB, read at a time
# Maps of tiles that go into one file have no overviews that are seen: of them all pixels must be
# decoded, some 200 million a second.
_MOST_DECODED = 3_000_000_000

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class MapOverview:
    """What there is of the map, on a coarser grid.

    Attributes
    ----------
    bands : tuple of int
        Which bands of the map `values` holds, from 0.
    values : ndarray of float32, shape (band, row, col)
        NaN where there is no value. Each is the mean of about `factor` x `factor` pixels.
    factor : float
        Pixels of the map a row of `values`.
    whole : bool
        False: put together from the maps of the tiles that were made.
    tags : tuple of dict
        Statistics that these bands carry, of all pixels; empty where the map is not whole.
    """

    bands: tuple[int, ...]
    values: Floats
    factor: float
    whole: bool
    tags: tuple[dict[str, str], ...] = ()


def read_overview(
    plan: Plan, tiles: Mapping[str, TilePlan], bands: Sequence[int]
) -> MapOverview | None:
    """Read the map, or the tiles that there are of it; None where nothing was made.

    Parameters
    ----------
    bands : sequence of int
        Bands, from 0; where not all can be read, the first of these are.
    """
    grid = plan.mosaic_grid
    if is_done(Job("mosaic"), plan, tiles):
        overview = _empty(bands[:_MOST_BANDS], grid, whole=True)
        tags = _paste(overview, plan.paths.map, grid)
        if tags is not None:
            return MapOverview(
                overview.bands, overview.values, overview.factor, whole=True, tags=tags
            )
    made = [tile for tile in plan.tile_names if is_done(Job("merge_tile", tile), plan, tiles)]
    most = _MOST_BANDS
    if not plan.request.tiles_are_read:
        pixels = sum(tiles[tile].grid.height * tiles[tile].grid.width for tile in made) or 1
        most = max(1, min(_MOST_BANDS, _MOST_DECODED // pixels))
    overview = _empty(bands[:most], grid)
    found = [
        _paste(overview, plan.paths.tile_map(tile), grid)
        for tile in reversed(made)  # the first of the run lies on top
    ]
    return overview if any(one is not None for one in found) else None


def _empty(bands: Sequence[int], grid: Grid, *, whole: bool = False) -> MapOverview:
    side = math.sqrt(_MOST_VALUES / len(bands))
    factor = max(1.0, max(grid.shape) / max(_SHORTEST, min(_LONGEST, side)))
    shape = (len(bands), *(max(1, round(size / factor)) for size in grid.shape))
    return MapOverview(tuple(sorted(bands)), np.full(shape, np.nan, np.float32), factor, whole)


def _paste(overview: MapOverview, path: Path, mosaic: Grid) -> tuple[dict[str, str], ...] | None:
    """Read a map to its place; return its bands' tags, None if it cannot be read."""
    numbers = [band + 1 for band in overview.bands]
    try:
        with reading(), rasterio.open(path) as dataset:
            tags = tuple(dataset.tags(number) for number in numbers)
            grid = Grid.from_affine(dataset.crs, dataset.transform, *dataset.shape)
            fine = [n for n, size in enumerate(dataset.overviews(1)) if size <= overview.factor]
        level = {"overview_level": fine[-1]} if fine else {}
        with reading(), rasterio.open(path, **level) as dataset:
            row, col = grid.nearest_offset_in(mosaic)
            down = overview.values.shape[1] / mosaic.height
            right = overview.values.shape[2] / mosaic.width
            # Rows and columns of `look` that the centres of the rows and columns read lie in.
            rows = (row + (np.arange(dataset.height) + 0.5) * grid.height / dataset.height) * down
            cols = (col + (np.arange(dataset.width) + 0.5) * grid.width / dataset.width) * right
            _average(dataset, numbers, rows.astype(int), cols.astype(int), overview.values)
    except (RasterioError, OSError, IndexError, GridError) as error:
        log.warning("%s: not in the report (%s)", path, error)
        return None
    return tags


def _average(
    dataset: Any, numbers: list[int], rows: NDArray[Any], cols: NDArray[Any], into: Floats
) -> None:
    """Put the means of the pixels that share a row and a column of `into` there."""
    top, left = max(0, rows[0]), max(0, cols[0])
    shape = (len(numbers), min(into.shape[1], rows[-1] + 1) - top,
             min(into.shape[2], cols[-1] + 1) - left)  # fmt: skip
    inside = (cols >= left) & (cols < left + shape[2])
    starts = np.flatnonzero(np.diff(cols[inside], prepend=-1))
    places = cols[inside][starts] - left
    sums, counts = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for strip in _strips(dataset, len(numbers)):
        read = dataset.read(numbers, window=strip, masked=True)[..., inside]
        known = ~np.ma.getmaskarray(read) & np.isfinite(read.data)
        values = np.where(known, read.data, 0).astype(np.float32)
        total = np.add.reduceat(values, starts, axis=2)
        count = np.add.reduceat(known, starts, axis=2, dtype=np.float32)
        for at, row in enumerate(rows[strip.row_off : strip.row_off + strip.height] - top):
            if 0 <= row < shape[1]:
                sums[:, row, places] += total[:, at]
                counts[:, row, places] += count[:, at]
    place = into[:, top : top + shape[1], left : left + shape[2]]
    np.divide(sums, counts, out=place, where=counts > 0)


def _strips(dataset: Any, n_bands: int) -> Iterator[RasterioWindow]:
    """Yield windows of whole rows of blocks, as many as `_STRIP_VALUES` allow."""
    block = dataset.block_shapes[0][0]
    rows = max(1, _STRIP_VALUES // (dataset.width * n_bands))
    rows = max(block, rows // block * block)
    for top in range(0, dataset.height, rows):
        yield RasterioWindow(0, top, dataset.width, min(rows, dataset.height - top))
