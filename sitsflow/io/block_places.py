"""Where the compressed blocks of images lie, and the files that they are read from."""

from __future__ import annotations

from io import FileIO
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import OutputError


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


def runs(blocks: Blocks) -> list[tuple[int, int, int]]:
    """Return file, offset and size of stretches of neighbouring blocks, in the blocks' order."""
    there = blocks.file.ravel() >= 0
    file, offset, size = (array.ravel()[there] for array in blocks)
    if not file.size:
        return []
    apart = (file[1:] != file[:-1]) | (offset[1:] != offset[:-1] + size[:-1])
    starts = np.concatenate([[0], np.flatnonzero(apart) + 1])
    sizes = np.add.reduceat(size, starts)
    return list(zip(file[starts].tolist(), offset[starts].tolist(), sizes.tolist(), strict=True))


class Sources:
    """Files that blocks are copied from, by number; few are open at a time."""

    _MOST_OPEN = 64

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._open: dict[int, FileIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()

    def add(self, path: Path) -> int:
        """Take in a file; return its number."""
        self.paths.append(path)
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
