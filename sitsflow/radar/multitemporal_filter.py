"""Speckle filtered by what all dates of a series have in common."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.radar.window_means import window_means


def filter_dates(power: NDArray[np.float32], radius: int = 2) -> NDArray[np.float32]:
    """Filter a series of radar images of one polarisation and orbit direction.

    Each pixel is the mean around it on its own date, times what the pixel is to its surroundings
    on the mean of all dates:

    ``J_k = <I_k> / N * sum over i of (I_i / <I_i>)``,

    where < > is the mean over the window and N the number of dates that have the pixel. Lines and
    points stay as sharp as they are, and a change of one date stays on it. In a homogeneous area
    of L looks and M pixels a window the result has ``L N M / (M + N - 1)`` looks.

    Source: Quegan and Yu (2001), Filtering of multichannel SAR images, IEEE Transactions on
    Geoscience and Remote Sensing 39(11), 2373-2379, for channels that are not correlated.

    Parameters
    ----------
    power : ndarray of float32, shape (date, row, col)
        Linear power, on one grid; NaN where a date has no value. With `radius` pixels around what
        is wanted, as far as the map goes, the result does not depend on where it is cut.
    radius : int
        The window has ``2 radius + 1`` rows and columns, less at the ends of the array.

    Returns
    -------
    ndarray of float32, shape (date, row, col)
        NaN where `power` is.
    """
    out = np.empty(power.shape, np.float32)
    _filter(np.ascontiguousarray(power), radius, out)
    return out


def filtered_looks(looks: float, dates: int, radius: int) -> float:
    """Return the equivalent number of looks of a homogeneous area after `filter_dates`."""
    pixels = (2 * radius + 1) ** 2
    return looks * dates * pixels / (pixels + dates - 1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _filter(power, radius, out):  # type: ignore[no-untyped-def]
    for date in range(len(power)):
        window_means(power[date], radius, False, out[date])
    for row in range(out.shape[1]):
        for col in range(out.shape[2]):
            total, count = 0.0, 0
            for date in range(len(power)):
                mean = out[date, row, col]
                # A mean that is not positive has no ratio; resampling can make one.
                if not np.isnan(power[date, row, col]) and mean > 0:
                    total += power[date, row, col] / mean
                    count += 1
            ratio = total / count if count else 1.0
            for date in range(len(power)):
                if np.isnan(power[date, row, col]):
                    out[date, row, col] = np.nan
                else:
                    out[date, row, col] *= ratio
