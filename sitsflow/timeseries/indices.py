"""Spectral indices: iota2's three, and those of the spyndex catalogue by name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import ExpressionError
from sitsflow.products.sensors.model import POLARISATIONS, Sensor

Array = NDArray[np.float32]
Bools = NDArray[np.bool_]

HAZE = 0.05
"""What `acor_feat` takes from numerators and adds to denominators, in digital numbers."""

IOTA2_INDICES = ("NDVI", "NDWI", "Brightness")
_SCALE = np.float32(1000)
_NO_DENOMINATOR = np.float32(1e-5)  # iota2: below it an index is 0

SPYNDEX_BANDS = {
    "coastal": "A",
    "blue": "B",
    "green": "G",
    "red": "R",
    "rededge1": "RE1",
    "rededge2": "RE2",
    "rededge3": "RE3",
    "nir": "N",
    "nir08": "N2",
    "swir1": "S1",
    "swir2": "S2",
    "vv": "VV",
    "vh": "VH",
    "hh": "HH",
    "hv": "HV",
}
"""From our common band names to the catalogue's standard ones."""


class Compute(Protocol):
    """How an index is made of its bands."""

    def __call__(self, bands: Mapping[str, Array], held: Bools | None = None) -> Array:
        """Return the index; `held`: see `normalized_difference`."""
        ...


class Index(NamedTuple):
    """An index of one sensor: the bands it needs, by the sensor's names, and how to compute it."""

    name: str
    bands: tuple[str, ...]
    compute: Compute
    clips: bool = False
    """Whether values are held within a range."""


def normalized_difference(
    one: Array, other: Array, *, clip: bool = True, haze: float = 0.0, held: Bools | None = None
) -> Array:
    """(one - other) / (one + other) x 1000, 0 where the denominator vanishes; unrounded.

    Parameters
    ----------
    one, other : ndarray of float32, shape (date, row, col) or (row, col)
        Reflectances in one unit. Of two that are not negative the result is within -1000 and 1000;
        where one is negative the sum may come near 0, and the quotient has any size.
    clip : bool
        Hold results within -1000 and 1000.
    haze : float
        Taken from the numerator and added to the denominator, in the unit of the bands.
    held : ndarray of bool, shape (row, col), contiguous, optional
        Set to True where the result of some date was held; not touched elsewhere.

    Returns
    -------
    ndarray of float32, of the shape of `one`
        NaN where either is NaN.
    """
    shape = (-1, max(1, math.prod(one.shape[-2:])))
    out = np.empty(one.shape, np.float32)
    _divide(
        one.reshape(shape),
        other.reshape(shape),
        np.float32(haze),
        _SCALE if clip else np.float32(np.inf),
        out.reshape(shape),
        np.empty(0, np.bool_) if held is None else held.reshape(-1),
    )
    return out


def _quotients(one: Any, other: Any, haze: Any, limit: Any, out: Any, held: Any) -> None:
    for date in range(out.shape[0]):
        beyond = False
        for i in range(out.shape[1]):
            total = one[date, i] + other[date, i] + haze
            quotient = (one[date, i] - other[date, i] - haze) / total * _SCALE
            quotient = np.float32(0) if abs(total) < _NO_DENOMINATOR else quotient
            beyond |= abs(quotient) > limit
            quotient = limit if quotient > limit else quotient
            out[date, i] = -limit if quotient < -limit else quotient
        if not beyond:  # as on nearly all dates: to note it in the loop above would slow it
            continue
        for i in range(held.size):
            total = one[date, i] + other[date, i] + haze
            quotient = (one[date, i] - other[date, i] - haze) / total * _SCALE
            held[i] |= abs(quotient) > limit and not abs(total) < _NO_DENOMINATOR


# One sweep over a chunk's years instead of numpy's seven, each with an array of its own.
_divide: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(_quotients)


def brightness(bands: Mapping[str, Array], held: Bools | None = None) -> Array:
    """Root of the sum of squares over all `bands`, in their own unit; nothing is ever `held`."""
    del held
    total: Array | None = None
    for values in bands.values():
        total = values * values if total is None else total + values * values
    if total is None:
        raise ValueError("brightness of no band")
    return np.sqrt(total)


