"""The map of all tiles as a VRT: the pixels of the map in one file, without a copy of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import rasterio
import rasterio.windows
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from sitsflow.errors import OutputError
from sitsflow.geo.frame import Frame, overlap
from sitsflow.geo.grid import Grid
from sitsflow.io.block_codec import BlockCodec
from sitsflow.io.opening import reading
from sitsflow.io.paths import relative_way
from sitsflow.io.vrt import Piece, write_vrt
from sitsflow.io.write import BLOCK, atomic
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.mosaic import MergeRecord, about, part_of_map
from sitsflow.steps.parts import OpenParts, Part, refuse_missing
from sitsflow.steps.statistics import FIGURES, band_tags, block_figures, no_figures
from sitsflow.steps.tile_map import About, kept_figures, shares

_COUNT = FIGURES.index("count")
_TO_READ = -1  # among the numbers of blocks' tiles: of several, or of one on other blocks
Figures = NDArray[np.float64]


def link_tiles(plan: Plan, tile_plans: Mapping[str, TilePlan]) -> MergeRecord:
    """Make the map of all tiles as a VRT over their maps, with relative paths.

    Its pixels, tags and statistics are those that `mosaic_tiles` would write: where tiles overlap,
    the first of `plan.tile_names` that has a value wins, band by band. Only blocks in which
    several tiles have a value are read, for the statistics.

    Raises
    ------
    OutputError
        If maps of tiles are missing, cut short, or not of this plan; it names them.
    GridError
        If a tile's pixels are not those of the map in size or reference system.
    """
    tiles = [tile_plans[name] for name in plan.tile_names]
    parts = [part_of_map(plan, tile) for tile in tiles]
    refuse_missing(parts)
    path, grid = plan.paths.map, plan.mosaic_grid
    says = about(plan, tiles, plan.map_fingerprint)
    with reading(), atomic(path) as temporary:
        codec = BlockCodec(says.compression)
        with OpenParts(len(plan.labels), codec) as opened:
            pieces = list(_pieces(parts, grid, opened, path.parent))
        figures = _figures(parts, grid, says)
        tags = band_tags(figures, grid.height * grid.width)
        with temporary.open("wb") as file:
            write_vrt(
                file,
                grid,
                pieces,
                nodata=says.nodata,
                descriptions=says.labels,
                tags=says.tags,
                band_tags=tags,
            )
    valid = shares(figures, grid.height * grid.width)
    return MergeRecord(path=path, size=path.stat().st_size, parts=len(parts), valid=valid)


def _pieces(
    parts: Sequence[Part], grid: Grid, opened: OpenParts, folder: Path | None
) -> Iterator[Piece]:
    """Yield what the map shows of each tile, relative to a folder or by absolute paths."""
    for part in parts:
        file = opened.place(part)
        # What lies beyond the tile's own pixels, up to the edges of blocks, is none of it.
        if (shown := overlap(part.window, grid.whole)) is not None:
            name = str(part.path) if folder is None else relative_way(part.path, folder)
            yield Piece(name, file.shape, shown.relative_to(file), shown)


def _figures(parts: Sequence[Part], grid: Grid, says: About) -> Figures:
    """Return the `FIGURES` of all blocks of the map: (figure, band, row, col)."""
    n_bands = len(says.labels)
    blocks = Frame.around(grid.whole, BLOCK)
    figures = no_figures((n_bands, blocks.rows, blocks.cols))
    owner = np.zeros(figures.shape[1:], np.int32)  # 0: no tile's, else its number from 1
    for number, part in enumerate(parts, start=1):
        if (shown := overlap(part.window, grid.whole)) is None:
            continue
        kept = kept_figures(part, n_bands) if shown == part.window else None
        if kept is None:
            owner[:, *_slices(Frame.around(shown, BLOCK))] = _TO_READ
            continue
        frame, own = kept
        here, there = owner[:, *_slices(frame)], own[_COUNT] > 0
        alone = there & (here == 0)
        figures[:, :, *_slices(frame)][:, alone] = own[:, alone]
        here[there] = np.where(alone[there], number, _TO_READ)
    _read_others(parts, grid, says, np.argwhere(owner == _TO_READ), figures)
    return figures


def _read_others(
    parts: Sequence[Part], grid: Grid, says: About, places: NDArray[np.intp], figures: Figures
) -> None:
    """Find the figures of the blocks at some places (band, row, col) from their pixels."""
    if not len(places):
        return
    text = BytesIO()
    with OpenParts(len(says.labels), BlockCodec(says.compression)) as opened:
        pieces = list(_pieces(parts, grid, opened, None))
    nothing = [dict[str, str]() for _ in says.labels]
    write_vrt(
        text, grid, pieces, nodata=says.nodata, descriptions=says.labels, tags={},
        band_tags=nothing,
    )  # fmt: skip
    try:
        with MemoryFile(text.getvalue(), ext=".vrt") as memory, memory.open() as dataset:
            for band, row, col in places.tolist():
                block = Frame(row, col, 1, 1).window(BLOCK)
                shown = overlap(block, grid.whole)
                assert shown is not None
                window = rasterio.windows.Window(shown.col, shown.row, shown.width, shown.height)
                values = dataset.read(band + 1, window=window)
                figures[:, band, row, col] = block_figures(values, says.nodata)
    except RasterioError as error:
        names = ", ".join(str(part.path) for part in parts[:5])
        raise OutputError(
            f"the maps of tiles cannot be read whole ({error}), one of {names}"
            f"{', ...' if len(parts) > 5 else ''}; delete it and run {parts[0].made_by} again"
        ) from error


def _slices(frame: Frame) -> tuple[slice, slice]:
    return (
        slice(frame.row, frame.row + frame.rows),
        slice(frame.col, frame.col + frame.cols),
    )
