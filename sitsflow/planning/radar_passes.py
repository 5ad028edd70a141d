"""The passes of Sentinel-1 that show a tile, and whether their files are whole."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from pyproj import Transformer
from rasterio.errors import RasterioError
from shapely import Polygon

from sitsflow.dates import to_day
from sitsflow.errors import MissingInputError, ProductError
from sitsflow.geo.grid import Grid
from sitsflow.io.archives import file_on_disk
from sitsflow.io.blocks import absent_blocks
from sitsflow.io.opening import opened, reading
from sitsflow.plan import SeriesPlan
from sitsflow.planning.radar_tracks import RadarTrack
from sitsflow.products.scenes import FoundScenes, Layer, Scene, Skipped
from sitsflow.radar.image import open_image
from sitsflow.radar.safe import MEASUREMENT_DRIVERS
from sitsflow.radar.slices import Acquisition, group_slices
from sitsflow.radar_settings import NAME, RadarSettings
from sitsflow.request import SensorRequest

_EDGE_POINTS = 9


def find_passes(
    track: RadarTrack, wanted: SensorRequest, tile: str, reference: Grid
) -> tuple[FoundScenes, dict[Path, Acquisition]]:
    """Find the passes of a direction that show a tile.

    Returns
    -------
    FoundScenes, dict of Path to Acquisition
        A scene a pass, called by its first product, and the pass of each.

    Raises
    ------
    MissingInputError
        If no product shows the tile.
    """
    settings = wanted.radar_settings
    ground = _polygon(reference)
    its = [one for one in track.found.products if track.has(one, settings)]
    shown = [one for one in its if one.footprint.intersects(ground)]
    broken = [
        # They do not tell their direction: of all directions they are the same ones.
        Skipped(tile=tile, sensor=NAME, product=one.product, reason=one.reason)
        for one in track.found.broken
    ]
    if not shown and not broken:
        raise MissingInputError(
            f"{wanted.root}: none of its {len(its)} {track.orbit} products shows tile {tile}. If "
            f"none ever does, leave {track.orbit} out of Sentinel_1.orbits"
        )
    passes = {one.slices[0].product: one for one in group_slices(shown)}
    scenes = [_scene(one, settings) for one in passes.values()]
    scenes.sort(key=lambda scene: (scene.day, scene.product.name))
    return FoundScenes(scenes, broken, track.found.notices), passes


def _scene(acquisition: Acquisition, settings: RadarSettings) -> Scene:
    first = acquisition.slices[0]
    return Scene(
        product=first.product,
        day=to_day(acquisition.day),
        bands={
            name.upper(): Layer(
                path=first.channels[name].measurement, nodata=0, drivers=MEASUREMENT_DRIVERS
            )
            for name in settings.polarisations
        },
        masks={},
    )


def check_passes(tile: str, plan: SeriesPlan) -> list[Skipped]:
    """Read the annotation of every image of a series, and whether its measurements are whole."""
    assert plan.radar is not None
    settings = plan.radar.settings
    broken = []
    for scene, acquisition in zip(plan.scenes, plan.radar.acquisitions, strict=True):
        faults = []
        for product in acquisition.slices:
            try:
                image = open_image(product, settings, settings.polarisations)
                faults += [_fault(channel.measurement) for channel in image.channels.values()]
            except ProductError as error:
                faults.append(str(error))
        if any(faults):
            reason = "\n  ".join(filter(None, faults))
            broken.append(
                Skipped(tile=tile, sensor=plan.sensor.label, product=scene.product, reason=reason)
            )
    return broken


def _fault(path: Path) -> str:
    """Say where a measurement is cut; nothing where it is whole."""
    try:
        return _fault_of(path, file_on_disk(path).stat().st_mtime_ns)
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror})"


# An image shows several tiles, and its strips are thousands.
@lru_cache(maxsize=4096)
def _fault_of(path: Path, changed: int) -> str:
    del changed
    try:
        with reading(), opened(path, MEASUREMENT_DRIVERS) as raster:
            size = path.stat().st_size if path.is_file() else None
            absent = next(absent_blocks(raster, 1, size=size, sparse=True), None)
            return "" if absent is None else f"{path}: {absent}; copy or download the file again"
    except (RasterioError, OSError) as error:
        return f"{path}: not a readable raster ({error})"


def _polygon(grid: Grid) -> Polygon:
    """Return the outline of a grid, longitude and latitude in degrees."""
    west, south, east, north = grid.bounds
    along = np.linspace(0, 1, _EDGE_POINTS)
    xs = np.concatenate([
        west + along * (east - west), np.full(_EDGE_POINTS, east),
        east - along * (east - west), np.full(_EDGE_POINTS, west),
    ])  # fmt: skip
    ys = np.concatenate([
        np.full(_EDGE_POINTS, north), north - along * (north - south),
        np.full(_EDGE_POINTS, south), south + along * (north - south),
    ])  # fmt: skip
    transformer = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    return Polygon(np.column_stack(transformer.transform(xs, ys)))
