"""Parts of a tile as people name them: pixels, slices, or bounds on the map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import Any

from sitsflow.errors import GridError
from sitsflow.geo.grid import Grid, Window

Part = Window | tuple[slice, slice] | tuple[float, float, float, float]
"""A window, slices of rows and columns, or west, south, east, north in the grid's system."""


def window_in(grid: Grid, part: Part | None, name: str) -> Window:
    """Return the window of `grid` that `part` stands for; None: all of it.

    Bounds are widened to whole pixels, and what they have outside the grid is left out.

    Raises
    ------
    GridError
        If there is no such part; `name` is what the grid is called there.
    """
    if part is None:
        return grid.whole
    if isinstance(part, Window):
        return _inside(grid, part, name)
    values: tuple[Any, ...] = tuple(part) if isinstance(part, Iterable) else ()
    if len(values) == 2 and all(isinstance(one, slice) for one in values):
        return _of_slices(grid, values[0], values[1], name)
    if len(values) == 4 and all(isinstance(one, Real) for one in values):
        west, south, east, north = map(float, values)
        found = grid.window_of((west, south, east, north))
        if found is None:
            raise GridError(
                f"{name}: nothing of it lies within {_text((west, south, east, north))} "
                f"(west, south, east, north in {grid.system}); it covers {_text(grid.bounds)}"
            )
        return found
    raise GridError(
        f"{name}: {part!r} is no part of it; give a Window, slices of rows and columns, or the "
        "bounds west, south, east, north"
    )


def pixel_at(grid: Grid, x: float, y: float, name: str) -> Window:
    """Return the pixel that holds a point.

    Raises
    ------
    GridError
        If it lies outside the grid.
    """
    found = grid.pixel_at(x, y)
    if found is None:
        raise GridError(
            f"{name}: {place_text(x, y)} lies outside; it covers {_text(grid.bounds)} in "
            f"{grid.system}"
        )
    return found


def pieces(window: Window, chunks: Sequence[Window]) -> Iterator[Window]:
    """Yield the parts of `window` in each of some windows that cover it without overlap."""
    for chunk in chunks:
        top, left = max(window.row, chunk.row), max(window.col, chunk.col)
        bottom = min(window.row + window.height, chunk.row + chunk.height)
        right = min(window.col + window.width, chunk.col + chunk.width)
        if bottom > top and right > left:
            yield Window(row=top, col=left, height=bottom - top, width=right - left)


def _inside(grid: Grid, window: Window, name: str) -> Window:
    fits = window.row + window.height <= grid.height and window.col + window.width <= grid.width
    if window.row < 0 or window.col < 0 or not fits:
        raise GridError(
            f"{name}: rows {window.row} to {window.row + window.height - 1}, columns {window.col} "
            f"to {window.col + window.width - 1} are not all in it; it has {grid.height} rows and "
            f"{grid.width} columns"
        )
    return window


def _of_slices(grid: Grid, rows: slice, cols: slice, name: str) -> Window:
    (top, bottom, down), (left, right, along) = (
        one.indices(size) for one, size in zip((rows, cols), grid.shape, strict=True)
    )
    if (down, along) != (1, 1) or bottom <= top or right <= left:
        raise GridError(
            f"{name}: {rows}, {cols} is no window of {grid.height} rows and {grid.width} columns; "
            "slices must hold something and go on by 1"
        )
    return Window(row=top, col=left, height=bottom - top, width=right - left)


def place_text(x: float, y: float) -> str:
    """Return a place for messages; of coordinates in metres, whole millions, no digit is lost."""
    return f"x {x:.10g}, y {y:.10g}"


def _text(bounds: Sequence[float]) -> str:
    return ", ".join(f"{value:.10g}" for value in bounds)
