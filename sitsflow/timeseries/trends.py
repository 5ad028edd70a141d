"""Trends of pixel series: the straight line through them, by least squares and by medians."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DAYS_A_YEAR = 365.25
_STRIP = 256  # columns
_INFINITY = np.float32(np.inf)


def least_squares_slope(values: Floats, days: Sequence[float]) -> Floats:
    """Return the slope of the least-squares line through each pixel's series, a year.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
        In any unit. NaN and infinity are left out, date by date.
    days : sequence of float
        Days since any day, one a date.

    Returns
    -------
    ndarray of float32, shape (row, col)
        In the unit of `values` a year of 365.25 days. NaN with fewer than two days.
    """
    out = np.empty(values.shape[1:], np.float32)
    years = np.asarray(days, np.float64) / DAYS_A_YEAR
    _least_squares(np.ascontiguousarray(values), years, out)
    return out


def theil_sen_slope(values: Floats, days: Sequence[float]) -> Floats:
    """Return the median of the slopes between all pairs of dates of each pixel's series, a year.

    Parameters and result are those of `least_squares_slope`. Pairs of one day have no slope and
    are left out. The number of pairs grows with the square of the number of dates.

    References
    ----------
    Theil, H. (1950), A rank-invariant method of linear and polynomial regression analysis,
    Proceedings of the Royal Netherlands Academy of Sciences 53. Sen, P. K. (1968), Estimates of
    the regression coefficient based on Kendall's tau, Journal of the American Statistical
    Association 63(324), 1379-1389.
    """
    out = np.empty(values.shape[1:], np.float32)
    years = np.asarray(days, np.float64) / DAYS_A_YEAR
    _theil_sen(np.ascontiguousarray(values), years, out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _least_squares(values, years, out):  # type: ignore[no-untyped-def]
    n_dates, rows, cols = values.shape
    count, year, value = np.empty(_STRIP), np.empty(_STRIP), np.empty(_STRIP)
    along, up = np.empty(_STRIP), np.empty(_STRIP)
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            end = min(first + _STRIP, cols)
            count[:] = year[:] = value[:] = along[:] = up[:] = 0.0
            for d in range(n_dates):
                _add(values[d, row, first:end], years[d], count, year, value)
            for i in range(end - first):
                year[i] /= count[i]
                value[i] /= count[i]
            # Around the means: of raw sums of squares few digits would be left.
            for d in range(n_dates):
                _add_products(values[d, row, first:end], years[d], year, value, along, up)
            for i in range(end - first):
                slope = up[i] / along[i]
                out[row, first + i] = slope if along[i] > 0.0 else np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add(values, at, count, year, value):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        use = abs(values[i]) < _INFINITY
        count[i] += 1.0 if use else 0.0
        year[i] += at if use else 0.0
        value[i] += values[i] if use else np.float32(0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_products(values, at, year, value, along, up):  # type: ignore[no-untyped-def]
    for i in range(len(values)):
        use = abs(values[i]) < _INFINITY
        distance = at - year[i]
        along[i] += distance * distance if use else 0.0
        up[i] += distance * (values[i] - value[i]) if use else 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _theil_sen(values, years, out):  # type: ignore[no-untyped-def]
    n_dates, rows, cols = values.shape
    series = np.empty(n_dates, np.float64)
    at = np.empty(n_dates, np.float64)
    slopes = np.empty(max(1, n_dates * (n_dates - 1) // 2), np.float64)
    strip = np.empty((_STRIP, n_dates), np.float32)
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            end = min(first + _STRIP, cols)
            for d in range(n_dates):
                for i in range(end - first):
                    strip[i, d] = values[d, row, first + i]
            for i in range(end - first):
                n = 0
                for d in range(n_dates):
                    if abs(strip[i, d]) < _INFINITY:
                        series[n], at[n] = strip[i, d], years[d]
                        n += 1
                found = _slopes(series, at, n, slopes)
                out[row, first + i] = _median(slopes, found) if found > 0 else np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _slopes(series, at, n, slopes):  # type: ignore[no-untyped-def]
    """Put the slopes of all pairs in `slopes` and return how many there are."""
    found = 0
    for later in range(1, n):
        for earlier in range(later):
            if at[later] > at[earlier]:
                rise = series[later] - series[earlier]
                slopes[found] = rise / (at[later] - at[earlier])
                found += 1
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _median(values, n):  # type: ignore[no-untyped-def]
    """Return the median of the first `n` values, which are put in another order."""
    middle = _select(values, n, n // 2)
    if n % 2 == 1:
        return middle
    below = values[0]  # selecting leaves the lower half before the middle
    for i in range(1, n // 2):
        below = max(below, values[i])
    return 0.5 * (below + middle)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _select(values, n, k):  # type: ignore[no-untyped-def]
    """Return the value of rank `k` by Hoare's selection: lower ones come before it."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[k]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if j < k:
            low = i
        if k < i:
            high = j
    return values[k]
