"""The series that are attacked: one tile of each sensor that there is, and a run over it."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import rasterio

from sitsflow.geo.mgrs import BadTileError
from sitsflow.products.scenes import Scene, find_scenes
from sitsflow.products.sensors.model import Sensor, load_sensors
from sitsflow.request import Chunking, Request, SensorRequest
from sitsflow.simulate import SIMULATORS, simulate

SENSORS = tuple(load_sensors())
"""Names of all sensors that sitsflow describes: a new one is attacked from its first day."""

_TILES = ("T31TCJ", "D0005H0002", "tile199029")
"""A tile of each tiling."""

_SIZE, _EVERY = 64, 16
_FIRST, _LAST = date(2018, 2, 3), date(2018, 4, 30)


def tile_of(sensor: str) -> str:
    """Return a tile of a sensor's own tiling."""
    for tile in _TILES:
        try:
            SIMULATORS[sensor].corner(tile)
        except BadTileError:
            continue
        return tile
    raise LookupError(f"no tile of {sensor} is known here: add one to _TILES")


@dataclass(frozen=True)
class Subject:
    """A sensor, and a folder with the whole products of one tile, six dates of 2018."""

    sensor: Sensor
    tile: str
    clean: Path

    @classmethod
    def simulated(cls, name: str, folder: Path) -> Subject:
        """Simulate the products of a sensor in a new folder."""
        tile, size = tile_of(name), _SIZE
        simulate(folder, name, [tile], _FIRST, _LAST, _EVERY, size, seed=7)
        return cls(load_sensors()[name], tile, folder)

    def copy(self, root: Path) -> Path:
        """Copy the products, with their times of change, to a folder that may be spoiled."""
        shutil.copytree(self.clean, root)
        return root

    def scenes(self, root: Path) -> list[Scene]:
        """Return the products below a copy, by day."""
        return find_scenes(self.sensor, root, self.tile).scenes

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the two bands that the run reads; of a sensor with one, that."""
        names = self.sensor.band_names
        return tuple(dict.fromkeys((names[0], names[-1])))

    def request(self, root: Path, output: Path, *, skip: bool = False) -> Request:
        """Ask for a map of the two bands on regular dates, in two chunks."""
        wanted = SensorRequest(
            sensor=self.sensor.name, root=root, temporal_resolution=30, keep_bands=self.bands
        )
        return Request(
            output_path=output,
            tiles=(self.tile,),
            sensors=(wanted,),
            indices=False,
            skip_broken_products=skip,
            chunking=Chunking(mode="split_number", number=2),
        )


def content_of(path: Path) -> str:
    """Digest what a map says: its pixels, where they lie, and the names of its bands."""
    with rasterio.open(path) as raster:
        facts = (raster.crs.to_string(), raster.transform, raster.nodata, raster.descriptions)
        values = np.ascontiguousarray(raster.read())
    digest = hashlib.sha256(repr((facts, values.dtype.str, values.shape)).encode())
    digest.update(values)
    return digest.hexdigest()
