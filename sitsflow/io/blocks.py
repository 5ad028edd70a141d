"""Whether a GeoTIFF holds its blocks: GDAL reads one that was never written as 0, or as nodata."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from rasterio.io import DatasetReader

from sitsflow.geo.grid import Window


class Absent(NamedTuple):
    """A block that is not there: its band, its first row and column, and what is wrong with it."""

    band: int
    row: int
    col: int
    cut: bool
    """Whether the file ends before it; otherwise it was never written."""

    def __str__(self) -> str:
        """Return it as part of a sentence."""
        what = "the file ends before" if self.cut else "never written:"
        return f"{what} the block at row {self.row}, column {self.col} of band {self.band}"


def absent_blocks(
    dataset: DatasetReader,
    band: int,
    window: Window | None = None,
    *,
    size: int | None = None,
    sparse: bool = False,
) -> Iterator[Absent]:
    """Yield the blocks of a band of a GeoTIFF that are not there; no pixel is decoded.

    Parameters
    ----------
    window : Window, optional
        Only blocks that share a pixel with it.
    size : int, optional
        Bytes of the file. Without it, blocks that the file is too short for are not looked for.
    sparse : bool
        Whether blocks that were never written are no fault.
    """
    if dataset.driver != "GTiff" or (sparse and size is None):
        return
    rows, cols = dataset.block_shapes[band - 1]
    part = window or Window(row=0, col=0, height=dataset.height, width=dataset.width)
    for row in range(part.row // rows, math.ceil((part.row + part.height) / rows)):
        for col in range(part.col // cols, math.ceil((part.col + part.width) / cols)):
            offset = dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=band)
            if offset is None:
                if not sparse:
                    yield Absent(band, row * rows, col * cols, cut=False)
            elif size is not None:
                length = dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=band)
                if int(offset) + int(length) > size:
                    yield Absent(band, row * rows, col * cols, cut=True)
