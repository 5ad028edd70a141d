"""What the simulation must know of a sensor's products to write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from sitsflow.geo.grid import Grid
from sitsflow.geo.mgrs import Corner
from sitsflow.products.sensors.model import Sensor, load_sensors
from sitsflow.simulate.scene import Scene


@lru_cache(maxsize=16)
def described(name: str) -> Sensor:
    """Return a built-in sensor description, read once."""
    return load_sensors()[name]


@dataclass(frozen=True)
class Simulator:
    """One sensor's products.

    `resolution` is the finest pixel size and `extent` the width of a real tile, both in metres;
    tiles are laid out on a lattice of `step` metres, `size` is a multiple of `multiple` pixels.
    `corner` finds a tile by its name, `product` names the folder of a tile and a day (the last
    argument is the number of days between products), `write` fills that folder. `every` is how many
    days lie between products if nobody says it; what is not `dated` is written once.
    """

    resolution: float
    extent: float
    step: float
    multiple: int
    corner: Callable[[str], Corner]
    product: Callable[[str, date, int], str]
    write: Callable[[Path, str, Scene], None]
    every: int = 10
    dated: bool = True

    def layout(self, tiles: Sequence[str], size: int) -> dict[str, Grid]:
        """Lay out tiles of `size` pixels as the real ones lie, all distances scaled alike.

        The first tile of each coordinate reference system keeps its real corner; the others keep
        their share of overlap with it.
        """
        scale = size * self.resolution / self.extent
        anchors: dict[str, Corner] = {}
        grids = {}
        for tile in tiles:
            corner = self.corner(tile)
            anchor = anchors.setdefault(corner.crs, corner)
            grids[tile] = Grid(
                crs=corner.crs,
                x=anchor.x + round((corner.x - anchor.x) * scale / self.step) * self.step,
                y=anchor.y + round((corner.y - anchor.y) * scale / self.step) * self.step,
                xres=self.resolution,
                yres=self.resolution,
                height=size,
                width=size,
            )
        return grids
