"""The files that a merge puts together: read as pixels, or their blocks found as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.windows
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from sitsflow.errors import OutputError
from sitsflow.geo.grid import Grid, Window
from sitsflow.io.block_codec import BlockCodec
from sitsflow.io.geotiff import HIDDEN
from sitsflow.io.tiff import BANDS, TiffError, read_directories
from sitsflow.io.write import BLOCK

_MOST_OPEN = 64


@dataclass(frozen=True)
class Part:
    """A file to put in place: the grid of its pixels, and where they lie in the map's.

    The file may reach farther, up to the edges of blocks, and holds no data there.
    """

    path: Path
    grid: Grid
    window: Window
    made_by: str


def refuse_missing(parts: Sequence[Part]) -> None:
    """Refuse to go on without files; the error names them."""
    absent = [part for part in parts if not part.path.is_file()]
    if absent:
        names = ", ".join(str(part.path) for part in absent[:5])
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        raise OutputError(f"missing: {names}{more}; run {absent[0].made_by} again")


def torn(part: Part, error: Exception | str) -> OutputError:
    """Return the error to raise of a part that cannot be read."""
    return OutputError(
        f"{part.path}: cannot be read whole ({error}); delete it and run {part.made_by} again"
    )


@dataclass(frozen=True)
class PartBlocks:
    """The compressed blocks of a part that lie on the map's: of the first, row and column there."""

    row: int
    col: int
    whole: tuple[int, int]
    """How many rows and columns of blocks hold nothing but the file's pixels and no data."""
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    framed: bool
    """Whether each has the frame that our own writer gives it."""

    def at(self, band: int, row: int, col: int) -> tuple[int, int] | None:
        """Return offset and size in the file of a block, by row and column in the map."""
        row, col = row - self.row, col - self.col
        if not (0 <= row < self.whole[0] and 0 <= col < self.whole[1]):
            return None
        offset, size = int(self.offset[band, row, col]), int(self.size[band, row, col])
        return (offset, size) if size else None


class OpenParts:
    """The parts being read, each checked when opened, the longest unused closed first."""

    def __init__(self, n_bands: int, codec: BlockCodec) -> None:
        self._n_bands = n_bands
        self._codec = codec
        self._datasets: dict[Path, Any] = {}
        self._corners: dict[Path, tuple[int, int]] = {}
        self._blocks: dict[Path, PartBlocks | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            for dataset in self._datasets.values():
                stack.callback(dataset.close)

    def read(self, part: Part, window: Window, bands: Sequence[int]) -> NDArray[np.float32]:
        """Read `window`, in rows and columns of the map, of bands from 0, as (band, row, col)."""
        try:
            dataset = self._opened(part)
            row, col = self._corners[part.path]
            place = rasterio.windows.Window(
                window.col - part.window.col + col,
                window.row - part.window.row + row,
                window.width,
                window.height,
            )
            values: NDArray[np.float32] = dataset.read([band + 1 for band in bands], window=place)
        except RasterioError as error:
            raise torn(part, error) from error
        return values

    def blocks(self, part: Part) -> PartBlocks | None:
        """Return the blocks of a part that may be moved, None if they lie or are made otherwise."""
        if part.path not in self._blocks:
            try:
                self._opened(part)
                self._blocks[part.path] = self._found(part)
            except (OSError, RasterioError, TiffError) as error:
                raise torn(part, error) from error
        return self._blocks[part.path]

    def place(self, part: Part) -> Window:
        """Return where the part's file lies in rows and columns of the map, all of its pixels."""
        try:
            height, width = self._opened(part).shape
        except RasterioError as error:
            raise torn(part, error) from error
        row, col = self._corners[part.path]
        window = part.window
        return Window(row=window.row - row, col=window.col - col, height=height, width=width)

    def _found(self, part: Part) -> PartBlocks | None:
        row, col = (
            start - corner
            for start, corner in zip(
                (part.window.row, part.window.col), self._corners[part.path], strict=True
            )
        )
        directory = read_directories(part.path)[0]
        if row % BLOCK or col % BLOCK or not self._codec.made(directory.fields):
            return None
        offset, size = directory.places
        if len(offset) != directory.number(BANDS, 1):
            return None  # a block of several bands
        if (offset + size).max() > part.path.stat().st_size:
            raise TiffError("the file ends before its last block")
        # Of a block that reaches beyond the file's pixels, only our own writer says what is there.
        ours = HIDDEN in directory.fields
        whole = [math.ceil(n / BLOCK) if ours else n // BLOCK for n in directory.shape]
        return PartBlocks(row // BLOCK, col // BLOCK, (whole[0], whole[1]), offset, size, ours)

    def _opened(self, part: Part) -> Any:
        dataset = self._datasets.pop(part.path, None)
        if dataset is None:
            if len(self._datasets) >= _MOST_OPEN:
                self._datasets.pop(next(iter(self._datasets))).close()
            dataset = rasterio.open(part.path)
            self._check(part, dataset)
        self._datasets[part.path] = dataset
        return dataset

    def _check(self, part: Part, dataset: Any) -> None:
        grid = part.grid
        corner = dataset.transform.c, dataset.transform.f
        row, col = round((corner[1] - grid.y) / grid.yres), round((grid.x - corner[0]) / grid.xres)
        spare = dataset.height - row - grid.height, dataset.width - col - grid.width
        begins = grid.part(Window(row=-row, col=-col, height=1, width=1))
        if (
            dataset.count == self._n_bands
            and dataset.transform.almost_equals(begins.transform, 1e-3)
            and all(0 <= one < BLOCK for one in (row, col, *spare))
            and all(
                not n or size % BLOCK == 0 for n, size in zip(spare, dataset.shape, strict=True)
            )
        ):
            self._corners[part.path] = row, col
            return
        found = (dataset.count, *dataset.shape)
        dataset.close()
        raise OutputError(
            f"{part.path}: has {found} bands, rows and columns at {corner}, not "
            f"{(self._n_bands, *grid.shape)} at {(grid.x, grid.y)}: it is of another run; delete "
            f"it and run {part.made_by} again"
        )
