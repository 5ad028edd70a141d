"""Cutting a tile into the windows that are computed one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sitsflow.errors import ConfigError, Fault
from sitsflow.features.probe import ProbeResult
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import MARGINS
from sitsflow.plan import SeriesPlan
from sitsflow.planning.decoding import layers_by_grid
from sitsflow.planning.estimates import pixels_within
from sitsflow.request import Chunking, Request, Resampling

_MOST_CHUNKS = 1_000_000  # each is a task and a file; iota2's 50 x 50 of a whole tile are 48,400

_PARTS = (1, 2, 4)
_LITTLE = 1e-6

AUTO_RAM_GB = 2.0
"""What an automatic chunk may use, where the run allows more: many tasks keep cores busy."""


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
            sum(
                (min(start + step + margin, size) - _LITTLE) // block
                - max(0, start - margin) // block
                + 1
                for start in range(0, size, step)
            )
            for size, step, block, margin in zip(shape, chunk, self.size, self.margin, strict=True)
        )
        return self.layers * rows * cols * self.size[0] * self.size[1]


def tile_chunks(
    request: Request,
    grid: Grid,
    series: Sequence[SeriesPlan],
    probed: ProbeResult,
    blocks: Mapping[Grid, tuple[int, int]],
) -> tuple[Window, ...]:
    """Cut a tile as the request says; `blocks` are those of the sources' grids, in their pixels."""
    return cut(
        grid,
        _rule(request, grid),
        [one for plan in series for one in _on_target(grid, blocks, plan, request.resampling)],
        pixels_within(min(request.maximum_ram, AUTO_RAM_GB), series, probed, request, grid),
    )


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
    for source, layers in layers_by_grid(plan).items():
        alike = source.rasterio_crs.linear_units == grid.rasterio_crs.linear_units
        rows = source.yres / grid.yres if alike else 1.0
        cols = source.xres / grid.xres if alike else 1.0
        height, width = blocks.get(source, (1, source.width))
        margin = 0 if grid.offset_in(source) is not None else MARGINS[method]
        # Pixels twice as wide are a quarter as many to decode.
        share = layers / (rows * cols)
        yield Blocks((height * rows, width * cols), (margin * rows, margin * cols), share)


def cut(
    grid: Grid, chunking: Chunking, blocks: Sequence[Blocks], pixels: int
) -> tuple[Window, ...]:
    """Cut a grid into windows, row by row.

    Parameters
    ----------
    grid : Grid
        The tile's.
    chunking : Chunking
        The rule. ``split_number`` is iota2's: full-width strips, bounds at
        ``floor(linspace(0, rows, number + 1))``.
    blocks : sequence of Blocks
        What the sources decode at once; ``auto`` windows are those with which least is decoded.
    pixels : int
        The most pixels that an ``auto`` window may have.

    Raises
    ------
    ConfigError
        If there are more chunks than rows and columns.
    """
    if chunking.mode == "split_number":
        return _strips(grid, chunking.number)
    if chunking.mode == "user_fixed":
        return _blocks(grid, chunking.size_y, chunking.size_x)
    return _blocks(grid, *best_size(grid.shape, blocks, pixels))


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


def _blocks(grid: Grid, height: int, width: int) -> tuple[Window, ...]:
    number = math.ceil(grid.height / height) * math.ceil(grid.width / width)
    if number > _MOST_CHUNKS:
        message = (
            f"chunks of {width} x {height} pixels cut a tile of {grid.width} x {grid.height} in "
            f"{number}; at most {_MOST_CHUNKS}"
        )
        raise ConfigError([Fault("external_features.chunk_size_x", message)])
    return tuple(
        Window(
            row=row * height,
            col=col * width,
            height=min(height, grid.height - row * height),
            width=min(width, grid.width - col * width),
        )
        for row in range(math.ceil(grid.height / height))
        for col in range(math.ceil(grid.width / width))
    )
