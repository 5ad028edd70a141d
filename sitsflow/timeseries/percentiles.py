"""Percentiles of pixel series over their dates.

A strip of neighbouring pixels is sorted at once: a sorting network compares the same two dates of
all pixels, whatever their values, so each step is a loop over columns that the compiler turns into
vector instructions. Sorting pixel by pixel takes several times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_STRIP = 128  # columns: 70 dates of them fill 36 KB
_INFINITY = np.float32(np.inf)


def percentiles(values: Floats, shares: Sequence[float]) -> Floats:
    """Return percentiles of each pixel's series, straight between its sorted values.

    The p-th percentile of n values stands at position p / 100 x (n - 1) of them, counted from 0:
    numpy's default, type 7 of Hyndman and Fan.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
        In any unit. NaN and infinity are left out, date by date.
    shares : sequence of float
        Percentiles, 0 to 100.

    Returns
    -------
    ndarray of float32, shape (percentile, row, col)
        NaN where a pixel has no finite value.

    References
    ----------
    Hyndman, R. J. and Fan, Y. (1996), Sample quantiles in statistical packages, The American
    Statistician 50(4), 361-365. The network is algorithm M (merge exchange) of Knuth, D. E.
    (1998), The Art of Computer Programming 3, section 5.2.2, by Batcher.

    Examples
    --------
    >>> series = np.array([4, 1, 2], "float32").reshape(3, 1, 1)
    >>> percentiles(series, [0, 50, 75]).ravel()
    array([1., 2., 3.], dtype=float32)
    """
    out = np.empty((len(shares), *values.shape[1:]), np.float32)
    _percentiles(np.ascontiguousarray(values), np.asarray(shares, np.float64), out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _percentiles(values, shares, out):  # type: ignore[no-untyped-def]
    n_dates, rows, cols = values.shape
    ordered = np.empty((n_dates, _STRIP), np.float32)
    count = np.empty(_STRIP, np.int64)
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            end = min(first + _STRIP, cols)
            count[:] = 0
            for d in range(n_dates):
                _take(values[d, row, first:end], ordered[d], count)
            _sort(ordered, end - first)
            for k in range(len(shares)):
                _read_off(ordered, count, shares[k], out[k, row, first:end])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _take(values, taken, count):  # type: ignore[no-untyped-def]
    """Copy a date; what is not finite comes last in the order."""
    for i in range(len(values)):
        use = abs(values[i]) < _INFINITY
        taken[i] = values[i] if use else _INFINITY
        count[i] += 1 if use else 0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sort(ordered, width):  # type: ignore[no-untyped-def]
    n = ordered.shape[0]
    top = 1
    while 2 * top < n:
        top *= 2
    p = top
    while p > 0:
        q, r, apart = top, 0, p
        while True:
            for at in range(n - apart):
                if at & p == r:
                    _exchange(ordered[at], ordered[at + apart], width)
            if q == p:
                break
            apart, q, r = q - p, q // 2, p
        p //= 2


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _exchange(one, other, width):  # type: ignore[no-untyped-def]
    for i in range(width):
        a, b = one[i], other[i]
        swap = b < a
        one[i] = b if swap else a
        other[i] = a if swap else b


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _read_off(ordered, count, share, out):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        if count[i] == 0:
            out[i] = np.nan
            continue
        position = share / 100.0 * (count[i] - 1)
        below = int(position)
        above = min(below + 1, count[i] - 1)
        start = np.float64(ordered[below, i])
        out[i] = start + (np.float64(ordered[above, i]) - start) * (position - below)
