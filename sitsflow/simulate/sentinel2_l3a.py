"""Syntheses of Sentinel-2, level 3A, as THEIA makes them with WASP.

Of a real product, the weights (WGT), the mean dates (DTS) and the quicklook are not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate.metadata import Group, write_muscate
from sitsflow.simulate.model import described
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene, View
from sitsflow.simulate.sentinel2 import SENTINEL_2
from sitsflow.simulate.weather import Sky, sky_over

_GROUPS = {"R1": 10, "R2": 20}
_LOOKS = (0, -15, 15)
"""Days from the synthesis to the pictures that it is made of: a real one has up to 46 days."""

# Classes of FLG.
_NO_DATA, _CLOUD, _WATER, _LAND = 0, 1, 3, 4


def product_name(tile: str, day: date, _every: int) -> str:
    """Name the synthesis of a tile around a day: X stands for both satellites."""
    return f"SENTINEL2X_{day:%Y%m%d}-000000-000_L3A_{tile}_D_V1-1"


def write_product(folder: Path, product: str, scene: Scene) -> None:
    """Write all files of a synthesis into its folder, which exists and is empty."""
    (folder / "MASKS").mkdir()
    days = [scene.day + timedelta(step) for step in _LOOKS]
    best = _best_of([sky_over(scene.grid, scene.seed, day) for day in days])
    synthesis = replace(scene, sky=best)
    sensor = described("Sentinel_2_L3A")
    groups = []
    for name, view in (("R1", synthesis.view()), ("R2", synthesis.coarse_view())):
        bands = [band for band in sensor.bands if band.resolution == _GROUPS[name]]
        nothing = np.zeros(view.grid.shape, np.uint8)
        for band, numbers in view.bands(bands, sensor.quantification, sensor.nodata, nothing):
            write_raster(folder / f"{product}_FRC_{band.name}.tif", numbers[None], view.grid)
        flags = _flags(view)
        write_raster(folder / "MASKS" / f"{product}_FLG_{name}.tif", flags[None], view.grid)
        groups.append(Group(name, view.grid, tuple(band.name for band in bands)))
    write_muscate(folder / f"{product}_MTD_ALL.xml", product, scene, sensor, groups)


def _best_of(skies: Sequence[Sky]) -> Sky:
    """Keep of several skies what hides a pixel in all of them; thin clouds count as such."""
    hidden = [sky.thick | sky.thin | sky.shadow | sky.stray | sky.outside for sky in skies]
    outside = reduce(np.logical_and, [sky.outside for sky in skies])
    cloudy = reduce(np.logical_and, hidden) & ~outside
    none = np.zeros(cloudy.shape, bool)
    opacity = np.where(cloudy, np.float32(1), np.float32(0))
    return Sky(opacity, cloudy, none, none, none, outside, high=False)


def _flags(view: View) -> NDArray[np.uint8]:
    """Classes of FLG, shape (row, col)."""
    rows, cols = (full // size for full, size in zip(
        view.scene.grid.shape, view.grid.shape, strict=True
    ))  # fmt: skip
    flags = np.full(view.grid.shape, _LAND, np.uint8)
    flags[view.scene.ground.water[::rows, ::cols]] = _WATER
    flags[view.sky.thick] = _CLOUD
    flags[view.sky.outside] = _NO_DATA
    return flags


SENTINEL_2_L3A = replace(SENTINEL_2, product=product_name, write=write_product, every=30)
