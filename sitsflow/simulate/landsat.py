"""Products of Landsat 5, 7 and 8, level 2A, as THEIA delivers them.

Of a real product, the flat reflectances without slope correction (SRE), the atmospheric layers
(ATB), the interpolation masks (IAB), the quicklook and the folder DATA are not made.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from sitsflow.geo.mgrs import tile_corner
from sitsflow.simulate.metadata import Group, write_muscate
from sitsflow.simulate.model import Simulator, described
from sitsflow.simulate.muscate import cloud_mask, geophysical_mask, stamp
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene

_INSTRUMENTS = {"Landsat5": "LANDSAT5-TM-XS", "Landsat7": "LANDSAT7-ETM-XS",
                "Landsat8": "LANDSAT8-OLITIRS-XS"}  # fmt: skip


def product_name(tile: str, day: date, _every: int, sensor: str) -> str:
    """Name the product of a tile and a day."""
    return f"{_INSTRUMENTS[sensor]}_{stamp(day, 10)}_L2A_{tile}_D_V1-9"


def write_product(folder: Path, product: str, scene: Scene, sensor: str) -> None:
    """Write all files of a product into its folder, which exists and is empty."""
    (folder / "MASKS").mkdir()
    about, view = described(sensor), scene.view()
    saturated = view.saturation(len(about.bands))
    for band, numbers in view.bands(about.bands, about.quantification, about.nodata, saturated):
        write_raster(folder / f"{product}_FRE_{band.name}.tif", numbers[None], view.grid)
    masks = {
        "CLM": cloud_mask(scene.sky, sees_cirrus=sensor == "Landsat8"),
        "MG2": geophysical_mask(scene.sky, scene.ground.water),
        "EDG": scene.sky.outside.astype(np.uint8),
        "SAT": saturated,
    }
    for name, mask in masks.items():
        write_raster(folder / "MASKS" / f"{product}_{name}_XS.tif", mask[None], view.grid)
    group = Group("XS", scene.grid, about.band_names)
    write_muscate(folder / f"{product}_MTD_ALL.xml", product, scene, about, [group])


def _simulator(sensor: str) -> Simulator:
    return Simulator(
        resolution=30.0,
        extent=109_800.0,
        step=30.0,
        multiple=1,
        corner=tile_corner,
        product=partial(product_name, sensor=sensor),
        write=partial(write_product, sensor=sensor),
    )


LANDSAT5, LANDSAT7, LANDSAT8 = (_simulator(sensor) for sensor in _INSTRUMENTS)
