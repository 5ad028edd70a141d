"""Where Sentinel-2 tiles lie: the rules of the Military Grid Reference System."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_SQUARE_M = 100_000
_CYCLE_M = 2_000_000  # row letters repeat
_LATTICE_M = 60  # corners lie on the pixels of the coarsest bands
_FALSE_NORTHING_M = 10_000_000

_NAME = re.compile(r"T(\d{2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])")
_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"

_FIRST_NORTHING_KM = dict(
    zip(
        "CDEFGHJKLMNPQRSTUVWX",
        (
            *(1100, 2000, 2800, 3700, 4600, 5500, 6400, 7300, 8200, 9100),
            *(0, 800, 1700, 2600, 3500, 4400, 5300, 6200, 7000, 7900),
        ),
        strict=True,
    )
)
"""Northing from which squares of a latitude band begin, rounded down to 100 km."""

_BAND_KM, _LAST_BAND_KM = 1000, 1500


class Corner(NamedTuple):
    """North-west corner of a real tile, in metres, and its coordinate reference system."""

    crs: str
    x: float
    y: float


class BadTileError(ValueError):
    """A tile name that the tiling does not know."""


def tile_corner(tile: str) -> Corner:
    """Return the corner that real products of a tile such as T31TCJ have, in its UTM zone.

    Real corners are those of the 100 km square, moved outwards to the next multiple of 60 m from
    the central meridian's false easting and from the equator.

    Raises
    ------
    BadTileError
        If the name is not one of a square.
    """
    match = _NAME.fullmatch(tile)
    if match is None:
        raise BadTileError(f"'{tile}' is not a Sentinel-2 tile: write it as in T31TCJ")
    zone, band, column, row = int(match[1]), match[2], match[3], match[4]
    columns = _COLUMNS[zone % 3]
    if not 1 <= zone <= 60 or column not in columns:
        raise BadTileError(
            f"'{tile}' is not a Sentinel-2 tile: zones are 01 to 60, and in zone {zone:02} the "
            f"fourth letter is one of {columns}"
        )
    easting = (columns.index(column) + 1) * _SQUARE_M
    # Even zones begin their rows at F.
    shift = 0 if zone % 2 else 5
    northing = (_ROWS.index(row) - shift) % len(_ROWS) * _SQUARE_M
    first = _FIRST_NORTHING_KM[band] * 1000
    northing += math.ceil((first - northing) / _CYCLE_M) * _CYCLE_M if northing < first else 0
    if northing >= first + (_LAST_BAND_KM if band == "X" else _BAND_KM) * 1000:
        raise BadTileError(f"'{tile}' is not a Sentinel-2 tile: band {band} has no row {row}")
    south = band < "N"
    equator = _FALSE_NORTHING_M if south else 0
    top = math.ceil((northing + _SQUARE_M - equator) / _LATTICE_M) * _LATTICE_M + equator
    return Corner(
        crs=f"EPSG:{(32700 if south else 32600) + zone}",
        x=math.floor(easting / _LATTICE_M) * _LATTICE_M,
        y=top,
    )