def iota2_indices(
    sensor: Sensor, bands: tuple[str, ...], *, clip: bool = True, haze: float = 0.0
) -> dict[str, Index]:
    """Return NDVI, NDWI and Brightness of a sensor, those that its `bands` allow.

    NDVI is (nir - red) / (nir + red); NDWI is (swir1 - nir) / (swir1 + nir), its sign the
    opposite of Gao's (1996); both x 1000, and with `clip` held within -1000 and 1000. `haze`, in
    digital numbers: see `normalized_difference`. Brightness takes all `bands`, in digital numbers.
    """
    red, nir, swir = (sensor.band_of(name) for name in ("red", "nir", "swir1"))
    found = {}
    for name, one, other in (("NDVI", nir, red), ("NDWI", swir, nir)):
        if one and other and one.name in bands and other.name in bands:
            difference = _difference(one.name, other.name, clip=clip, haze=haze)
            found[name] = Index(name, (one.name, other.name), difference, clips=clip)
    found["Brightness"] = Index("Brightness", bands, brightness)
    return found


def _difference(one: str, other: str, *, clip: bool, haze: float) -> Compute:
    def compute(bands: Mapping[str, Array], held: Bools | None = None) -> Array:
        return normalized_difference(bands[one], bands[other], clip=clip, haze=haze, held=held)

    return compute


def catalogue_index(name: str, sensor: Sensor, bands: tuple[str, ...]) -> Index:
    """Return an index of the spyndex catalogue for a sensor, computed on reflectance 0 to 1.

    Constants take the catalogue's defaults.

    Raises
    ------
    ExpressionError
        If the catalogue does not know `name`, or it needs a band that `bands` lack.
    """
    catalogue = _catalogue()
    if name not in catalogue.indices:
        near = difflib.get_close_matches(name, list(catalogue.indices), n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ExpressionError(f"{name!r} is not an index of the spyndex catalogue{hint}")
    names: dict[str, str] = {}
    constants: dict[str, float] = {}
    ours = {code: sensor.band_of(common) for common, code in SPYNDEX_BANDS.items()}
    for symbol in catalogue.indices[name].bands:
        band = ours.get(symbol)
        if band is not None and band.name in bands:
            names[symbol] = band.name
        elif symbol in catalogue.constants and catalogue.constants[symbol].default is not None:
            constants[symbol] = catalogue.constants[symbol].default
        else:
            raise ExpressionError(
                f"index {name} needs {symbol!r} ({_meaning(symbol)}), which {sensor.name} lacks "
                "here"
            )
    scale = np.float32(sensor.quantification)

    def compute(bands: Mapping[str, Array], held: Bools | None = None) -> Array:
        del held
        parameters = {symbol: bands[band] / scale for symbol, band in names.items()}
        with np.errstate(all="ignore"):
            result: Any = catalogue.computeIndex(name, params={**parameters, **constants})
        return np.asarray(result, np.float32)

    return Index(name, tuple(names.values()), compute)


def is_radar_index(name: str) -> bool:
    """Whether all bands of an index of the catalogue are polarisations; False if it is none."""
    catalogue = _catalogue()
    if name not in catalogue.indices:
        return False
    codes = {SPYNDEX_BANDS[common] for common in POLARISATIONS}
    needed = [one for one in catalogue.indices[name].bands if one not in catalogue.constants]
    return bool(needed) and codes.issuperset(needed)


def index_names() -> tuple[str, ...]:
    """Return the names of all indices of the catalogue."""
    return tuple(_catalogue().indices)


def _meaning(symbol: str) -> str:
    if symbol.lower() in POLARISATIONS:  # the catalogue does not list them among its bands
        return "a polarisation"
    catalogue = _catalogue()
    known = catalogue.bands.get(symbol) or catalogue.constants.get(symbol)
    return str(getattr(known, "long_name", None) or getattr(known, "description", "a constant"))


@cache
def _catalogue() -> Any:
    import spyndex

    return spyndex
