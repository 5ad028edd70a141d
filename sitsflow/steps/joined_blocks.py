"""The blocks of the map of all tiles: moved where a tile has them as they are, or made of several.

Where tiles overlap, the first with a value wins, band by band. How many values each tile has in
each block is known: a block whose first tile has a value everywhere, or that no other tile has a
value in, is that tile's own, and so is an overview's block of nothing but such blocks of a tile.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from sitsflow.geo.frame import Frame
from sitsflow.io.block_codec import BlockCodec
from sitsflow.io.block_places import Blocks, Sources
from sitsflow.io.write import BLOCK
from sitsflow.steps.parts import torn
from sitsflow.steps.statistics import FIGURES, block_figures, halve, is_nodata, no_figures
from sitsflow.steps.tile_blocks import Floats, Spool, TileBlocks, n_overviews, quarter
from sitsflow.steps.tile_map import PlacedTile

_EMPTY, _SEVERAL = -1, -2
_COUNT = FIGURES.index("count")

Owners = NDArray[np.int32]
"""Whose a band's block is, (row, col): the number of a tile, `_EMPTY` or `_SEVERAL`."""


class Joiner:
    """Joins tiles, the first with a value first."""

    def __init__(
        self,
        tiles: Sequence[PlacedTile],
        shape: tuple[int, int],
        n_bands: int,
        nodata: float,
        codec: BlockCodec,
        sources: Sources,
        spool: Spool,
    ) -> None:
        self._tiles = tiles
        self._nodata = nodata
        self._codec = codec
        self._sources = sources
        self._spool = spool
        rows, cols = (-(-size // BLOCK) for size in shape)
        frame = Frame(0, 0, rows, cols)
        self._frames = [frame.halved(n) for n in range(n_overviews(shape) + 1)]
        self._levels = [Blocks.none((n_bands, one.rows, one.cols)) for one in self._frames]
        self._figures = no_figures((n_bands, rows, cols))
        self._pixels = np.outer(*(_lengths(size) for size in shape))
        self._owners: list[Owners] = []  # of the band at work, by level

    def joined(self) -> TileBlocks:
        """Find whose the blocks are, band by band, and make those that are of several tiles."""
        top = len(self._frames) - 1
        for band in range(len(self._figures[0])):
            self._owners = self._found(band)
            for level in range(top + 1):
                self._move(level, band)
            for row, col in np.argwhere(self._owners[top] == _SEVERAL).tolist():
                self._build(top, row, col, band)
        return TileBlocks(self._frames[0], self._levels, self._figures)

    def _found(self, band: int) -> list[Owners]:
        """Return the owners of a band's blocks, level by level."""
        owners = np.full(self._pixels.shape, _EMPTY, np.int32)
        complete = np.zeros(owners.shape, bool)
        for number, tile in enumerate(self._tiles):
            place = _slices(tile.frame)
            count = tile.figures[_COUNT, band]
            here, done = owners[place], complete[place]
            first = (count > 0) & (here == _EMPTY)
            here[(count > 0) & ~first & ~done] = _SEVERAL
            here[first] = number
            done |= first & (count == self._pixels[place])
        found = [owners]
        depth = np.array([len(tile.levels) for tile in self._tiles] or [0])
        for level in range(1, len(self._frames)):
            above = _owners_above(found[-1])
            above[(above >= 0) & (depth[above] <= level)] = _SEVERAL
            found.append(above)
        return found

    def _move(self, level: int, band: int) -> None:
        """Take over the blocks that are one tile's own, and the figures of full ones."""
        blocks, owners = self._levels[level], self._owners[level]
        for number, tile in enumerate(self._tiles):
            if level >= len(tile.levels):
                continue
            place = _slices(tile.frame.halved(level))
            own = owners[place] == number
            blocks.take(band, place, tile.levels[level], own)
            if level == 0:
                self._figures[:, band][:, *place][:, own] = tile.figures[:, band][:, own]

    def _build(self, level: int, row: int, col: int, band: int) -> Floats:
        """Make a block of several tiles and such under it; return its pixels (row, col)."""
        if level == 0:
            values = self._base(row, col, band)
        else:
            values = np.full((BLOCK, BLOCK), self._nodata, np.float32)
            for down, right in np.ndindex(2, 2):
                below = self._pixels_of(level - 1, 2 * row + down, 2 * col + right, band)
                if below is not None:
                    halve(below, self._nodata, quarter(values, down, right))
        self._spool.put(self._levels[level], [(band, row, col)], values[None])
        return values

    def _pixels_of(self, level: int, row: int, col: int, band: int) -> Floats | None:
        """Return the pixels of any block, None where there is none or none with a value."""
        if not self._frames[level].holds(row, col):
            return None
        owner = int(self._owners[level][row, col])
        if owner == _SEVERAL:
            return self._build(level, row, col, band)
        return None if owner == _EMPTY else self._decoded(owner, level, row, col, band)

    def _base(self, row: int, col: int, band: int) -> Floats:
        """Make a block of the full image."""
        values: Floats | None = None
        for number, tile in enumerate(self._tiles):
            if not tile.frame.holds(row, col) or not self._count(tile, band, row, col):
                continue
            if values is None:
                values = self._decoded(number, 0, row, col, band)
                continue
            free = is_nodata(values, self._nodata)
            if np.count_nonzero(free) == BLOCK * BLOCK - self._pixels[row, col]:
                break
            np.copyto(values, self._decoded(number, 0, row, col, band), where=free)
        assert values is not None  # no tile's: then it were empty
        self._figures[:, band, row, col] = block_figures(values, self._nodata)
        return values

    def _count(self, tile: PlacedTile, band: int, row: int, col: int) -> float:
        return float(tile.figures[_COUNT, band, row - tile.frame.row, col - tile.frame.col])

    def _decoded(self, number: int, level: int, row: int, col: int, band: int) -> Floats:
        tile = self._tiles[number]
        frame = tile.frame.halved(level)
        file, offset, size = (
            int(one[band, row - frame.row, col - frame.col]) for one in tile.levels[level]
        )
        try:
            data = self._sources.read(file, offset, size)
            blocks = self._codec.decode([data])
        except RasterioError as error:
            raise torn(tile.part, error) from error
        values: Floats = blocks[0]
        return values


def _lengths(size: int) -> NDArray[np.int64]:
    """Return how many of `size` pixels are in each block."""
    lengths = np.full(-(-size // BLOCK), BLOCK)
    lengths[-1] = size - BLOCK * (len(lengths) - 1)
    return lengths


def _slices(frame: Frame) -> tuple[slice, slice]:
    return (
        slice(frame.row, frame.row + frame.rows),
        slice(frame.col, frame.col + frame.cols),
    )


def _owners_above(owners: Owners) -> Owners:
    """Return whose the blocks of the next overview are: of four blocks of one owner, or none."""
    rows, cols = owners.shape
    even = np.pad(owners, ((0, rows % 2), (0, cols % 2)), constant_values=_EMPTY)
    four = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2)
    highest = four.max(axis=(1, 3))
    same = ((four == highest[:, None, :, None]) | (four == _EMPTY)).all(axis=(1, 3))
    above: Owners = np.where(same, highest, _SEVERAL).astype(np.int32)
    # The highest of four that are several tiles' or empty is empty.
    above[(four == _SEVERAL).any(axis=(1, 3))] = _SEVERAL
    return above
