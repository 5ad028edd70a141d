"""Which blocks of a map a part of it touches, counted from the map's first pixel."""

from __future__ import annotations

from typing import NamedTuple, Self

from sitsflow.geo.grid import Grid, Window


class Frame(NamedTuple):
    """A rectangle of blocks of a map, or of one of its overviews: its first block, and how many."""

    row: int
    col: int
    rows: int
    cols: int

    @classmethod
    def around(cls, window: Window, block: int) -> Self:
        """Return the blocks, of `block` rows and columns, that share a pixel with `window`."""
        top, left = window.row // block, window.col // block
        bottom = -(-(window.row + window.height) // block)
        right = -(-(window.col + window.width) // block)
        return cls(top, left, bottom - top, right - left)

    def halved(self, level: int) -> Frame:
        """Return the blocks of the overview whose pixels are 2 to the power of `level` as wide."""
        top, left = self.row >> level, self.col >> level
        bottom = -(-(self.row + self.rows) >> level)
        right = -(-(self.col + self.cols) >> level)
        return Frame(top, left, bottom - top, right - left)

    def window(self, block: int) -> Window:
        """Return the pixels of all blocks."""
        return Window(
            row=self.row * block,
            col=self.col * block,
            height=self.rows * block,
            width=self.cols * block,
        )

    def holds(self, row: int, col: int) -> bool:
        """Whether the block of a row and a column is one of these."""
        return 0 <= row - self.row < self.rows and 0 <= col - self.col < self.cols


def place_in(grid: Grid, whole: Grid) -> Window:
    """Return the pixels of `whole` nearest to those of `grid`; they may lie beyond it."""
    row, col = grid.nearest_offset_in(whole)
    return Window(row=row, col=col, height=grid.height, width=grid.width)


def overlap(one: Window, other: Window) -> Window | None:
    """Return the pixels that two windows share."""
    top, left = max(one.row, other.row), max(one.col, other.col)
    bottom = min(one.row + one.height, other.row + other.height)
    right = min(one.col + one.width, other.col + other.width)
    if bottom <= top or right <= left:
        return None
    return Window(row=top, col=left, height=bottom - top, width=right - left)


def halved_shape(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """Return rows and columns of an overview; a last odd one is kept, as GDAL does."""
    return -(-shape[0] >> level), -(-shape[1] >> level)


def anchored(grid: Grid, window: Window, step: int) -> tuple[Grid, Window]:
    """Return a window in a grid that begins earlier, so that every `step`-th pixel is the same one.

    The part of a tile inside an area has its own first pixel. Nodes that are counted from here lie
    at the same places for all parts of a map, and so do the pixels between them.
    """
    down = round(-grid.y / grid.yres) % step
    right = round(grid.x / grid.xres) % step
    earlier = grid.model_copy(
        update={
            "x": grid.x - right * grid.xres,
            "y": grid.y + down * grid.yres,
            "height": grid.height + down,
            "width": grid.width + right,
        }
    )
    moved = window.model_copy(update={"row": window.row + down, "col": window.col + right})
    return earlier, moved
