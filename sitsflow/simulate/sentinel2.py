"""Products of Sentinel-2, level 2A, as THEIA delivers them.

Of a real product, the flat reflectances without slope correction (SRE), the atmospheric layers
(ATB), the interpolation masks (IAB), the quicklook and the folder DATA are not made.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate import noise
from sitsflow.simulate.metadata import Group, write_muscate
from sitsflow.simulate.mgrs import tile_corner
from sitsflow.simulate.model import Simulator, described
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene, View
from sitsflow.simulate.weather import Sky

_GROUPS = {"R1": 10, "R2": 20}

# Bits of CLM: any cloud or shadow, any cloud, found in one date, found by comparing dates, thin,
# shadow, shadow of an unseen cloud, high.
_ALL, _CLOUD, _ONE_DATE, _MANY_DATES, _THIN, _SHADOW, _STRAY, _HIGH = (1 << k for k in range(8))
_MG2_WATER, _MG2_CLOUD, _MG2_SHADOW = 1, 2, 8


def product_name(tile: str, day: date, every: int) -> str:
    """Name the product of a tile and a day; the two satellites take turns."""
    satellite = "AB"[day.toordinal() // every % 2]
    minute, second, thousandth = (
        noise.key(day.toordinal(), k) % n for k, n in enumerate((9, 60, 1000))
    )
    time = f"{day:%Y%m%d}-105{minute}{second:02}-{thousandth:03}"
    return f"SENTINEL2{satellite}_{time}_L2A_{tile}_D_V1-7"


def write_product(folder: Path, product: str, scene: Scene) -> None:
    """Write all files of a product into its folder, which exists and is empty."""
    (folder / "MASKS").mkdir()
    fine = scene.view()
    fine_masks = {
        "CLM": _cloud_mask(scene.sky),
        "MG2": _geophysical_mask(scene.sky, scene.ground.water),
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


def _cloud_mask(sky: Sky) -> NDArray[np.uint8]:
    """Bits of CLM, shape (row, col), 0 outside the swath."""
    bits = np.zeros(sky.thick.shape, np.uint8)
    bits[sky.thick] = _ALL | _CLOUD | _ONE_DATE
    bits[sky.opacity >= 1] |= _MANY_DATES
    bits[sky.thin] = _THIN | (_HIGH if sky.high else 0)
    bits[sky.shadow] |= _ALL | _SHADOW
    bits[sky.stray] |= _ALL | _STRAY
    bits[sky.outside] = 0
    return bits


def _geophysical_mask(sky: Sky, water: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Bits of MG2, shape (row, col), 0 outside the swath; water is not seen through clouds."""
    bits = np.zeros(sky.thick.shape, np.uint8)
    bits[water & ~sky.thick] = _MG2_WATER
    bits[sky.thick | sky.thin] |= _MG2_CLOUD
    bits[sky.shadow | sky.stray] |= _MG2_SHADOW
    bits[sky.outside] = 0
    return bits


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
