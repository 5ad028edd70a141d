"""What grows where: land covers, their spectra, and how green they are on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate import noise

COMMON_NAMES = (
    "coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08",
    "swir1", "swir2",
)  # fmt: skip
"""Columns of every spectrum below."""

# Rounded reflectances of the kind spectral libraries give for these surfaces.
_SPECTRA = {
    "soil": (0.06, 0.08, 0.11, 0.15, 0.18, 0.20, 0.22, 0.24, 0.26, 0.32, 0.29),
    "moist soil": (0.04, 0.05, 0.07, 0.095, 0.115, 0.13, 0.145, 0.16, 0.17, 0.21, 0.19),
    "straw": (0.06, 0.08, 0.12, 0.16, 0.20, 0.25, 0.27, 0.29, 0.30, 0.36, 0.28),
    "litter": (0.03, 0.04, 0.055, 0.07, 0.09, 0.12, 0.135, 0.15, 0.16, 0.20, 0.14),
    "crop": (0.02, 0.025, 0.055, 0.03, 0.09, 0.32, 0.42, 0.45, 0.46, 0.20, 0.09),
    "grass": (0.025, 0.03, 0.065, 0.045, 0.11, 0.27, 0.33, 0.36, 0.37, 0.22, 0.12),
    "leaves": (0.015, 0.018, 0.04, 0.022, 0.07, 0.24, 0.31, 0.34, 0.35, 0.15, 0.065),
    "needles": (0.012, 0.015, 0.028, 0.018, 0.045, 0.13, 0.16, 0.18, 0.185, 0.08, 0.035),
    "water": (0.05, 0.045, 0.04, 0.025, 0.02, 0.015, 0.013, 0.011, 0.01, 0.006, 0.004),
    "roofs": (0.09, 0.11, 0.13, 0.15, 0.17, 0.19, 0.20, 0.215, 0.22, 0.24, 0.22),
}


@dataclass(frozen=True)
class Cover:
    """One land cover: two endmembers, and the double logistic that mixes them over a year.

    `low` and `high` are fractions of the green endmember; `rise` and `fall` the days of the year
    of steepest change (negative: in the year before), `pace` their slopes in days, `spread` how
    many days parcels differ by, `texture` the relative contrast inside a parcel.
    """

    name: str
    bare: str
    green: str
    low: float
    high: float
    rise: int
    fall: int
    pace: tuple[float, float]
    spread: float
    texture: float


COVERS = (
    Cover("winter crop", "moist soil", "crop", 0.06, 0.95, 62, 168, (16, 8), 16, 0.05),
    Cover("summer crop", "soil", "crop", 0.03, 0.92, 166, 262, (10, 10), 18, 0.06),
    Cover("grassland", "straw", "grass", 0.45, 0.95, 75, 285, (22, 25), 20, 0.07),
    Cover("broadleaf forest", "litter", "leaves", 0.15, 1.0, 108, 300, (8, 12), 8, 0.10),
    Cover("conifer forest", "litter", "needles", 0.85, 1.0, 110, 290, (30, 30), 10, 0.12),
    Cover("water", "water", "water", 0.0, 0.0, 100, 280, (20, 20), 0, 0.03),
    Cover("urban", "roofs", "grass", 0.10, 0.30, 95, 290, (20, 25), 10, 0.35),
    # A catch crop over the winter: its season lies across the turn of the year.
    Cover("bare soil", "soil", "crop", 0.02, 0.45, -75, 55, (14, 12), 25, 0.05),
)
COVER_NAMES = tuple(cover.name for cover in COVERS)
COVER_BITS = np.uint64(7)
"""The part of a parcel's key that is its cover, as an index of `COVERS`."""

WATER = COVER_NAMES.index("water")

_YEARLY, _SOIL, _VIGOUR, _RISE, _FALL = range(5)
_FINENESS = 4096  # fractions are rounded: the last bit of exp() may depend on the CPU


def covers_of(parcels: noise.Keys) -> NDArray[np.intp]:
    """Index of each parcel's cover in `COVERS`, shape (parcel,)."""
    return (parcels & COVER_BITS).astype(np.intp)


def texture_of(parcels: noise.Keys) -> NDArray[np.float32]:
    """Relative contrast inside each parcel, shape (parcel,)."""
    return np.array([cover.texture for cover in COVERS], np.float32)[covers_of(parcels)]


def greenness(parcels: noise.Keys, day: date) -> NDArray[np.float64]:
    """Fraction of the green endmember of each parcel on `day`, 0 to 1, shape (parcel,)."""
    season = np.zeros(len(parcels))
    for year in (day.year - 1, day.year, day.year + 1):
        elapsed = (day - date(year, 1, 1)).days
        np.maximum(season, _season(parcels, year, elapsed), out=season)
    low, high = _column(parcels, "low"), _column(parcels, "high")
    vigour = 1 - 0.2 * noise.uniform(noise.chained(parcels, _VIGOUR))
    mixed = low + (high * vigour - low).clip(0) * season
    rounded: NDArray[np.float64] = np.round(mixed * _FINENESS) / _FINENESS
    return rounded


def _season(parcels: noise.Keys, year: int, elapsed: int) -> NDArray[np.float64]:
    yearly = noise.chained(parcels, year)
    spread = _column(parcels, "spread")

    def jitter(which: int) -> NDArray[np.float64]:
        lasting = noise.uniform(noise.chained(parcels, which))
        passing = noise.uniform(noise.chained(yearly, which))
        return (2 * lasting - 1 + 0.5 * (2 * passing - 1)) * spread

    paces = np.array([cover.pace for cover in COVERS])[covers_of(parcels)]
    up = (elapsed - _column(parcels, "rise") - jitter(_RISE)) / paces[:, 0]
    down = (elapsed - _column(parcels, "fall") - jitter(_FALL)) / paces[:, 1]
    return _logistic(up) * (1 - _logistic(down))


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    risen: NDArray[np.float64] = 1 / (1 + np.exp(-values.clip(-30, 30)))
    return risen


def _column(parcels: noise.Keys, field: str) -> NDArray[np.float64]:
    values = np.array([getattr(cover, field) for cover in COVERS], np.float64)
    return values[covers_of(parcels)]


def reflectances(parcels: noise.Keys, day: date, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Mean reflectance of each parcel on a day.

    Parameters
    ----------
    parcels : ndarray of uint64, shape (parcel,)
        Keys of the parcels; their lowest three bits are the cover.
    day : date
        The day of the picture.
    names : tuple of str
        Common names of the bands wanted, of `COMMON_NAMES`.

    Returns
    -------
    ndarray of float32, shape (parcel, band)
        Unitless, 0 to 1, never NaN.
    """
    columns = [COMMON_NAMES.index(name) for name in names]
    bare, green = (
        np.array([_SPECTRA[getattr(cover, side)] for cover in COVERS])[:, columns]
        for side in ("bare", "green")
    )
    kinds = covers_of(parcels)
    lightness = 0.75 + 0.5 * noise.uniform(noise.chained(parcels, _SOIL))
    share = greenness(parcels, day)[:, None]
    mixed = bare[kinds] * lightness[:, None] * (1 - share) + green[kinds] * share
    return mixed.astype(np.float32)
