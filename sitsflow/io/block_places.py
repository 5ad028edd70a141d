"""Where the compressed blocks of images lie, and the files that they are read from."""

from __future__ import annotations

from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import OutputError

LEADER, FRAME = 4, 8
"""Bytes before a block, and before and behind it: its size, and its last four again.

By them readers over a network need not look up sizes, and see that a block was changed. Source:
https://gdal.org/en/stable/drivers/raster/cog.html, "Header ghost area".
"""


class Blocks(NamedTuple):
    """Where the blocks of an image lie: arrays (band, row, col).

    `file` is the number of a file in `Sources`, -1 where there is no block.
    """

    file: NDArray[np.int32]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]

    @classmethod
    def none(cls, shape: tuple[int, int, int]) -> Self:
        """Return those of an image without any."""
        return cls(
            np.full(shape, -1, np.int32), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        )

    def put(self, at: tuple[int, ...], file: int, offset: int, size: int) -> None:
        """Set the place of one block."""
        self.file[at], self.offset[at], self.size[at] = file, offset, size

    def take(
        self, band: int, place: tuple[slice, slice], other: Blocks, own: NDArray[np.bool_]
    ) -> None:
        """Set the places of a band's blocks that are `own` in `place` to those of another image."""
        self.file[band][place][own] = other.file[band][own]
        self.offset[band][place][own] = other.offset[band][own]
        self.size[band][place][own] = other.size[band][own]


class Run(NamedTuple):
    """Neighbouring blocks of a file: from where, and how many bytes.

    `framed` ones are with the frame of each block; another is one block, and has none.
    """

    file: int
    offset: int
    size: int
    framed: bool


def runs(blocks: Blocks, framed: Sequence[bool]) -> list[Run]:
    """Return the stretches of blocks that can be copied at once, in the blocks' order.

    `framed` says of each file whether its blocks have frames.
    """
    there = blocks.file.ravel() >= 0
    file, offset, size = (array.ravel()[there] for array in blocks)
    if not file.size:
        return []
    has_frame = np.array(framed)[file]
    begin = np.where(has_frame, offset - LEADER, offset)
    length = np.where(has_frame, size + FRAME, size)
    apart = (file[1:] != file[:-1]) | (begin[1:] != begin[:-1] + length[:-1]) | ~has_frame[1:]
    starts = np.concatenate([[0], np.flatnonzero(apart) + 1])
    columns = file[starts], begin[starts], np.add.reduceat(length, starts), has_frame[starts]
    return [Run(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def framed(data: bytes) -> bytes:
    """Return a block with its frame."""
    return len(data).to_bytes(LEADER, "little") + data + data[LEADER - FRAME :]


class Sources:
    """Files that blocks are copied from, by number; few are open at a time."""

    _MOST_OPEN = 64

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.framed: list[bool] = []
        self._open: dict[int, FileIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()

    def add(self, path: Path, *, framed: bool) -> int:
        """Take in a file, whose blocks may have frames; return its number."""
        self.paths.append(path)
        self.framed.append(framed)
        return len(self.paths) - 1

    def read(self, number: int, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on.

        Raises
        ------
        OutputError
            If the file is shorter.
        """
        file = self._open.pop(number, None)
        if file is None:
            if len(self._open) >= self._MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            file = FileIO(self.paths[number])
        self._open[number] = file
        file.seek(offset)
        data = file.read(size)
        while len(data) < size:
            if not (more := file.read(size - len(data))):
                raise OutputError(
                    f"{self.paths[number]}: ends before a block that it had; delete it and run "
                    "the step that makes it again"
                )
            data += more
        return data
