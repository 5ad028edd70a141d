"""Smoothing of a series on regular dates by polynomials of a moving window."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.timeseries.gapfilling import fill_gaps

_STRIP = 256  # columns worked on at a time, as in the gap filling


def fill_savitzky_golay(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    days: Sequence[int],
    target_days: Sequence[int],
    window: int,
    degree: int,
) -> NDArray[np.float32]:
    """Interpolate linearly onto `target_days`, then replace each value by that of a polynomial.

    The polynomial is fitted by least squares to the `window` interpolated values around it; the
    first and last values are those of the polynomials of the first and last whole window.

    Parameters, NaN and which observations count: see `sitsflow.timeseries.gapfilling.fill_gaps`.

    Parameters
    ----------
    target_days
        Equally spaced, at least `window` of them.
    window : int
        Dates in the window, odd.
    degree : int
        Degree of the polynomial, less than `window`.

    Returns
    -------
    ndarray of float32, shape (target, row, col)

    References
    ----------
    Savitzky, A. and Golay, M. J. E. (1964), Smoothing and differentiation of data by simplified
    least squares procedures, Analytical Chemistry 36(8), 1627-1639, doi:10.1021/ac60214a047.
    """
    filled = fill_gaps(values, valid, days, target_days)
    _smooth(filled, _projection(window, degree))
    return filled


@lru_cache(maxsize=16)
def _projection(window: int, degree: int) -> NDArray[np.float64]:
    """Return what a window's values contribute to each value of its polynomial; (value, from)."""
    places = np.linspace(-1, 1, window)
    basis, _ = np.linalg.qr(np.vander(places, degree + 1, increasing=True))
    return np.ascontiguousarray(basis @ basis.T)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _smooth(series, projection):  # type: ignore[no-untyped-def]
    """Smooth (date, row, col) in place."""
    n_dates, rows, cols = series.shape
    window = len(projection)
    half = window // 2
    before = np.empty((n_dates, _STRIP), np.float32)
    total = np.empty(_STRIP)
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            width = min(_STRIP, cols - first)
            before[:, :width] = series[:, row, first : first + width]
            for t in range(n_dates):
                start = min(max(t - half, 0), n_dates - window)
                total[:] = 0.0
                for k in range(window):
                    weight = projection[t - start, k]
                    for i in range(width):
                        total[i] += weight * before[start + k, i]
                for i in range(width):
                    series[t, row, first + i] = total[i]
