"""What all products in THEIA's present format (MUSCATE) share: the time in their names, masks."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate import noise
from sitsflow.simulate.weather import Sky

# Bits of CLM: any cloud or shadow, any cloud, found in one date, found by comparing dates, thin,
# shadow, shadow of an unseen cloud, high.
_ALL, _CLOUD, _ONE_DATE, _MANY_DATES, _THIN, _SHADOW, _STRAY, _HIGH = (1 << k for k in range(8))
_MG2_WATER, _MG2_CLOUD, _MG2_SHADOW = 1, 2, 8


def stamp(day: date, hour: int) -> str:
    """Return day and time of a picture as names have them; it is the last ten minutes of `hour`."""
    minute, second, thousandth = (
        noise.key(day.toordinal(), k) % n for k, n in enumerate((9, 60, 1000))
    )
    return f"{day:%Y%m%d}-{hour}5{minute}{second:02}-{thousandth:03}"


def cloud_mask(sky: Sky, *, sees_cirrus: bool = True) -> NDArray[np.uint8]:
    """Bits of CLM, shape (row, col), 0 outside the swath.

    A sensor without a band at 1.38 micrometres does not tell high clouds from other thin ones.
    """
    bits = np.zeros(sky.thick.shape, np.uint8)
    bits[sky.thick] = _ALL | _CLOUD | _ONE_DATE
    bits[sky.opacity >= 1] |= _MANY_DATES
    bits[sky.thin] = _THIN | (_HIGH if sky.high and sees_cirrus else 0)
    bits[sky.shadow] |= _ALL | _SHADOW
    bits[sky.stray] |= _ALL | _STRAY
    bits[sky.outside] = 0
    return bits


def geophysical_mask(sky: Sky, water: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Bits of MG2, shape (row, col), 0 outside the swath; water is not seen through clouds."""
    bits = np.zeros(sky.thick.shape, np.uint8)
    bits[water & ~sky.thick] = _MG2_WATER
    bits[sky.thick | sky.thin] |= _MG2_CLOUD
    bits[sky.shadow | sky.stray] |= _MG2_SHADOW
    bits[sky.outside] = 0
    return bits
