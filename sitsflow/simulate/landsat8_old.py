"""Products of Landsat 8, level 2A, in THEIA's format until 2017."""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate.metadata import add, save
from sitsflow.simulate.model import BadTileError, Corner, Simulator, described
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene
from sitsflow.simulate.weather import Sky, sun_on

_ZONE = "France-Metropole"
_TILE = re.compile(r"D(\d{4})H(\d{4})")
_PITCH_M, _PIXEL_M = 100_000, 30
# Columns count from the west of Lambert-93 and rows from the south. The grid's origin is not
# published: this one puts the test products known to be of D0005H0002 inside it.
_WEST_M, _TOP_M = 0, 6_070_000

# Bits of NUA; thin, high and shadows are numbered otherwise than in the present format's CLM.
_ALL, _CLOUD, _ABSOLUTE, _MANY_DATES, _THIN, _HIGH, _SHADOW, _STRAY = (1 << k for k in range(8))
_DIV_OUTSIDE, _DIV_WATER = 1, 2


def tile_corner(tile: str) -> Corner:
    """Return the corner of a tile such as D0005H0002: 110 km wide, 10 km of it shared."""
    match = _TILE.fullmatch(tile)
    if match is None:
        raise BadTileError(f"'{tile}' is not a tile of old Landsat: write it as in D0005H0002")
    return Corner(
        crs="EPSG:2154",
        x=math.floor((_WEST_M + int(match[1]) * _PITCH_M) / _PIXEL_M) * _PIXEL_M,
        y=math.ceil((_TOP_M + int(match[2]) * _PITCH_M) / _PIXEL_M) * _PIXEL_M,
    )


def product_name(tile: str, day: date, _every: int) -> str:
    """Name the product of a tile and a day."""
    return f"LANDSAT8_OLITIRS_XS_{day:%Y%m%d}_N2A_{_ZONE}{tile}"


def write_product(folder: Path, product: str, scene: Scene) -> None:
    """Write all files of a product into its folder, which exists and is empty."""
    (folder / "MASK").mkdir()
    sensor = described("Landsat8_old")
    view = scene.view()
    saturated = view.saturation(len(sensor.bands))
    made = view.bands(sensor.bands, sensor.quantification, sensor.nodata, saturated)
    stack = np.stack([numbers for _, numbers in made])
    file = product.replace("_N2A_", "_N2A_ORTHO_SURF_CORR_PENTE_")
    write_raster(folder / f"{file}.TIF", stack, view.grid)
    masks = {
        "DIV": _diverse_mask(scene.sky, scene.ground.water),
        "NUA": _cloud_mask(scene.sky),
        "SAT": saturated,
    }
    for name, mask in masks.items():
        write_raster(folder / "MASK" / f"{product}_{name}.TIF", mask[None], view.grid)
    _write_metadata(folder / f"{product}.xml", product, scene)


def _cloud_mask(sky: Sky) -> NDArray[np.uint8]:
    """Bits of NUA, shape (row, col), 0 outside the swath."""
    bits = np.zeros(sky.thick.shape, np.uint8)
    bits[sky.thick] = _ALL | _CLOUD | _ABSOLUTE
    bits[sky.opacity >= 1] |= _MANY_DATES
    bits[sky.thin] = _THIN | (_HIGH if sky.high else 0)
    bits[sky.shadow] |= _ALL | _SHADOW
    bits[sky.stray] |= _ALL | _STRAY
    bits[sky.outside] = 0
    return bits


def _diverse_mask(sky: Sky, water: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Bits of DIV, shape (row, col); water is not seen through clouds."""
    bits = np.zeros(sky.thick.shape, np.uint8)
    bits[water & ~sky.thick] = _DIV_WATER
    bits[sky.outside] = _DIV_OUTSIDE
    return bits


def _write_metadata(path: Path, product: str, scene: Scene) -> None:
    root = Xml.Element("METADATA")
    header = add(root, "HEADER")
    add(header, "IDENT", product)
    add(header, "PROD_LEVEL", "N2A")
    add(header, "PLATEFORM", "LANDSAT8")
    add(header, "DATE_PDV", f"{scene.day.isoformat()}T10:40:00.000")
    geometry = add(root, "GEOMETRY")
    add(geometry, "RESOLUTION", _PIXEL_M)
    add(geometry, "EPSG", scene.grid.crs.removeprefix("EPSG:"))
    add(geometry, "ULX", f"{scene.grid.x:.0f}")
    add(geometry, "ULY", f"{scene.grid.y:.0f}")
    sun = sun_on(scene.day)
    angles = add(add(root, "RADIOMETRY"), "ANGLES")
    add(angles, "PHI_S", f"{sun.azimuth:.4f}")
    add(angles, "THETA_S", f"{90 - sun.elevation:.4f}")
    save(root, path)


LANDSAT8_OLD = Simulator(
    resolution=30.0,
    extent=110_000.0,
    step=30.0,
    multiple=1,
    corner=tile_corner,
    product=product_name,
    write=write_product,
)
