"""Where scenes of Landsat 4 and later lie: the second Worldwide Reference System (WRS-2)."""

from __future__ import annotations

import math
import re

from rasterio.warp import transform

from sitsflow.geo.mgrs import BadTileError, Corner

EXTENT_M = 228_000
"""Side of a scene's raster, corners of no data included; real ones vary by some kilometres."""

_NAME = re.compile(r"(?:tile)?(\d{3})(\d{3})")
_PATHS, _ROWS, _EQUATOR = 233, 248, 60
_FIRST_LONGITUDE = -64.6  # of path 1 at the equator
_INCLINATION = math.radians(98.2)
_MINUTES = 98.9  # of an orbit
_PIXEL_M = 30


def path_and_row(tile: str) -> str:
    """Return path and row as names of products have them, 199029 for tile199029.

    Raises
    ------
    BadTileError
        If it is not the name of a scene of the day side.
    """
    match = _NAME.fullmatch(tile)
    if match is None or not (1 <= int(match[1]) <= _PATHS and 1 <= int(match[2]) <= 122):
        raise BadTileError(
            f"'{tile}' is not a scene of Landsat: write path (001 to 233) and row (001 to 122) as "
            "in tile199029"
        )
    return match[1] + match[2]


def centre(tile: str) -> tuple[float, float]:
    """Return longitude and latitude of a scene's centre, to about 0.3 degrees.

    On a sphere, with a circular orbit that crosses the equator in row 60, southwards.
    """
    name = path_and_row(tile)
    path, row = int(name[:3]), int(name[3:])
    before = math.radians((_EQUATOR - row) * 360 / _ROWS)  # angle still to fly to the equator
    latitude = math.degrees(math.asin(math.sin(before) * math.sin(_INCLINATION)))
    east = -math.atan2(math.cos(_INCLINATION) * math.sin(before), math.cos(before))
    turned = _MINUTES * before / (2 * math.pi) * 360 / 1440  # the Earth, meanwhile
    longitude = _FIRST_LONGITUDE - (path - 1) * 360 / _PATHS + math.degrees(east) + turned
    return (longitude + 180) % 360 - 180, latitude


def tile_corner(tile: str) -> Corner:
    """Return the corner of a scene in its UTM zone.

    Zones are northern ones everywhere, as the USGS has them. Corners lie half a pixel beside
    multiples of 30 m, on which the centres of pixels are.
    """
    longitude, latitude = centre(tile)
    crs = f"EPSG:{32600 + int((longitude + 180) // 6) + 1}"
    (x,), (y,) = transform("EPSG:4326", crs, [longitude], [latitude])

    def on_lattice(value: float) -> float:
        return math.floor(value / _PIXEL_M) * _PIXEL_M + _PIXEL_M / 2

    return Corner(crs=crs, x=on_lattice(x - EXTENT_M / 2), y=on_lattice(y + EXTENT_M / 2))
