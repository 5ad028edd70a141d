"""Products of Landsat 5 and 8, level 2A, in THEIA's format until 2017."""

from __future__ import annotations

import math
import re
from datetime import date
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.mgrs import BadTileError, Corner
from sitsflow.simulate.metadata import add, save
from sitsflow.simulate.model import Simulator, described
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.scene import Scene
from sitsflow.simulate.weather import Sky, sun_on

_INSTRUMENTS = {"Landsat5_old": "LANDSAT5_TM", "Landsat8_old": "LANDSAT8_OLITIRS"}
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


def product_name(tile: str, day: date, _every: int, sensor: str) -> str:
    """Name the product of a tile and a day."""
    return f"{_INSTRUMENTS[sensor]}_XS_{day:%Y%m%d}_N2A_{_ZONE}{tile}"


def write_product(folder: Path, product: str, scene: Scene, sensor: str) -> None:
    """Write all files of a product into its folder, which exists and is empty."""
    (folder / "MASK").mkdir()
    about, view = described(sensor), scene.view()
    saturated = view.saturation(len(about.bands))
    made = view.bands(about.bands, about.quantification, about.nodata, saturated)
    stack = np.stack([numbers for _, numbers in made])
    file = product.replace("_N2A_", "_N2A_ORTHO_SURF_CORR_PENTE_")
    write_raster(folder / f"{file}.TIF", stack, view.grid)
    masks = {
        "DIV": _diverse_mask(scene.sky, scene.ground.water),
        "NUA": _cloud_mask(scene.sky, sees_cirrus=sensor == "Landsat8_old"),
        "SAT": saturated,
    }
    for name, mask in masks.items():
        write_raster(folder / "MASK" / f"{product}_{name}.TIF", mask[None], view.grid)
    _write_metadata(folder / f"{product}.xml", product, scene)


def _cloud_mask(sky: Sky, *, sees_cirrus: bool) -> NDArray[np.uint8]:
    """Bits of NUA, shape (row, col), 0 outside the swath; high clouds are Landsat 8's alone."""
    bits = np.zeros(sky.thick.shape, np.uint8)
    bits[sky.thick] = _ALL | _CLOUD | _ABSOLUTE
    bits[sky.opacity >= 1] |= _MANY_DATES
    bits[sky.thin] = _THIN | (_HIGH if sky.high and sees_cirrus else 0)
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
    add(header, "PLATEFORM", product.split("_")[0])
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


def _simulator(sensor: str) -> Simulator:
    return Simulator(
        resolution=30.0,
        extent=110_000.0,
        step=30.0,
        multiple=1,
        corner=tile_corner,
        product=partial(product_name, sensor=sensor),
        write=partial(write_product, sensor=sensor),
    )


LANDSAT5_OLD, LANDSAT8_OLD = (_simulator(sensor) for sensor in _INSTRUMENTS)
