"""A circular orbit like Sentinel-1's, in the frame that turns with the Earth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.optimize import fsolve

Floats = NDArray[np.float64]

RADIUS_M = 7_071_000.0
INCLINATION = np.radians(98.18)
_GRAVITY = 3.986004418e14  # m3/s2
_EARTH_TURN = 7.2921159e-5  # rad/s
_TURN = float(np.sqrt(_GRAVITY / RADIUS_M**3))

_TO_GEOCENTRIC = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


def to_geocentric(longitudes: Floats, latitudes: Floats, heights: Floats) -> Floats:
    """Return ECEF places, metres, shape (..., 3)."""
    return np.stack(_TO_GEOCENTRIC.transform(longitudes, latitudes, heights), axis=-1)


def to_geographic(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Return longitudes, latitudes (degrees) and heights (m) of ECEF places."""
    x, y, z = np.moveaxis(points, -1, 0)
    found: tuple[Floats, Floats, Floats] = _TO_GEOCENTRIC.transform(x, y, z, direction="INVERSE")
    return found


def normals(points: Floats) -> Floats:
    """Return the ellipsoid's normals at ECEF places, shape (..., 3)."""
    longitudes, latitudes, _ = to_geographic(points)
    east, north = np.radians(longitudes), np.radians(latitudes)
    return np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1
    )


@dataclass(frozen=True)
class CircularOrbit:
    """Where the satellite is, exactly: `anomaly` from the node and the node's longitude at 0 s."""

    anomaly: float
    node: float

    def at(self, times: Floats) -> tuple[Floats, Floats]:
        """Return positions (m) and velocities (m/s) in ECEF, shape (..., 3) each."""
        times = np.asarray(times, np.float64)
        u = self.anomaly + _TURN * times
        node = self.node - _EARTH_TURN * times
        tilt, rise = np.cos(INCLINATION), np.sin(INCLINATION)
        along = np.stack([np.cos(node), np.sin(node), np.zeros_like(node)], axis=-1)
        across = np.stack([-np.sin(node) * tilt, np.cos(node) * tilt, rise + 0 * node], axis=-1)
        cos, sin = np.cos(u)[..., None], np.sin(u)[..., None]
        places = RADIUS_M * (cos * along + sin * across)
        speeds = RADIUS_M * _TURN * (cos * across - sin * along)
        turning = np.stack([places[..., 1], -places[..., 0], 0 * node], axis=-1) * _EARTH_TURN
        return places, speeds + turning

    def seen(self, points: Floats) -> tuple[Floats, Floats]:
        """Return when ECEF places lie across the track, and how far off, by bisection.

        Only within two minutes of 0 s, in seconds and metres.
        """
        low, high = np.full((2, *points.shape[:-1]), 120.0) * np.array([-1, 1]).reshape(
            2, *[1] * (points.ndim - 1)
        )
        for _ in range(60):
            middle = (low + high) / 2
            places, speeds = self.at(middle)
            ahead = ((points - places) * speeds).sum(axis=-1) > 0
            low, high = np.where(ahead, middle, low), np.where(ahead, high, middle)
        return low, np.linalg.norm(points - self.at(low)[0], axis=-1)


def orbit_over(longitude: float, latitude: float, incidence: float, *, ascending: bool) -> (
    CircularOrbit
):  # fmt: skip
    """Find the orbit from which a place is seen at 0 s, to the right, at an incidence (degrees)."""
    point = to_geocentric(*(np.array(value) for value in (longitude, latitude, 0.0)))
    up = normals(point)

    def wrong(unknown: Floats) -> Floats:
        places, speeds = CircularOrbit(*unknown).at(np.array(0.0))
        back = (places - point) / np.linalg.norm(places - point)
        return np.array([back @ speeds / 7500, back @ up - np.cos(np.radians(incidence))])

    u = np.arcsin(np.sin(np.radians(latitude)) / np.sin(INCLINATION))
    u = u if ascending else np.pi - u
    aside = (-1 if ascending else 1) * 0.11 / np.cos(np.radians(latitude))
    east = np.arctan2(np.cos(INCLINATION) * np.sin(u), np.cos(u))
    anomaly, node = fsolve(wrong, [u, np.radians(longitude) + aside - east], xtol=1e-13)
    return CircularOrbit(float(anomaly), float(node))
