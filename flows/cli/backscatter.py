"""Functions of the demonstration of Sentinel-1: what a place sends back on average, in decibels.

A run calls them with its data as `self`; `sitsflow functions features_map.cfg` lists what it has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Result = tuple[NDArray[np.float32], list[str]]


def vv(self: Any) -> Result:
    """Mean of VV: rough and built-up ground is bright, calm water dark."""
    return _decibels(_vv(self)), ["VV (dB)"]


def vh(self: Any) -> Result:
    """Mean of VH: leaves and branches scatter it, so that forests are bright."""
    return _decibels(_vh(self)), ["VH (dB)"]


def ratio(self: Any) -> Result:
    """VH over VV: high where there is much vegetation, whatever the moisture of the soil."""
    return _decibels(_vh(self) / _vv(self)), ["VH / VV (dB)"]


def _vv(self: Any) -> NDArray[np.float32]:
    des, asc = self.get_interpolated_Sentinel1_VV_DES(), self.get_interpolated_Sentinel1_VV_ASC()
    return _mean(des, asc)


def _vh(self: Any) -> NDArray[np.float32]:
    des, asc = self.get_interpolated_Sentinel1_VH_DES(), self.get_interpolated_Sentinel1_VH_ASC()
    return _mean(des, asc)


def _mean(*series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average power, not decibels, over the dates of both orbits; shape (row, col)."""
    mean: NDArray[np.float32] = np.concatenate(series, axis=2).mean(axis=2)
    return mean


def _decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    decibels: NDArray[np.float32] = 10 * np.log10(power)
    return decibels
