"""Resampling of pixel series onto other dates along a natural cubic spline."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.timeseries.pixel_observations import held, relative_days, take_observations


def fill_spline(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    days: Sequence[int],
    target_days: Sequence[int],
) -> NDArray[np.float32]:
    """Interpolate each pixel's series along the natural cubic spline through its valid dates.

    Before the first and after the last valid date the value stays constant: a spline would run
    away. Between valid dates that lie far apart it may go beyond their values. Two valid dates
    are joined by a straight line.

    Parameters, NaN and which observations count: see `sitsflow.timeseries.gapfilling.fill_gaps`.

    Returns
    -------
    ndarray of float32, shape (target, row, col)

    References
    ----------
    de Boor, C. (1978), A Practical Guide to Splines, chapter IV: the tridiagonal system of the
    second derivatives.
    """
    out = np.empty((len(target_days), *values.shape[1:]), np.float32)
    _fill(values, valid, *relative_days(days, target_days), out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(values, valid, days, targets, out):  # type: ignore[no-untyped-def]
    n_dates = len(days)
    day, value = np.empty(n_dates), np.empty(n_dates)
    second, upper = np.empty(n_dates), np.empty(n_dates)
    for row in range(values.shape[1]):
        for col in range(values.shape[2]):
            count = take_observations(values, valid, days, row, col, day, value)
            if count == 0:
                out[:, row, col] = np.nan
                continue
            _second_derivatives(day, value, count, second, upper)
            at = 0
            for t in range(len(targets)):
                target = held(targets[t], day, count)
                while at + 2 < count and target > day[at + 1]:
                    at += 1
                out[t, row, col] = _on_spline(target, day, value, second, at, count)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _second_derivatives(day, value, count, second, upper):  # type: ignore[no-untyped-def]
    """Solve the tridiagonal system by elimination; they are 0 at both ends."""
    second[0] = second[count - 1] = upper[0] = 0.0
    for i in range(1, count - 1):
        left, right = day[i] - day[i - 1], day[i + 1] - day[i]
        slopes = (value[i + 1] - value[i]) / right - (value[i] - value[i - 1]) / left
        pivot = (left + right) / 3.0 - left / 6.0 * upper[i - 1]
        upper[i] = right / 6.0 / pivot
        second[i] = (slopes - left / 6.0 * second[i - 1]) / pivot
    for i in range(count - 2, 0, -1):
        second[i] -= upper[i] * second[i + 1]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _on_spline(target, day, value, second, at, count):  # type: ignore[no-untyped-def]
    if count == 1:
        return value[0]
    span = day[at + 1] - day[at]
    to_next, gone = (day[at + 1] - target) / span, (target - day[at]) / span
    bend = (to_next**3 - to_next) * second[at] + (gone**3 - gone) * second[at + 1]
    return to_next * value[at] + gone * value[at + 1] + bend * span * span / 6.0
