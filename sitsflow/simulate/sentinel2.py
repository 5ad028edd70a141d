"""Products of Sentinel-2, level 2A, as THEIA delivers them.

Of a real product, the flat reflectances without slope correction (SRE), the atmospheric layers
(ATB), the interpolation masks (IAB), the quicklook and the folder DATA are not made.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.mgrs import tile_corner
from sitsflow.simulate.metadata import Group, write_muscate
from sitsflow.simulate.model import Simulator, described
from sitsflow.simulate.muscate import cloud_mask, geophysical_mask, stamp
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene, View

_GROUPS = {"R1": 10, "R2": 20}


def product_name(tile: str, day: date, every: int) -> str:
    """Name the product of a tile and a day; the two satellites take turns."""
    satellite = "AB"[day.toordinal() // every % 2]
    return f"SENTINEL2{satellite}_{stamp(day, 10)}_L2A_{tile}_D_V1-7"


def write_product(folder: Path, product: str, scene: Scene) -> None:
    """Write all files of a product into its folder, which exists and is empty."""
    (folder / "MASKS").mkdir()
    fine = scene.view()
    fine_masks = {
        "CLM": cloud_mask(scene.sky),
        "MG2": geophysical_mask(scene.sky, scene.ground.water),
        "EDG": scene.sky.outside.astype(np.uint8),
    }
    coarse_masks = {name: _any_bit_of_four(mask) for name, mask in fine_masks.items()}
    _write_group(folder, product, "R1", fine, fine_masks)
    _write_group(folder, product, "R2", scene.coarse_view(), coarse_masks)
    sensor = described("Sentinel_2")
    groups = [
        Group(name, grid, tuple(band.name for band in sensor.bands if band.resolution == metres))
        for (name, metres), grid in zip(
            _GROUPS.items(), (scene.grid, scene.coarse_grid), strict=True
        )
    ]
    write_muscate(folder / f"{product}_MTD_ALL.xml", product, scene, sensor, groups)


def _write_group(
    folder: Path, product: str, group: str, view: View, masks: dict[str, NDArray[np.uint8]]
) -> None:
    """Write the bands and masks of one resolution."""
    sensor = described("Sentinel_2")
    bands = [band for band in sensor.bands if band.resolution == _GROUPS[group]]
    saturated = view.saturation(len(bands))
    for band, numbers in view.bands(bands, sensor.quantification, sensor.nodata, saturated):
        write_raster(folder / f"{product}_FRE_{band.name}.tif", numbers[None], view.grid)
    for name, mask in {**masks, "SAT": saturated}.items():
        write_raster(folder / "MASKS" / f"{product}_{name}_{group}.tif", mask[None], view.grid)


def _any_bit_of_four(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = mask[0::2] | mask[1::2]
    return rows[:, 0::2] | rows[:, 1::2]


SENTINEL_2 = Simulator(
    resolution=10.0,
    extent=109_800.0,
    step=20.0,
    multiple=2,
    corner=tile_corner,
    product=product_name,
    write=write_product,
)
