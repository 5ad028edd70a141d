"""The annual harmonic of pixel series: one wave a year, fitted by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.timeseries.trends import DAYS_A_YEAR

Floats = NDArray[np.float32]

_STRIP = 256  # columns
_INFINITY = np.float32(np.inf)
_SUMS = 9
_SINGULAR = 1e-12  # of a determinant, against the largest that its diagonal allows


class Harmonic(NamedTuple):
    """The wave of each pixel; (row, col) float32, NaN with fewer than three days."""

    amplitude: Floats
    """From the mean to the crest, in the unit of the values."""
    phase: Floats
    """Days from day 0 to the crest, 0 to 365.25."""
    mean: Floats
    """What the wave swings around."""


def annual_harmonic(values: Floats, days: Sequence[float]) -> Harmonic:
    """Fit v = mean + amplitude x cos(2 pi (day - phase) / 365.25) to each pixel's series.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
        In any unit. NaN and infinity are left out, date by date.
    days : sequence of float
        Days since the day from which phases are counted, one a date.

    Returns
    -------
    Harmonic

    References
    ----------
    Jakubauskas, M. E., Legates, D. R. and Kastens, J. H. (2001), Harmonic analysis of time-series
    AVHRR NDVI data, Photogrammetric Engineering and Remote Sensing 67(4), 461-470.
    """
    angles = 2 * np.pi / DAYS_A_YEAR * np.asarray(days, np.float64)
    out = np.empty((len(Harmonic._fields), *values.shape[1:]), np.float32)
    _harmonic(np.ascontiguousarray(values), np.cos(angles), np.sin(angles), out)
    return Harmonic(*out)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _harmonic(values, cosines, sines, out):  # type: ignore[no-untyped-def]
    n_dates, rows, cols = values.shape
    sums = np.empty((_SUMS, _STRIP), np.float64)
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            end = min(first + _STRIP, cols)
            sums[:] = 0.0
            for d in range(n_dates):
                _add(values[d, row, first:end], cosines[d], sines[d], sums)
            for i in range(end - first):
                amplitude, phase, mean = _solve(sums[:, i])
                out[0, row, first + i] = amplitude
                out[1, row, first + i] = phase
                out[2, row, first + i] = mean


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add(values, c, s, sums):  # type: ignore[no-untyped-def]
    """Add a date to the sums of the normal equations."""
    for i in range(len(values)):
        use = abs(values[i]) < _INFINITY
        one = 1.0 if use else 0.0
        value = np.float64(values[i]) if use else 0.0
        sums[0, i] += one
        sums[1, i] += one * c
        sums[2, i] += one * s
        sums[3, i] += one * (c * c)
        sums[4, i] += one * (c * s)
        sums[5, i] += one * (s * s)
        sums[6, i] += value
        sums[7, i] += value * c
        sums[8, i] += value * s


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _solve(sums):  # type: ignore[no-untyped-def]
    """Solve the normal equations, centred: amplitude, phase and mean."""
    n, c, s = sums[0], sums[1], sums[2]
    cc, cs, ss = sums[3], sums[4], sums[5]
    v, vc, vs = sums[6], sums[7], sums[8]
    if n < 3.0:
        return np.nan, np.nan, np.nan
    cc, cs, ss = cc - c * c / n, cs - c * s / n, ss - s * s / n
    vc, vs = vc - v * c / n, vs - v * s / n
    determinant = cc * ss - cs * cs
    if not determinant > _SINGULAR * n * n:  # fewer than three places in the year
        return np.nan, np.nan, np.nan
    a = (ss * vc - cs * vs) / determinant
    b = (cc * vs - cs * vc) / determinant
    phase = np.arctan2(b, a) * (DAYS_A_YEAR / (2.0 * np.pi))
    if phase < 0.0:
        phase += DAYS_A_YEAR
    return np.sqrt(a * a + b * b), phase, (v - a * c - b * s) / n
