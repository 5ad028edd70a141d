"""The file of a chunk: its blocks are those of the map, where it has whole ones of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window as RasterioWindow

from sitsflow.geo.frame import Frame, place_in
from sitsflow.geo.grid import Window
from sitsflow.io.write import BLOCK, create
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.tags import file_tags


def write_chunk_file(
    plan: Plan, tile_plan: TilePlan, index: int, values: NDArray[np.float32]
) -> None:
    """Write the pixels of a chunk, (band, row, col), whole or not at all.

    The file of a chunk that has whole blocks of the map reaches as far as the blocks that it
    touches, with no data there: merges take such blocks as they are. Around a small chunk that
    would be work for nothing.
    """
    window, place = tile_plan.chunks[index], place_in(tile_plan.grid, plan.mosaic_grid)
    reach = block_reach(window, place)
    path = plan.paths.chunk(tile_plan.tile, index)
    with create(
        path,
        tile_plan.grid.part(reach),
        dtype="float32",
        nodata=plan.request.no_data_value,
        descriptions=plan.labels,
        tags=file_tags(plan, [tile_plan], tile_plan.features.fingerprint),
        compression=plan.request.compression,
        **({} if reach == window else {"sparse_ok": True}),
    ) as dataset:
        inner = window.relative_to(reach)
        dataset.write(
            values, window=RasterioWindow(inner.col, inner.row, inner.width, inner.height)
        )


def block_reach(window: Window, place: Window) -> Window:
    """Return the pixels of the blocks that a chunk touches, or its own if no block is only its.

    Parameters
    ----------
    window : Window
        The chunk, in rows and columns of its tile; the result is as well.
    place : Window
        The tile, in rows and columns of the map.
    """
    moved = window.model_copy(update={"row": window.row + place.row, "col": window.col + place.col})
    if not all(_owned(moved, place)):
        return window
    return Frame.around(moved, BLOCK).window(BLOCK).relative_to(place)


def _owned(chunk: Window, tile: Window) -> Iterator[bool]:
    """Tell of rows, then of columns, whether all that a block has of the tile is the chunk's."""
    for start, size, first, length in (
        (chunk.row, chunk.height, tile.row, tile.height),
        (chunk.col, chunk.width, tile.col, tile.width),
    ):
        end, last = start + size, first + length
        top = start if start == first else -(-start // BLOCK) * BLOCK
        bottom = end if end == last else end // BLOCK * BLOCK
        yield bottom > top
