"""Rasters without dates in a plan: what their headers say, as a sensor with one scene a tile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.io.read import Header, read_header
from sitsflow.products.rasters import LABEL, find_rasters, raster_sensor
from sitsflow.products.scenes import FoundScenes, Layer, Scene, Skipped
from sitsflow.products.sensors.model import Sensor
from sitsflow.request import SensorRequest

NO_DAY = 0
"""Stands for a day where there is none: series must have one."""


def describe_rasters(wanted: SensorRequest, tiles: Sequence[str]) -> Sensor:
    """Describe the rasters by those of the first tile that has them; others must be alike.

    Raises
    ------
    MissingInputError, ProductError
        If no tile has them, or they cannot be read.
    """
    missing: list[str] = []
    for tile in tiles:
        try:
            files = find_rasters(wanted.root, tile, wanted.patterns)
        except MissingInputError as error:
            missing.append(str(error))
            continue
        headers = {pattern: read_header(path) for pattern, path in files.items()}
        return raster_sensor([(name, one.count, one.grid.xres) for name, one in headers.items()])
    raise MissingInputError("\n".join(missing))


def find_raster_scene(sensor: Sensor, wanted: SensorRequest, tile: str) -> FoundScenes:
    """Find a tile's rasters, as one scene."""
    try:
        files = find_rasters(wanted.root, tile, wanted.patterns)
        scene = _scene(sensor, files)
    except ProductError as error:
        broken = Skipped(tile=tile, sensor=LABEL, product=wanted.root / tile, reason=str(error))
        return FoundScenes([], [broken])
    return FoundScenes([scene], [])


def _scene(sensor: Sensor, files: dict[str, Path]) -> Scene:
    headers = {pattern: read_header(path) for pattern, path in files.items()}
    faults = [_other_count(sensor, name, files[name], one) for name, one in headers.items()]
    if any(faults):
        raise ProductError("\n".join(filter(None, faults)))
    bands = {
        band.name: Layer(path=files[band.file], index=band.index, nodata=headers[band.file].nodata)
        for band in sensor.bands
    }
    common = min((path.parent for path in files.values()), key=lambda path: len(path.parts))
    while not all(path.is_relative_to(common) for path in files.values()):
        common = common.parent
    return Scene(product=common, day=NO_DAY, bands=bands, masks={})


def _other_count(sensor: Sensor, pattern: str, path: Path, header: Header) -> str:
    count = sum(band.file == pattern for band in sensor.bands)
    if header.count == count:
        return ""
    return f"{path}: {header.count} band(s), but {pattern!r} of another tile has {count}"
