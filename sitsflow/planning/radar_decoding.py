"""How often blocks of radar images are decoded: an image lies askew on the map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import MARGINS
from sitsflow.plan import RadarSeries, SeriesPlan
from sitsflow.radar.image import Image, co_polarised_first, open_image
from sitsflow.radar.multilook import multilook_factors, parts_of
from sitsflow.timeseries.radar_observations import margin_around

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NODES = 33  # along each side of a tile; between them places in an image are linear to 0.1 pixel
_PIECES = 16  # along each side of a tile, that together need no more than the tile
_MOST_PASSES = 4  # that are looked at; others of a series lie much alike


class Decoded(NamedTuple):
    """Pixels of blocks: those that are decoded, and those that must be, once each."""

    done: float
    needed: float


def radar_decoded(plan: SeriesPlan, grid: Grid, windows: Sequence[Window]) -> Decoded:
    """Count what is decoded of the measurements of a series for windows of a tile.

    Counted are the blocks that the windows reach with what border and filter look at around
    them, each time; needed are those under the tile. The ground is taken to be level,
    and the two lines that a slice needs of the next one are left out.

    Parameters
    ----------
    plan : SeriesPlan
        A series with `radar`.
    grid : Grid
        The whole grid of the tile.
    windows : sequence of Window
        Those that are read one after the other.
    """
    assert plan.radar is not None
    radar: RadarSeries = plan.radar
    settings, every = radar.settings, radar.acquisitions
    margin = margin_around(settings)
    factors = multilook_factors(grid)
    read = [window.grown(margin) for window in windows]
    if factors != (1, 1):
        read = [part for window in read for part in parts_of(window, factors)]
    pieces = list(_pieces(grid))
    chosen = every[:: math.ceil(len(every) / _MOST_PASSES)]
    done = needed = 0.0
    for image_of in (one for acquisition in chosen for one in acquisition.slices):
        image = open_image(image_of, settings, settings.polarisations)
        names = [name for name in settings.polarisations if name.upper() in plan.read]
        layers = len(co_polarised_first(image_of, names))
        reach = _Reach(image, grid, margin, settings.constant_height or 0.0)
        done += layers * reach.decoded(read)
        needed += layers * reach.needed(pieces)
    scale = len(every) / max(1, len(chosen))
    return Decoded(done * scale, needed * scale)


def _pieces(grid: Grid) -> Iterator[Window]:
    rows, cols = (
        np.unique(np.linspace(0, size, _PIECES + 1).astype(int)).tolist() for size in grid.shape
    )
    for (top, bottom), (left, right) in product(pairwise(rows), pairwise(cols)):
        yield Window(row=top, col=left, height=bottom - top, width=right - left)


class _Reach:
    """Which blocks of an image hold what windows of a tile show of it."""

    def __init__(self, image: Image, grid: Grid, margin: int, height: float) -> None:
        self._shape = image.geometry.shape
        self._block = image.border.block
        self._rows, self._cols = (
            np.linspace(-margin - 0.5, size + margin - 0.5, _NODES) for size in grid.shape
        )
        rows, cols = np.meshgrid(self._rows, self._cols, indexing="ij")
        self._places = image.geometry.places_of(grid, rows, cols, height)

    def decoded(self, windows: Sequence[Window]) -> float:
        """Count the pixels of all blocks that each window needs."""
        first, last = self._blocks(windows)
        counts = (last - first + 1).clip(0)
        return float((counts[0] * counts[1]).sum()) * math.prod(self._block)

    def needed(self, windows: Sequence[Window]) -> float:
        """Count the pixels of the blocks that any of the windows needs."""
        blocks = [-(-size // block) for size, block in zip(self._shape, self._block, strict=True)]
        touched = np.zeros(blocks, bool)
        first, last = self._blocks(windows)
        for (top, left), (bottom, right) in zip(first.T, last.T, strict=True):
            touched[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = True
        return float(touched.sum()) * math.prod(self._block)

    def _blocks(self, windows: Sequence[Window]) -> tuple[Ints, Ints]:
        """First and last block of windows down and right, shape (2, window); last < first: none."""
        edges = np.array(
            [(w.row, w.row + w.height - 1, w.col, w.col + w.width - 1) for w in windows], np.float64
        )
        corners = [
            [self._at(edges[:, down], edges[:, 2 + right]) for right in (0, 1)] for down in (0, 1)
        ]
        places = np.array(corners).reshape(4, 2, len(windows))
        size = np.array(self._shape)[:, None]
        block = np.array(self._block)[:, None]
        margin = MARGINS["bicubic"]
        missing = np.isnan(places)  # left of the track
        low = np.floor(np.where(missing, np.inf, places).min(axis=0) + 0.5) - margin
        high = np.floor(np.where(missing, -np.inf, places).max(axis=0) + 0.5) + margin
        outside = ((low > size - 1) | (high < 0)).any(axis=0)
        first = (low.clip(0, size - 1) // block).astype(np.int64)
        last = (high.clip(0, size - 1) // block).astype(np.int64)
        last[:, outside] = first[:, outside] - 1
        return first, last

    def _at(self, rows: Floats, cols: Floats) -> list[Floats]:
        """Lines and samples of fractional pixels, bilinear between nodes."""
        down = (rows - self._rows[0]) / (self._rows[1] - self._rows[0])
        right = (cols - self._cols[0]) / (self._cols[1] - self._cols[0])
        i, j = (np.floor(at).astype(int).clip(0, _NODES - 2) for at in (down, right))
        v, u = down - i, right - j
        found = []
        for table in self._places:
            upper = table[i, j] + u * (table[i, j + 1] - table[i, j])
            lower = table[i + 1, j] + u * (table[i + 1, j + 1] - table[i + 1, j])
            found.append(upper + v * (lower - upper))
        return found
