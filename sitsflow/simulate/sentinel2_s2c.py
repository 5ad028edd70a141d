"""Products of Sentinel-2, level 2A, as Sen2Cor makes them: SAFE folders of JPEG 2000 files.

Of a real product, the bands and layers of 60 m, the other layers (AOT, WVP, TCI, cloud and snow
probabilities), the quality reports, previews and `manifest.safe` are not made.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.mgrs import tile_corner
from sitsflow.simulate import noise
from sitsflow.simulate.cover import greenness
from sitsflow.simulate.metadata import write_granule, write_user_product
from sitsflow.simulate.model import Simulator, described
from sitsflow.simulate.raster import write_jpeg2000
from sitsflow.simulate.scene import Scene, View
from sitsflow.simulate.weather import Sky

BASELINES = ("0212", "0400")
"""Processing baselines that are made: without an offset in the numbers, and with one."""

OFFSET = 1000
"""In the numbers from baseline 04.00 on; the metadata tell it as what is to be added, -1000."""

_OFFSET_FROM = date(2022, 1, 25)
"""First day of processing baseline 04.00."""

_GROUPS = {"R10m": 10, "R20m": 20}
_ORBIT = {"A": 20_211, "B": 11_303}  # absolute orbits on 6 May 2019, made up for others

# Classes of SCL.
_NO_DATA, _SATURATED, _SHADOW, _VEGETATION, _BARE, _WATER = 0, 1, 3, 4, 5, 6
_MEDIUM, _HIGH, _CIRRUS = 8, 9, 10
_GREEN = 0.4
"""Share of the green endmember from which a pixel is called vegetation."""


def product_name(tile: str, day: date, every: int, baseline: str | None = None) -> str:
    """Name the product of a tile and a day; the two satellites take turns.

    Without a baseline it is the one of that day: 02.12, and 04.00 since 25 January 2022.
    """
    satellite = "AB"[day.toordinal() // every % 2]
    minute, second = (noise.key(day.toordinal(), k) % n for k, n in enumerate((9, 60)))
    known = baseline or BASELINES[day >= _OFFSET_FROM]
    return (
        f"S2{satellite}_MSIL2A_{day:%Y%m%d}T105{minute}{second:02}_N{known}_R051_{tile}_"
        f"{day:%Y%m%d}T140834.SAFE"
    )


def write_product(folder: Path, product: str, scene: Scene) -> None:
    """Write all files of a product into its folder, which exists and is empty.

    Whether the numbers have an offset follows from the baseline in the name.
    """
    satellite, _, moment, baseline, _, tile, _ = product.removesuffix(".SAFE").split("_")
    shift = OFFSET if baseline >= "N0400" else 0
    granule = folder / "GRANULE" / f"L2A_{tile}_A{_ORBIT[satellite[2]]:06}_{moment}"
    start = f"{tile}_{moment}"
    views = {"R10m": scene.view(), "R20m": scene.coarse_view()}
    saturated = {}
    for group, view in views.items():
        images = granule / "IMG_DATA" / group
        images.mkdir(parents=True)
        saturated[group] = _write_bands(images, start, group, view, shift)
    fine = saturated["R10m"] > 0
    rows = fine[0::2] | fine[1::2]
    defective = (saturated["R20m"] > 0) | rows[:, 0::2] | rows[:, 1::2]
    classes = _scene_classes(views["R20m"], defective)
    write_jpeg2000(
        granule / "IMG_DATA" / "R20m" / f"{start}_SCL_20m.jp2", classes, scene.coarse_grid
    )
    write_user_product(folder / "MTD_MSIL2A.xml", product, -shift)
    write_granule(granule / "MTD_TL.xml", product, scene)


def _write_bands(folder: Path, start: str, group: str, view: View, shift: int) -> NDArray[np.uint8]:
    """Write the bands of one resolution; return which of them are saturated, a bit a band."""
    sensor = described("Sentinel_2_S2C")
    metres = _GROUPS[group]
    bands = [band for band in sensor.bands if band.resolution == metres]
    saturated = view.saturation(len(bands))
    for band, numbers in view.bands(bands, sensor.quantification, sensor.nodata, saturated):
        shifted = numbers.astype(np.uint16)
        shifted[~view.sky.outside] += np.uint16(shift)
        write_jpeg2000(folder / f"{start}_{band.name}_{metres}m.jp2", shifted, view.grid)
    return saturated


def _scene_classes(view: View, defective: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Classes of SCL, shape (row, col): what hides the ground wins over what lies on it."""
    sky: Sky = view.sky
    ground = view.scene.ground
    green = greenness(ground.parcels, view.scene.day)[view.parts[0]] >= _GREEN
    classes = np.where(green, _VEGETATION, _BARE).astype(np.uint8)
    classes[ground.water[0::2, 0::2]] = _WATER
    classes[sky.shadow | sky.stray] = _SHADOW
    classes[sky.thin] = _CIRRUS
    classes[sky.thick] = _MEDIUM
    classes[sky.thick & (sky.opacity >= 1)] = _HIGH
    classes[defective] = _SATURATED
    classes[sky.outside] = _NO_DATA
    return classes


def with_baseline(baseline: str | None) -> Simulator:
    """Return the simulator of products of one baseline, or of each day's own."""
    return Simulator(
        resolution=10.0,
        extent=109_800.0,
        step=20.0,
        multiple=2,
        corner=tile_corner,
        product=partial(product_name, baseline=baseline),
        write=write_product,
    )


SENTINEL_2_S2C = with_baseline(None)
