"""What readers get of all tiles: a map in one file or as a VRT, a picture, descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.collection import write_collection
from sitsflow.steps.item import write_item
from sitsflow.steps.mosaic import mosaic_tiles
from sitsflow.steps.quicklook import title_of, write_quicklook
from sitsflow.steps.virtual_map import link_tiles


def finish_map(plan: Plan, tiles: Mapping[str, TilePlan]) -> tuple[Path, ...]:
    """Make what `chain.mosaic` asks for of the maps of tiles; return all files.

    Where it asks for no map there is a VRT all the same, in the run's hidden folder: picture,
    statistics and report are made from it.

    Raises
    ------
    OutputError
        If maps of tiles are missing, cut short, or not of this plan; it names them.
    GridError
        If a tile's pixels are not those of the map in size or reference system.
    """
    paths = plan.paths
    made = link_tiles(plan, tiles) if plan.request.tiles_are_read else mosaic_tiles(plan, tiles)
    write_quicklook(made.path, paths.quicklook, title_of(plan))
    files = [made.path, paths.quicklook]
    if plan.request.mosaic != "none":
        write_item(plan, made.path, paths.item)
        files.append(paths.item)
    if plan.request.tiles_are_read:
        files += write_collection(plan, tiles)
    return tuple(files)
