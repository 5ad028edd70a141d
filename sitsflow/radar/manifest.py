"""What the manifest of a Sentinel-1 product tells: its orbit, its place and its processor."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from shapely import MultiPolygon, Polygon, box
from shapely.affinity import translate

from sitsflow.errors import ProductError
from sitsflow.radar.metadata import Metadata, read_metadata

Pass = Literal["ASCENDING", "DESCENDING"]


class Manifest(BaseModel):
    """The parts of ``manifest.safe`` that count here."""

    model_config = ConfigDict(frozen=True)

    start: datetime = Field(description="UTC")
    stop: datetime = Field(description="UTC")
    orbit_pass: Pass
    relative_orbit: int | None = Field(ge=1, le=175, description="None: the manifest has none")
    corners: tuple[tuple[float, float], ...] = Field(
        min_length=3, description="longitude, latitude in degrees (EPSG:4326)"
    )
    ipf_version: tuple[int, int] = Field(description="of ESA's processor: 002.91 is (2, 91)")

    @property
    def footprint(self) -> Polygon | MultiPolygon:
        """The ground that the product covers, longitude and latitude in degrees."""
        return footprint(self.corners)


def footprint(corners: tuple[tuple[float, float], ...]) -> Polygon | MultiPolygon:
    """Return the polygon of some corners, longitude and latitude in degrees.

    One that reaches over the meridian of 180 degrees is cut there: its corners would otherwise
    span the rest of the world.
    """
    longitudes = [x for x, _ in corners]
    if max(longitudes) - min(longitudes) <= 180:
        return Polygon(corners)
    whole = Polygon([(x % 360, y) for x, y in corners])
    east = whole.intersection(box(0, -90, 180, 90))
    west = translate(whole.intersection(box(180, -90, 360, 90)), xoff=-360)
    return MultiPolygon([east, west])


def read_manifest(product: Path, path: Path) -> Manifest:
    """Read the manifest of a product.

    Raises
    ------
    ProductError
        If it cannot be read, or lacks its orbit, footprint or processor.
    """
    root = read_metadata(product, path)
    start, stop = (
        root.time(f".//{{*}}acquisitionPeriod/{{*}}{one}Time").astype(datetime)
        for one in ("start", "stop")
    )
    if not start < stop:
        raise ProductError(f"{path}: startTime {start} is not before stopTime {stop}")
    return Manifest(
        start=start,
        stop=stop,
        orbit_pass=_pass(root),
        relative_orbit=_relative_orbit(root),
        corners=_corners(root),
        ipf_version=_ipf_version(root),
    )


def _pass(root: Metadata) -> Any:
    text = root.text(".//{*}pass").upper()
    if text not in ("ASCENDING", "DESCENDING"):
        raise ProductError(f"{root.source}: pass is {text!r}, not ASCENDING or DESCENDING")
    return text


def _relative_orbit(root: Metadata) -> int | None:
    path = ".//{*}relativeOrbitNumber[@type='start']"
    if not root.has(path):
        return None
    number = root.integer(path)
    if not 1 <= number <= 175:
        raise ProductError(f"{root.source}: relativeOrbitNumber is {number}, not from 1 to 175")
    return number


def _corners(root: Metadata) -> tuple[tuple[float, float], ...]:
    """Return the corners of the footprint; the manifest has latitude before longitude."""
    text = root.text(".//{*}footPrint/{*}coordinates")
    try:
        pairs = [[float(number) for number in pair.split(",")] for pair in text.split()]
        corners = tuple((x, y) for y, x in pairs)
    except ValueError:
        raise ProductError(f"{root.source}: {text[:60]!r} are no coordinates") from None
    inside = all(abs(x) <= 180 and abs(y) <= 90 for x, y in corners)
    if len(corners) < 3 or not inside or not footprint(corners).is_valid:
        raise ProductError(f"{root.source}: the footprint {text[:60]!r} is no polygon")
    return corners


def _ipf_version(root: Metadata) -> tuple[int, int]:
    """Return the version of the newest processing: the first in the file holds all others."""
    for software in root.all(".//{*}software"):
        version = re.fullmatch(r"0*(\d+)\.(\d{2})", software.attribute("version"))
        if software.attribute("name") == "Sentinel-1 IPF" and version:
            return int(version[1]), int(version[2])
    raise ProductError(f"{root.source}: it has no version of the processor (Sentinel-1 IPF)")
