"""Cutting a tile into the windows that are computed one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from sitsflow.errors import ConfigError, Fault
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import MARGINS
from sitsflow.io.write import BLOCK
from sitsflow.plan import SeriesPlan
from sitsflow.planning.decoding import layers_by_grid
from sitsflow.planning.estimates import PixelBytes, pixels_within, room_within
from sitsflow.radar.multilook import multilook_factors
from sitsflow.request import Chunking, Request, Resampling

_MOST_CHUNKS = 1_000_000  # each is a task and a file; iota2's 50 x 50 of a whole tile are 48,400

_PARTS = (1, 2, 4)
_COMPACT, _AROUND = 2 * BLOCK, 12
"""Sides of chunks of radar, pixels of the image, and how far border and filter reach, pixels."""
_LITTLE = 1e-6
_FREE = 0.01  # of what is decoded: less than what whole blocks of the map save
_KEPT_SHARE = 0.5  # of a chunk's memory for pixels: its features, while its parts are computed
_PART_SHARE = 0.4  # of the same: a part that is computed at once
_PART_BYTES = 0.1e9  # more makes nothing faster, and less of it stays in the processor's caches
_PADDING_SHARE = 8  # rows of a part for one of padding, which parts compute twice
_DEARER = 1.1  # decoding that more memory is given for

AUTO_RAM_GB = (0.7, 1.0)
"""What an automatic chunk may use, where the run allows it: the second where it saves decoding."""
WHOLE_RAM_GB = 2.0
"""What an automatic chunk may use that functions are given as a whole."""


class Blocks(NamedTuple):
    """The blocks of the files on one grid, in pixels of the target, and how many layers there are.

    `margin` is how far windows of the source reach beyond the chunk's edge.
    """

    size: tuple[float, float]
    margin: tuple[float, float]
    layers: float

    def decoded(self, shape: tuple[int, int], chunk: tuple[int, int]) -> float:
        """Count the pixels that are decoded for a tile of `shape` in chunks of a size."""
        rows, cols = (
            [*range(0, size, step), size] for size, step in zip(shape, chunk, strict=True)
        )
        return self.decoded_between(rows, cols)

    def decoded_between(self, rows: Sequence[int], cols: Sequence[int]) -> float:
        """Count them for windows with these edges, from 0 to the size of the tile."""
        counts = (
            sum(
                (min(end + margin, edges[-1]) - _LITTLE) // block
                - max(0, start - margin) // block
                + 1
                for start, end in pairwise(edges)
            )
            for edges, block, margin in zip((rows, cols), self.size, self.margin, strict=True)
        )
        return self.layers * math.prod(counts) * math.prod(self.size)


class Chunks(NamedTuple):
    """The windows of a tile, and how many rows are computed and read at once; as in `TilePlan`."""

    windows: tuple[Window, ...]
    pass_rows: int | None = None
    read_rows: int | None = None


class _Way(NamedTuple):
    """A way to cut a tile, and how many pixels of the sources are decoded with it."""

    decoded: float
    chunks: Chunks


def tile_chunks(
    request: Request,
    grid: Grid,
    series: Sequence[SeriesPlan],
    each: PixelBytes,
    blocks: Mapping[Grid, tuple[int, int]],
    mosaic: Grid,
) -> Chunks:
    """Cut a tile as the request says, and its chunks in parts.

    Parameters
    ----------
    each : PixelBytes
        Memory of a pixel of the tile.
    blocks : mapping of Grid to tuple of int
        Rows and columns of the blocks of the sources' grids, in their pixels.
    mosaic : Grid
        That of the map.
    """
    rule = _rule(request, grid)
    if rule.mode != "auto":
        room = max(0.0, room_within(min(request.maximum_ram, AUTO_RAM_GB[-1])) - each.placed)
        return _in_parts(request, cut(grid, rule), each, room)
    sources = [one for plan in series for one in _on_target(grid, blocks, plan, request.resampling)]
    place = grid.nearest_offset_in(mosaic)
    ways = []
    for ram in (WHOLE_RAM_GB,) if request.whole_chunk else AUTO_RAM_GB:
        room = max(0.0, room_within(min(request.maximum_ram, ram)) - each.placed)
        ways.append(_automatic(request, grid, each, sources, place, room))
    first, last = ways[0], ways[-1]
    return (first if first.decoded <= last.decoded * _DEARER else last).chunks


def _automatic(
    request: Request,
    grid: Grid,
    each: PixelBytes,
    sources: Sequence[Blocks],
    place: tuple[int, int],
    room: float,
) -> _Way:
    """Cut a tile within so many bytes: whole blocks are read, and then computed in parts.

    Where what is read of all bands is more than that, parts read what they need band by band.
    """
    part = _part_pixels(request, each, room) * each.computed
    together = _cut_within(grid, each, sources, place, room - part, each.kept)
    alone = _cut_within(grid, each, sources, place, room, each.computed)
    if request.whole_chunk or alone.decoded * (1 + _FREE) < together.decoded:
        return alone
    return together._replace(
        chunks=_with_parts(request, together.chunks, _part_pixels(request, each, room))
    )


def _cut_within(
    grid: Grid,
    each: PixelBytes,
    sources: Sequence[Blocks],
    place: tuple[int, int],
    room: float,
    read: float,
) -> _Way:
    """Cut a tile where a pixel that is read takes `read` bytes; `pass_rows` are read at once."""
    kept = BLOCK * grid.width * each.features
    if kept < room * _KEPT_SHARE:
        # Windows of few rows together have whole blocks of the map, if their features are few.
        size = best_size(grid.shape, sources, pixels_within(room - kept, read))
        if size[0] < min(BLOCK, grid.height) and size[1] == grid.width:
            joined = cut_along(grid, size, sources, place, joined=True)
            if joined.pass_rows:
                return _Way(_decoded(sources, grid, size), joined)
    size = best_size(grid.shape, sources, pixels_within(room, read + each.features))
    made = cut_along(grid, size, sources, place, joined=False)
    return _Way(_decoded(sources, grid, size), made)


def _decoded(sources: Sequence[Blocks], grid: Grid, size: tuple[int, int]) -> float:
    return sum(one.decoded(grid.shape, size) for one in sources)


def _part_pixels(request: Request, each: PixelBytes, room: float) -> int:
    """Return how many pixels of a tile are computed at once."""
    return pixels_within(min(room * _PART_SHARE, _PART_BYTES), each.computed)


def _with_parts(request: Request, chunks: Chunks, pixels: int) -> Chunks:
    """Let what is read at once, the `pass_rows` of `chunks` or all, be computed in parts."""
    height, width = _largest(chunks.windows)
    read = min(chunks.pass_rows or height, height)
    rows = max(1, pixels // width, _PADDING_SHARE * request.padding[1])
    if rows >= read:
        return chunks
    return chunks._replace(pass_rows=rows, read_rows=read)


def _largest(windows: Sequence[Window]) -> tuple[int, int]:
    """Return the most rows and the most columns of some windows."""
    return max(one.height for one in windows), max(one.width for one in windows)


def _in_parts(
    request: Request, windows: tuple[Window, ...], each: PixelBytes, room: float
) -> Chunks:
    """Let chunks that the user has cut be computed in parts, as large as memory lets them be."""
    if request.whole_chunk:
        return Chunks(windows)
    pixels = _part_pixels(request, each, room)
    height, width = _largest(windows)
    rest = room - pixels * each.computed - height * width * each.features
    read = max(1, pixels_within(rest, each.kept) // width)
    if each.kept > each.computed:
        return Chunks(windows, max(1, pixels // width) if pixels < height * width else None)
    return _with_parts(request, Chunks(windows, read if read < height else None), pixels)


def cut_along(
    grid: Grid,
    size: tuple[int, int],
    sources: Sequence[Blocks],
    place: tuple[int, int],
    *,
    joined: bool,
) -> Chunks:
    """Cut a tile along the blocks of the map, where no more of the sources is decoded for it.

    Parameters
    ----------
    size : tuple of int
        Rows and columns that are best for the sources alone.
    place : tuple of int
        Row and column of the tile's first pixel in the map.
    joined : bool
        Whether windows of fewer rows than a block become parts of chunks, computed in turn.
    """
    _refuse_many(grid, *size)
    least = sum(one.decoded(grid.shape, size) for one in sources)
    step = size[0] if joined else None
    plain = [
        [*range(0, length, part), length] for length, part in zip(grid.shape, size, strict=True)
    ]
    along = [
        _block_edges(length, most, start)
        for length, most, start in zip(
            grid.shape, (BLOCK, size[1]) if joined else size, place, strict=True
        )
    ]
    for rows, cols in product((along[0], plain[0]), (along[1], plain[1])):
        parts = rows if step is None else _split(rows, step)
        if sum(one.decoded_between(parts, cols) for one in sources) <= least * (1 + _FREE):
            break
    tall = step is not None and any(end - start > step for start, end in pairwise(rows))
    return Chunks(_between(rows, cols), step if tall else None)


def _block_edges(length: int, most: int, start: int) -> list[int]:
    """Return edges at those of blocks, `most` pixels apart at most; anywhere if that is less."""
    if most >= length or most < BLOCK:
        return [*range(0, length, most), length]
    first = (start + most) // BLOCK * BLOCK - start
    return [0, *range(first, length, most // BLOCK * BLOCK), length]


def _split(edges: Sequence[int], step: int) -> list[int]:
    return [*(at for start, end in pairwise(edges) for at in range(start, end, step)), edges[-1]]


def _rule(request: Request, grid: Grid) -> Chunking:
    """Return the rule of cutting; of the corner of a tile inside an area, no more than rows."""
    if request.area_of_interest is None or request.chunking.mode != "split_number":
        return request.chunking
    number = min(request.chunking.number, grid.height)
    return request.chunking.model_copy(update={"number": number})


def _on_target(
    grid: Grid, blocks: Mapping[Grid, tuple[int, int]], plan: SeriesPlan, method: Resampling
) -> Iterator[Blocks]:
    """Yield the blocks of each grid of a series in pixels of the target.

    Where the systems differ, as if they did not: then blocks lie askew anyway.
    """
    if plan.radar is not None:
        # An image lies askew on the map: what is compact needs least of it.
        layers = float(len(plan.scenes) * max(1, len(plan.read)))
        down, right = multilook_factors(grid)
        compact = max(1, _COMPACT // down), max(1, _COMPACT // right)
        yield Blocks(compact, (_AROUND, _AROUND), layers * down * right)
        return
    for source, layers in layers_by_grid(plan).items():
        alike = source.rasterio_crs.linear_units == grid.rasterio_crs.linear_units
        rows = source.yres / grid.yres if alike else 1.0
        cols = source.xres / grid.xres if alike else 1.0
        height, width = blocks.get(source, (1, source.width))
        margin = 0 if grid.offset_in(source) is not None else MARGINS[method]
        # Pixels twice as wide are a quarter as many to decode.
        share = layers / (rows * cols)
        yield Blocks((height * rows, width * cols), (margin * rows, margin * cols), share)


def cut(grid: Grid, chunking: Chunking) -> tuple[Window, ...]:
    """Cut a grid into windows, row by row, as the user wants them.

    Parameters
    ----------
    grid : Grid
        The tile's.
    chunking : Chunking
        The rule, not ``auto``. ``split_number`` is iota2's: full-width strips, bounds at
        ``floor(linspace(0, rows, number + 1))``.

    Raises
    ------
    ConfigError
        If there are more chunks than rows and columns.
    """
    if chunking.mode == "split_number":
        return _strips(grid, chunking.number)
    return _blocks(grid, chunking.size_y, chunking.size_x)


def best_size(shape: tuple[int, int], blocks: Sequence[Blocks], pixels: int) -> tuple[int, int]:
    """Return the rows and columns of windows with which least is decoded, of those that fit.

    Tried are windows of whole blocks of each grid, and of halves and quarters of blocks where
    whole ones are too large; of equal ones the first, and so those of the largest block.
    """
    largest = sorted({one.size for one in blocks}, key=lambda size: -size[0] * size[1])
    tried = [
        auto_size(shape, (max(1, round(rows / down)), max(1, round(cols / right))), pixels)
        for rows, cols in largest or [(1, 1)]
        for down in _PARTS
        for right in _PARTS
    ]
    return min(tried, key=lambda size: sum(one.decoded(shape, size) for one in blocks))


def auto_size(shape: tuple[int, int], block: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Return the rows and columns of automatic windows: full width if memory lets them be."""
    rows, cols = shape
    height, width = min(block[0], rows), min(block[1], cols)
    if height * cols <= pixels:
        return min(rows, pixels // cols // height * height), cols
    if height * width <= pixels:
        return height, pixels // height // width * width
    # Not even one block: then decode it several times, in strips.
    return max(1, pixels // width), width


def _strips(grid: Grid, number: int) -> tuple[Window, ...]:
    rows, cols = grid.shape
    if number > rows + cols:
        raise ConfigError(
            [
                Fault(
                    "external_features.number_of_chunks",
                    f"{number} chunks of a tile of {rows} rows and {cols} columns; "
                    f"at most {rows + cols}",
                )
            ]
        )
    # iota2's quirk: beyond one row a chunk, rows are cut one by one, and columns by the rest.
    tops = _bounds(rows, min(number, rows))
    lefts = _bounds(cols, max(1, number - rows))
    return tuple(
        Window(row=top, col=left, height=bottom - top, width=right - left)
        for top, bottom in pairwise(tops)
        for left, right in pairwise(lefts)
    )


def _bounds(size: int, parts: int) -> list[int]:
    return [int(bound) for bound in np.floor(np.linspace(0, size, parts + 1))]


def _between(rows: Sequence[int], cols: Sequence[int]) -> tuple[Window, ...]:
    return tuple(
        Window(row=top, col=left, height=bottom - top, width=right - left)
        for top, bottom in pairwise(rows)
        for left, right in pairwise(cols)
    )


def _blocks(grid: Grid, height: int, width: int) -> tuple[Window, ...]:
    _refuse_many(grid, height, width)
    rows, cols = (
        [*range(0, size, step), size]
        for size, step in zip(grid.shape, (height, width), strict=True)
    )
    return _between(rows, cols)


def _refuse_many(grid: Grid, height: int, width: int) -> None:
    number = math.ceil(grid.height / height) * math.ceil(grid.width / width)
    if number > _MOST_CHUNKS:
        message = (
            f"chunks of {width} x {height} pixels cut a tile of {grid.width} x {grid.height} in "
            f"{number}; at most {_MOST_CHUNKS}"
        )
        raise ConfigError([Fault("external_features.chunk_size_x", message)])
