"""The blocks of a tile's map, of its overviews, and the figures of their values.

They lie on the blocks of the whole map and of its overviews: there most of them are moved, not
made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.frame import Frame, halved_shape, overlap
from sitsflow.geo.grid import Window
from sitsflow.io.block_codec import BlockCodec
from sitsflow.io.block_places import LEADER, Blocks, Sources, framed
from sitsflow.io.write import BLOCK
from sitsflow.steps.parts import OpenParts, Part
from sitsflow.steps.statistics import FIGURES, block_figures, halve, is_nodata, no_figures

_BANDS = 4  # at once: of several hundred chunks each is opened once for all of them
_HALF = BLOCK // 2

Floats = NDArray[np.float32]


def n_overviews(shape: tuple[int, int]) -> int:
    """Return how many overviews a map of a shape has: until one block holds it, but at least one.

    A map of one row or column has none.
    """
    if min(shape) == 1 and max(shape) <= BLOCK:
        return 0
    level = 1
    while max(halved_shape(shape, level)) > BLOCK:
        level += 1
    return level


class Spool:
    """A file that takes encoded blocks, and is one of the sources of another."""

    def __init__(self, path: Path, sources: Sources, codec: BlockCodec) -> None:
        self._number = sources.add(path, framed=True)
        self._file = path.open("wb", buffering=0)
        self._codec = codec
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, blocks: Blocks, places: Sequence[tuple[int, int, int]], values: Floats) -> None:
        """Encode `values` (block, row, col), and set the places of these blocks."""
        for at, data in zip(places, self._codec.encode(values), strict=True):
            blocks.put(at, self._number, self._end + LEADER, len(data))
            rest = memoryview(framed(data))
            self._end += len(rest)
            while rest:
                rest = rest[self._file.write(rest) :]


class TileBlocks(NamedTuple):
    """All that a tile's map is made of, besides its tags."""

    frame: Frame
    levels: list[Blocks]
    """Of the full image first, then of its overviews; (band, row, col) of the frame's."""
    figures: NDArray[np.float64]
    """(figure, band, row, col), `FIGURES` of each block of the full image."""


class TileBuilder:
    """Puts parts in place, the first with a value first, block by block in the order of a quadtree.

    Parameters
    ----------
    parts : sequence of Part
    window : Window
        The pixels of the map that the tile has; of parts nothing beyond is taken.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        window: Window,
        n_bands: int,
        nodata: float,
        opened: OpenParts,
        sources: Sources,
        spool: Spool,
    ) -> None:
        self._parts = parts
        self._window = window
        self._nodata = nodata
        self._opened = opened
        self._spool = spool
        self._sources = sources
        self._numbers: dict[Path, int] = {}
        frame = Frame.around(window, BLOCK)
        self._frames = [frame.halved(n) for n in range(n_overviews(window.shape) + 1)]
        shapes = [(n_bands, one.rows, one.cols) for one in self._frames]
        self._levels = [Blocks.none(shape) for shape in shapes]
        self._figures = no_figures(shapes[0])
        self._touching = self._by_block()

    def built(self) -> TileBlocks:
        """Read all parts once; encode what cannot be moved."""
        n_bands, top = self._levels[0].file.shape[0], self._frames[-1]
        for first in range(0, n_bands, _BANDS):
            bands = range(first, min(first + _BANDS, n_bands))
            for row in range(top.row, top.row + top.rows):
                for col in range(top.col, top.col + top.cols):
                    self._build(len(self._frames) - 1, row, col, bands)
        return TileBlocks(self._frames[0], self._levels, self._figures)

    def _by_block(self) -> dict[tuple[int, int], list[Part]]:
        """Return the parts that share a pixel with each block, in their order."""
        found: dict[tuple[int, int], list[Part]] = {}
        for part in self._parts:
            if (shared := overlap(part.window, self._window)) is None:
                continue
            for place in _places(Frame.around(shared, BLOCK)):
                found.setdefault(place, []).append(part)
        return found

    def _build(self, level: int, row: int, col: int, bands: range) -> Floats | None:
        """Make a block and all under it; return its pixels (band, row, col), None without any."""
        if not self._frames[level].holds(row, col):
            return None
        if level == 0:
            return self._base(row, col, bands)
        values: Floats | None = None
        for down, right in np.ndindex(2, 2):
            below = self._build(level - 1, 2 * row + down, 2 * col + right, bands)
            if below is None:
                continue
            if values is None:
                values = np.full((len(bands), BLOCK, BLOCK), self._nodata, np.float32)
            for one, out in zip(below, quarter(values, down, right), strict=True):
                halve(one, self._nodata, out)
        if values is not None:
            filled = [n for n, one in enumerate(values) if not is_nodata(one, self._nodata).all()]
            self._encode(level, row, col, bands, filled, values)
        return values

    def _base(self, row: int, col: int, bands: range) -> Floats | None:
        """Make a block of the full image."""
        touching = self._touching.get((row, col), [])
        if not touching:
            return None
        values = self._painted(touching, Frame(row, col, 1, 1).window(BLOCK), bands)
        frame = self._frames[0]
        at = row - frame.row, col - frame.col
        filled = []
        for n, band in enumerate(bands):
            figures = block_figures(values[n], self._nodata)
            if figures[FIGURES.index("count")]:
                self._figures[:, band, *at] = figures
                if not self._move(touching, band, row, col):
                    filled.append(n)
        self._encode(0, row, col, bands, filled, values)
        return values

    def _move(self, touching: Sequence[Part], band: int, row: int, col: int) -> bool:
        """Take over a compressed block that is one part's own, where there is one."""
        if len(touching) > 1:
            return False
        part, frame = touching[0], self._frames[0]
        if overlap(part.window, self._window) != part.window:
            return False  # it has pixels that the tile has not
        blocks = self._opened.blocks(part)
        place = None if blocks is None else blocks.at(band, row, col)
        if blocks is None or place is None:
            return False
        if part.path not in self._numbers:
            self._numbers[part.path] = self._sources.add(part.path, framed=blocks.framed)
        at = (band, row - frame.row, col - frame.col)
        self._levels[0].put(at, self._numbers[part.path], *place)
        return True

    def _encode(
        self, level: int, row: int, col: int, bands: range, filled: Sequence[int], values: Floats
    ) -> None:
        if filled:
            frame = self._frames[level]
            at = row - frame.row, col - frame.col
            places = [(bands[n], *at) for n in filled]
            self._spool.put(self._levels[level], places, values[list(filled)])

    def _painted(self, touching: Sequence[Part], block: Window, bands: range) -> Floats:
        """Fill a block from the parts, the first with a value first; (band, row, col)."""
        values = np.full((len(bands), *block.shape), self._nodata, np.float32)
        inside = overlap(block, self._window)
        for number, part in enumerate(touching):
            shared = inside and overlap(part.window, inside)
            if shared is None:
                continue
            place = values[:, *shared.relative_to(block).slices]
            if number == 0:
                place[:] = self._opened.read(part, shared, bands)
                continue
            free = is_nodata(place, self._nodata)
            if free.any():
                np.copyto(place, self._opened.read(part, shared, bands), where=free)
        return values


def quarter(values: Floats, down: int, right: int) -> Floats:
    """Return the part of an overview's block (..., row, col) that one of four blocks fills."""
    rows, cols = (slice(n * _HALF, (n + 1) * _HALF) for n in (down, right))
    return values[..., rows, cols]


def _places(frame: Frame) -> Iterator[tuple[int, int]]:
    for row in range(frame.row, frame.row + frame.rows):
        for col in range(frame.col, frame.col + frame.cols):
            yield row, col
