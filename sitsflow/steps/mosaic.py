"""Putting chunks together to tiles, and tiles to the map."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sitsflow.errors import GridError
from sitsflow.geo.frame import halved_shape, overlap, place_in
from sitsflow.geo.grid import Window
from sitsflow.io.block_codec import BlockCodec, template_of
from sitsflow.io.block_places import Sources
from sitsflow.io.geotiff import Image, write_geotiff
from sitsflow.io.opening import reading
from sitsflow.io.write import BLOCK, atomic, is_whole
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.joined_blocks import Joiner
from sitsflow.steps.parts import Part, refuse_missing
from sitsflow.steps.statistics import band_tags
from sitsflow.steps.tags import file_tags
from sitsflow.steps.tile_blocks import Spool, TileBlocks
from sitsflow.steps.tile_map import About, PlacedTile, placed_tile, shares, write_tile_map

log = logging.getLogger(__name__)


class MergeRecord(BaseModel):
    """What a merge made: a file, of how many parts, and how much of it has a value."""

    model_config = ConfigDict(frozen=True)

    path: Path
    size: int = Field(description="bytes")
    parts: int
    valid: tuple[float, ...] = Field(description="fraction of pixels with a value, by band")

    @property
    def empty(self) -> bool:
        """Whether no pixel of any band has a value."""
        return not any(self.valid)


def merge_tile(plan: Plan, tile_plan: TilePlan, *, again: bool = False) -> MergeRecord:
    """Put a tile's chunk files in place, in ``by_tiles/<tile>.tif``.

    Its blocks lie on those of the map of all tiles. Blocks of one chunk alone are moved as they
    are; those that chunks share are made again. Pixels in no chunk hold the run's no-data value.

    Parameters
    ----------
    again : bool
        Lay out the map that is there, of the same pixels, for another kind of map of all tiles; the
        chunks need not be there.

    Raises
    ------
    OutputError
        If chunk files are missing, cut short, or not of this plan; it names them.
    """
    place = place_in(tile_plan.grid, plan.mosaic_grid)
    parts = [
        Part(
            path=plan.paths.chunk(tile_plan.tile, index),
            grid=tile_plan.grid.part(window),
            window=_moved(window, place),
            made_by="the writing step",
        )
        for index, window in enumerate(tile_plan.chunks)
    ]
    path = plan.paths.tile_map(tile_plan.tile)
    if again:
        parts = [Part(path, tile_plan.grid, place, made_by="the writing step")]
    refuse_missing(parts)
    says = about(plan, [tile_plan], tile_plan.features.fingerprint)
    with reading(), atomic(path) as temporary:
        valid = write_tile_map(
            temporary,
            parts,
            tile_plan.grid,
            place,
            says,
            cloud_optimized=plan.request.tiles_are_read,
        )
        _refuse_torn(temporary, path)
    return _record(path, parts, valid)


def mosaic_tiles(plan: Plan, tile_plans: Mapping[str, TilePlan]) -> MergeRecord:
    """Make the map of all tiles, ``final/features_map.tif``, a Cloud Optimized GeoTIFF.

    Where tiles overlap, the first of `plan.tile_names` that has a value wins, band by band:
    when the tiles were made does not matter. Tiles off the map's grid by a fraction of a pixel
    are moved to the nearest pixel, as iota2 does.

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
    path = plan.paths.map
    says = about(plan, tiles, plan.map_fingerprint)
    with reading(), atomic(path) as temporary:
        made = _write_map(plan, parts, says, temporary)
        _refuse_torn(temporary, path)
    height, width = plan.mosaic_grid.shape
    return _record(path, parts, shares(made.figures, height * width))


def _write_map(plan: Plan, parts: Sequence[Part], says: About, path: Path) -> TileBlocks:
    """Write the map in place, and what is needed for that beside it as long as it lasts."""
    grid, n_bands = plan.mosaic_grid, len(plan.labels)
    codec = BlockCodec(says.compression)
    encoded = path.with_name(f"{path.name}.encoded")
    beside = [encoded]
    with Sources() as sources, Spool(encoded, sources, codec) as spool:
        tiles: list[PlacedTile] = []
        for number, part in enumerate(parts):
            found = placed_tile(part, grid, n_bands, codec, sources)
            if found is None and (window := overlap(part.window, grid.whole)) is not None:
                log.info("%s lies on other blocks than the map: it is laid out again", part.path)
                again = path.with_name(f"tile_{number}.tif")
                beside.append(again)
                new = Part(again, grid.part(window), window, part.made_by)
                write_tile_map(again, [part], new.grid, window, says)
                found = placed_tile(new, grid, n_bands, codec, sources)
                assert found is not None
            if found is not None:
                tiles.append(found)
        made = Joiner(tiles, grid.shape, n_bands, says.nodata, codec, sources, spool).joined()
        template = template_of(
            grid,
            nodata=says.nodata,
            descriptions=says.labels,
            tags=says.tags,
            band_tags=band_tags(made.figures, grid.height * grid.width),
            compression=says.compression,
        )
        images = [
            Image(halved_shape(grid.shape, level), blocks)
            for level, blocks in enumerate(made.levels)
        ]
        write_geotiff(path, template, BLOCK, images, sources, cloud_optimized=True)
    for each in beside:
        each.unlink()
    return made


def about(plan: Plan, tiles: Sequence[TilePlan], fingerprint: str) -> About:
    """Return what a map of some tiles says of itself."""
    return About(
        labels=plan.labels,
        # The file's tag must equal its float32 pixels exactly.
        nodata=float(np.float32(plan.request.no_data_value)),
        tags=file_tags(plan, tiles, fingerprint),
        compression=plan.request.compression,
    )


def _moved(window: Window, place: Window) -> Window:
    """Return a window of a tile in rows and columns of the map."""
    return window.model_copy(update={"row": window.row + place.row, "col": window.col + place.col})


def part_of_map(plan: Plan, tile_plan: TilePlan) -> Part:
    """Return a tile's map as a part of that of all tiles.

    Raises
    ------
    GridError
        If its pixels are not those of the map in size or reference system.
    """
    grid, target = tile_plan.grid, plan.mosaic_grid
    if grid.rasterio_crs != target.rasterio_crs or not grid.same_pixel_size(target):
        raise GridError(
            f"tile {tile_plan.tile} has pixels of {grid.xres} x {grid.yres} in {grid.crs}, the "
            f"map of {target.xres} x {target.yres} in {target.crs}: set chain.proj and "
            "chain.spatial_resolution, so that all tiles share them"
        )
    return Part(
        path=plan.paths.tile_map(tile_plan.tile),
        grid=grid,
        window=place_in(grid, target),
        made_by="the merge of its chunks",
    )


def _refuse_torn(path: Path, target: Path) -> None:
    # Blocks without a value are not there.
    if not is_whole(path, sparse=True):
        raise OSError(f"{target}: could not be written whole; is the disk full?")


def _record(path: Path, parts: Sequence[Part], valid: tuple[float, ...]) -> MergeRecord:
    return MergeRecord(path=path, size=path.stat().st_size, parts=len(parts), valid=valid)
