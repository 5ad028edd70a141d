"""Where a tile lies that only Sentinel-1 shows, whose images lie anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sitsflow.errors import MissingInputError
from sitsflow.geo.grid import Grid
from sitsflow.geo.mgrs import BadTileError, tile_corner
from sitsflow.io.read import read_header
from sitsflow.products.scenes import FoundScenes
from sitsflow.products.sensors.model import Sensor
from sitsflow.radar.sensor import RESOLUTION_M
from sitsflow.request import SensorRequest

_SIDE_PIXELS = 10980  # of a tile of the Military Grid Reference System


def tile_reference(
    tile: str, wanted: SensorRequest, others: Iterable[tuple[Sensor, FoundScenes]]
) -> Grid:
    """Return where a tile lies: where other sensors of the run, its reference or its name say.

    Raises
    ------
    MissingInputError
        If nothing tells it.
    """
    for sensor, found in others:
        for scene in found.scenes[:1]:
            return read_header(scene.bands[sensor.bands[0].name].path).grid
    settings = wanted.radar_settings
    if settings.references is not None:
        return read_header(_reference(tile, settings.references, settings.reference_pattern)).grid
    try:
        corner = tile_corner(tile)
    except BadTileError:
        raise MissingInputError(
            f"tile {tile}: nothing tells where it lies. Write it as in T31TCJ, or set "
            "Sentinel_1.references to a folder that has a folder of its name with a raster on its "
            "grid"
        ) from None
    return Grid(
        crs=corner.crs, x=corner.x, y=corner.y, xres=RESOLUTION_M, yres=RESOLUTION_M,
        height=_SIDE_PIXELS, width=_SIDE_PIXELS,
    )  # fmt: skip


def _reference(tile: str, folder: Path, pattern: str) -> Path:
    # iota2's folders are called T31TCJ, whatever stands before the number in the tile's name.
    for name in dict.fromkeys((tile, f"T{tile}", f"T{tile[1:]}")):
        for path in sorted((folder / name).rglob("*.tif")):
            if pattern in path.name:
                return path
    named = f" whose name contains {pattern!r}" if pattern else ""
    raise MissingInputError(
        f"{folder / tile}: no .tif{named}. Sentinel_1.references must hold one folder a tile, with "
        "a raster on its grid"
    )
