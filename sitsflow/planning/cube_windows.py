"""How a tile is cut for the cubes of `write_outputs`: rows of whole blocks, as wide as fits."""

from __future__ import annotations

from typing import NamedTuple

from sitsflow.geo.grid import Window
from sitsflow.plan import TilePlan
from sitsflow.planning.estimates import (
    ahead_bytes,
    placed_bytes,
    room_within,
    series_bytes,
    task_bytes,
)
from sitsflow.request import Request

CUBE_BLOCK = 256
"""Rows and columns of a block of a cube: those of the map would be many gigabytes of all bands."""

_RAM_GB = 1.0
_PART_SHARE = 0.6  # of the memory for pixels: a part that is computed at once


class CubeWindows(NamedTuple):
    """Windows of a tile, and what they need.

    `reads` are read one after the other, each for its `parts`, which are computed in turn.
    """

    reads: tuple[Window, ...]
    cols: int
    """Columns of a part."""
    ram_gb: float
    """Estimated peak memory of the task that writes the cubes."""

    def parts(self, read: Window) -> tuple[Window, ...]:
        """Return the parts of a window that is read at once, from the left."""
        return _across(read, self.cols)


def cube_windows(request: Request, tile: TilePlan) -> CubeWindows:
    """Cut a tile so that a part with all its bands, interpolated, fits in a worker of 1 GB.

    A part has whole blocks at least: a block that is written twice is compressed twice.
    """
    computed, kept = series_bytes(request, tile)
    grid, placed = tile.grid, placed_bytes(tile.series, tile.grid)
    room = max(0.0, room_within(min(request.maximum_ram, _RAM_GB)) - placed)
    rows = min(CUBE_BLOCK, grid.height)
    cols = _whole_blocks(int(room * _PART_SHARE / computed) // rows, grid.width)
    rest = room - rows * cols * computed
    wide = int(rest / kept) // rows // cols * cols
    wide = min(max(wide, cols), grid.width)
    strips = (
        Window(row=top, col=0, height=min(rows, grid.height - top), width=grid.width)
        for top in range(0, grid.height, rows)
    )
    reads = tuple(part for strip in strips for part in _across(strip, wide))
    read = kept + ahead_bytes(tile.series, request, grid)
    return CubeWindows(
        reads, cols, task_bytes(placed + rows * (cols * computed + wide * read)) / 1e9
    )


def _whole_blocks(cols: int, width: int) -> int:
    return min(width, max(1, cols // CUBE_BLOCK) * CUBE_BLOCK)


def _across(window: Window, cols: int) -> tuple[Window, ...]:
    return tuple(
        window.model_copy(
            update={"col": window.col + left, "width": min(cols, window.width - left)}
        )
        for left in range(0, window.width, cols)
    )
