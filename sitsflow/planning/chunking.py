"""Cutting a tile into the windows that are computed one at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sitsflow.errors import ConfigError, Fault
from sitsflow.features.probe import ProbeResult
from sitsflow.geo.grid import Grid, Window
from sitsflow.plan import SeriesPlan
from sitsflow.planning.estimates import pixels_within
from sitsflow.request import Chunking, Request

_MOST_CHUNKS = 1_000_000  # each is a task and a file; iota2's 50 x 50 of a whole tile are 48,400

AUTO_RAM_GB = 2.0
"""What an automatic chunk may use, where the run allows more: many tasks keep cores busy."""


def tile_chunks(
    request: Request,
    grid: Grid,
    series: Sequence[SeriesPlan],
    probed: ProbeResult,
    block: tuple[int, int],
) -> tuple[Window, ...]:
    """Cut a tile as the request says; `block` is that of `cut`, in pixels of the sources."""
    return cut(
        grid,
        _rule(request, grid),
        _in_pixels_of(grid, block, series),
        pixels_within(min(request.maximum_ram, AUTO_RAM_GB), series, probed, request, grid),
    )


def _rule(request: Request, grid: Grid) -> Chunking:
    """Return the rule of cutting; of the corner of a tile inside an area, no more than rows."""
    if request.area_of_interest is None or request.chunking.mode != "split_number":
        return request.chunking
    number = min(request.chunking.number, grid.height)
    return request.chunking.model_copy(update={"number": number})


def _in_pixels_of(
    grid: Grid, block: tuple[int, int], series: Sequence[SeriesPlan]
) -> tuple[int, int]:
    """Return a block's size in pixels of the target where both share their CRS."""
    source = next(iter(series[0].grids.values()))
    if source.rasterio_crs != grid.rasterio_crs:
        return block
    rows, cols = source.yres / grid.yres, source.xres / grid.xres
    return max(1, round(block[0] * rows)), max(1, round(block[1] * cols))


def cut(grid: Grid, chunking: Chunking, block: tuple[int, int], pixels: int) -> tuple[Window, ...]:
    """Cut a grid into windows, row by row.

    Parameters
    ----------
    grid : Grid
        The tile's.
    chunking : Chunking
        The rule. ``split_number`` is iota2's: full-width strips, bounds at
        ``floor(linspace(0, rows, number + 1))``.
    block : tuple of int
        Rows and columns of the largest block that the sources decode at once, in pixels of
        `grid`; ``auto`` windows are made of whole ones.
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
    return _blocks(grid, *auto_size(grid.shape, block, pixels))


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
