"""Products of Landsat 8 and 9, Collection 2, levels 1 and 2, as the USGS delivers them.

Made are the bands that sensors here read, QA_PIXEL, QA_RADSAT and the XML metadata (MTL). Values
of bits: Landsat 8-9 Collection 2 Level 2 Science Product Guide (LSDS-1619).
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate import wrs2
from sitsflow.simulate.metadata import add, save
from sitsflow.simulate.model import Simulator, described
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene, View
from sitsflow.simulate.weather import Sky, sun_on

_FILL, _DILATED, _CIRRUS, _CLOUD, _SHADOW, _, _CLEAR, _WATER = (1 << k for k in range(8))
# Two bits each: low confidence where nothing was found, high where something was.
_CLOUD_CONFIDENCE, _SHADOW_CONFIDENCE, _SNOW_CONFIDENCE, _CIRRUS_CONFIDENCE = 8, 10, 12, 14
_LOW, _HIGH = 1, 3


_LANDSAT9_FROM = date(2021, 10, 31)


class _Thermal(NamedTuple):
    """A thermal band of level 1: radiance = number x scale + 0.1; constants of its temperature."""

    scale: float
    k1: float
    k2: float


_ADDED = 0.1
_THERMAL = {
    ("08", "B10"): _Thermal(3.3420e-4, 774.8853, 1321.0789),
    ("08", "B11"): _Thermal(3.3420e-4, 480.8883, 1201.1442),
    ("09", "B10"): _Thermal(3.8000e-4, 799.0284, 1329.2405),
    ("09", "B11"): _Thermal(3.4900e-4, 475.6581, 1198.3494),
}
"""By satellite and band, from the metadata of real products."""


def product_name(tile: str, day: date, every: int, level: str) -> str:
    """Name the product of a tile and a day; once there are two satellites they take turns."""
    satellite = "89"[day.toordinal() // every % 2] if day >= _LANDSAT9_FROM else "8"
    processed = day + timedelta(11)
    place = wrs2.path_and_row(tile)
    return f"LC0{satellite}_{level}_{place}_{day:%Y%m%d}_{processed:%Y%m%d}_02_T1"


def write_level2(folder: Path, product: str, scene: Scene) -> None:
    """Write reflectances, temperature and what goes with them into an empty folder."""
    about, view = described("Landsat8_usgs"), scene.view()
    saturated = view.saturation(len(about.bands))
    made = view.bands(about.bands, about.quantification, about.nodata, saturated, np.uint16)
    for band, numbers in made:
        write_raster(folder / f"{product}_SR_{band.name}.TIF", numbers[None], view.grid)
    (band,) = described("Landsat8_usgs_thermal").bands
    numbers = _numbers(view, view.temperature(), band.scale, band.offset)
    write_raster(folder / f"{product}_ST_{band.name}.TIF", numbers[None], view.grid)
    _write_quality(folder, product, scene, saturated)
    save(_metadata(product, scene), folder / f"{product}_MTL.xml")


def write_level1(folder: Path, product: str, scene: Scene) -> None:
    """Write the thermal bands and what goes with them into an empty folder."""
    about, view = described("Landsat8_usgs_infrared"), scene.view()
    root = _metadata(product, scene)
    factors = add(root, "LEVEL1_RADIOMETRIC_RESCALING")
    for band in about.bands:
        thermal = _THERMAL[product[2:4], band.name]
        radiance = thermal.k1 / np.expm1(thermal.k2 / view.temperature())
        numbers = _numbers(view, radiance, thermal.scale, _ADDED)
        write_raster(folder / f"{product}_{band.name}.TIF", numbers[None], view.grid)
        add(factors, f"RADIANCE_MULT_BAND_{band.id}", f"{thermal.scale:.4E}")
        add(factors, f"RADIANCE_ADD_BAND_{band.id}", f"{_ADDED:.5f}")
    saturated = view.saturation(len(described("Landsat8_usgs").bands))
    _write_quality(folder, product, scene, saturated)
    save(root, folder / f"{product}_MTL.xml")


def _numbers(
    view: View, values: NDArray[np.floating], scale: float, offset: float
) -> NDArray[np.uint16]:
    numbers = np.rint((values.astype(np.float64) - offset) / scale).clip(1, 65535)
    return np.asarray(np.where(view.sky.outside, 0, numbers), np.uint16)


def _write_quality(folder: Path, product: str, scene: Scene, saturated: NDArray[np.uint8]) -> None:
    """Write QA_PIXEL, and QA_RADSAT, whose bits 0 to 6 are bands 1 to 7."""
    pixel = _pixel_quality(scene.sky, scene.ground.water)
    for name, bits in (("QA_PIXEL", pixel), ("QA_RADSAT", saturated.astype(np.uint16))):
        write_raster(folder / f"{product}_{name}.TIF", bits[None], scene.grid)


def _pixel_quality(sky: Sky, water: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Bits of QA_PIXEL, shape (row, col), fill alone outside the swath."""
    shadow = sky.shadow | sky.stray
    cirrus = sky.thin & sky.high
    dilated = sky.thin & ~cirrus
    bits = np.zeros(sky.thick.shape, np.uint16)
    for flags, bit in (
        (dilated, _DILATED),
        (cirrus, _CIRRUS),
        (sky.thick, _CLOUD),
        (shadow, _SHADOW),
        (~(sky.thick | dilated), _CLEAR),
        (water & ~sky.thick, _WATER),
    ):
        bits[flags] |= bit
    nowhere = np.zeros_like(shadow)
    for flags, first in (
        (sky.thick, _CLOUD_CONFIDENCE),
        (shadow, _SHADOW_CONFIDENCE),
        (nowhere, _SNOW_CONFIDENCE),
        (cirrus, _CIRRUS_CONFIDENCE),
    ):
        bits |= np.where(flags, _HIGH << first, _LOW << first).astype(np.uint16)
    bits[sky.outside] = _FILL
    return bits


def _metadata(product: str, scene: Scene) -> Xml.Element:
    root = Xml.Element("LANDSAT_METADATA_FILE")
    contents = add(root, "PRODUCT_CONTENTS")
    add(contents, "LANDSAT_PRODUCT_ID", product)
    add(contents, "PROCESSING_LEVEL", product.split("_")[1])
    add(contents, "COLLECTION_NUMBER", "02")
    image = add(root, "IMAGE_ATTRIBUTES")
    add(image, "SPACECRAFT_ID", f"LANDSAT_{product[3]}")
    add(image, "DATE_ACQUIRED", scene.day.isoformat())
    sun = sun_on(scene.day)
    add(image, "SUN_AZIMUTH", f"{sun.azimuth:.8f}")
    add(image, "SUN_ELEVATION", f"{sun.elevation:.8f}")
    projection = add(root, "PROJECTION_ATTRIBUTES")
    add(projection, "UTM_ZONE", int(scene.grid.crs[-2:]))
    add(projection, "REFLECTIVE_LINES", scene.grid.height)
    add(projection, "REFLECTIVE_SAMPLES", scene.grid.width)
    return root


_simulator = partial(
    Simulator,
    resolution=30.0,
    extent=float(wrs2.EXTENT_M),
    step=30.0,
    multiple=1,
    corner=wrs2.tile_corner,
)
LANDSAT8_USGS = _simulator(product=partial(product_name, level="L2SP"), write=write_level2)
LANDSAT8_USGS_INFRARED = _simulator(product=partial(product_name, level="L1TP"), write=write_level1)
