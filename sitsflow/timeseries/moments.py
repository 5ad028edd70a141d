"""Sum, extremes, mean and spread of pixel series over their dates.

The kernel works on strips of a row, as that of `gapfilling`: each sweep over the dates is a loop
over neighbouring columns. Each pixel is summed date by date in float64, so that its result is the
same in any chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_STRIP = 256  # columns
_INFINITY = np.float32(np.inf)


class Moments(NamedTuple):
    """Facts of each pixel's series; (row, col) float32, NaN where a pixel has no finite value."""

    total: Floats
    """Sum of the values."""
    lowest: Floats
    highest: Floats
    mean: Floats
    deviation: Floats
    """Standard deviation, of the whole population: the root of the mean squared distance."""
    day_of_lowest: Floats
    day_of_highest: Floats
    """The first day on which it is reached, in the unit of the days given."""


def moments(values: Floats, days: Sequence[float]) -> Moments:
    """Return the moments of each pixel's series.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
        In any unit. NaN and infinity are left out, date by date.
    days : sequence of float
        One number a date, e.g. days since some day; exact in float32 below 2 ** 24.

    Returns
    -------
    Moments

    Examples
    --------
    >>> series = np.array([1, 5, 3], "float32").reshape(3, 1, 1)
    >>> found = moments(series, [0, 10, 20])
    >>> found.mean.item(), found.day_of_highest.item()
    (3.0, 10.0)
    """
    out = np.empty((len(Moments._fields), *values.shape[1:]), np.float32)
    _moments(np.ascontiguousarray(values), np.asarray(days, np.float32), out)
    return Moments(*out)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _moments(values, days, out):  # type: ignore[no-untyped-def]
    n_dates, rows, cols = values.shape
    count = np.empty(_STRIP, np.float64)
    total = np.empty(_STRIP, np.float64)
    squares = np.empty(_STRIP, np.float64)
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            end = min(first + _STRIP, cols)
            count[:] = total[:] = squares[:] = 0.0
            out[1, row, first:end] = _INFINITY
            out[2, row, first:end] = -_INFINITY
            out[5:, row, first:end] = np.float32(np.nan)
            for d in range(n_dates):
                _gather(
                    values[d, row, first:end],
                    days[d],
                    count,
                    total,
                    out[1, row, first:end],
                    out[2, row, first:end],
                    out[5, row, first:end],
                    out[6, row, first:end],
                )
            for i in range(end - first):
                total[i] = total[i] if count[i] > 0.0 else np.nan
                out[0, row, first + i] = total[i]
                total[i] /= count[i]
                out[3, row, first + i] = total[i]
                for bound in (1, 2):
                    found = out[bound, row, first + i]
                    out[bound, row, first + i] = found if count[i] > 0.0 else np.float32(np.nan)
            for d in range(n_dates):
                _spread(values[d, row, first:end], total, squares)
            for i in range(end - first):
                squares[i] = np.sqrt(squares[i] / count[i])
                out[4, row, first + i] = squares[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _gather(values, day, count, total, low, high, day_low, day_high):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        value = values[i]
        use = abs(value) < _INFINITY
        count[i] += 1.0 if use else 0.0
        total[i] += value if use else np.float32(0)
        lower, higher = use & (value < low[i]), use & (value > high[i])
        low[i] = value if lower else low[i]
        high[i] = value if higher else high[i]
        day_low[i] = day if lower else day_low[i]
        day_high[i] = day if higher else day_high[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _spread(values, mean, squares):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        distance = values[i] - mean[i]  # in float64, as the mean
        squares[i] += distance * distance if abs(values[i]) < _INFINITY else 0.0
