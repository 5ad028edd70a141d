"""Resampling of pixel series onto other dates, straight between the valid ones.

The kernel works on strips of a row: each sweep over the dates is then a loop over neighbouring
columns that the compiler turns into vector instructions, and its tables stay in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

_NEVER = np.float32(-1e9)  # finite: a weight made of it still multiplies a difference of 0
_INFINITY = np.float32(np.inf)
_STRIP = 256  # columns worked on at a time: 70 dates of four float32 tables fill 280 KB


def fill_gaps(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    days: Sequence[int],
    target_days: Sequence[int],
) -> NDArray[np.float32]:
    """Interpolate each pixel's series linearly onto `target_days`.

    Between two valid dates the value lies on the straight line between them; before the first
    and after the last valid date it stays constant. Of several observations of one day the first
    valid one counts.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
        One band, in any unit. NaN and infinity are never valid.
    valid : ndarray of bool, shape (date, row, col)
        True where the pixel may be used.
    days, target_days : sequence of int
        Days since 1970-01-01, ascending; `days` may repeat, one entry a date of `values`.

    Returns
    -------
    ndarray of float32, shape (target, row, col)
        NaN where a pixel has no valid date at all.

    References
    ----------
    Inglada, J. (2016), OTB Gapfilling: a temporal gapfilling for image time series library,
    doi:10.5281/zenodo.45572: the same rules, but 0 where no date is valid.

    Examples
    --------
    >>> series = np.array([100, 900, 300], "float32").reshape(3, 1, 1)
    >>> clear = np.array([True, False, True]).reshape(3, 1, 1)
    >>> fill_gaps(series, clear, [0, 5, 10], [0, 5, 12]).ravel()
    array([100., 200., 300.], dtype=float32)
    """
    source = np.asarray(days, np.int64)
    target = np.asarray(target_days, np.int64)
    out = np.empty((len(target), *values.shape[1:]), np.float32)
    last_before = np.searchsorted(source, target, side="right") - 1
    first_after = last_before + 1
    # Relative days are small: exact in float32.
    origin = min(source[0], target[0]) if len(source) and len(target) else 0
    _fill(
        values,
        valid,
        (source - origin).astype(np.float32),
        (target - origin).astype(np.float32),
        last_before,
        first_after,
        out,
    )
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(values, valid, days, targets, last_before, first_after, out):  # type: ignore[no-untyped-def]
    n_dates, rows, cols = values.shape
    # Row d + 1 of the tables before, and row d of the tables after, belong to date d.
    value_before = np.empty((n_dates + 1, _STRIP), np.float32)
    day_before = np.empty((n_dates + 1, _STRIP), np.float32)
    value_after = np.empty((n_dates + 1, _STRIP), np.float32)
    day_after = np.empty((n_dates + 1, _STRIP), np.float32)
    value_before[0] = value_after[n_dates] = np.float32(np.nan)
    day_before[0] = day_after[n_dates] = _NEVER
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            end = min(first + _STRIP, cols)
            for d in range(n_dates):
                _carry(
                    values[d, row, first:end],
                    valid[d, row, first:end],
                    days[d],
                    False,
                    value_before[d],
                    day_before[d],
                    value_before[d + 1],
                    day_before[d + 1],
                )
            for d in range(n_dates - 1, -1, -1):
                _carry(
                    values[d, row, first:end],
                    valid[d, row, first:end],
                    days[d],
                    True,
                    value_after[d + 1],
                    day_after[d + 1],
                    value_after[d],
                    day_after[d],
                )
            for t in range(len(targets)):
                before, after = last_before[t] + 1, first_after[t]
                _interpolate(
                    targets[t],
                    value_before[before],
                    day_before[before],
                    value_after[after],
                    day_after[after],
                    out[t, row, first:end],
                )


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _carry(values, valid, day, replace, value_from, day_from, value_to, day_to):  # type: ignore[no-untyped-def]
    """Take a date's valid values over what the neighbouring date has; of one day, the earlier."""
    for i in range(len(values)):
        value = values[i]
        use = valid[i] & (abs(value) < _INFINITY) & (replace | (day_from[i] != day))
        value_to[i] = value if use else value_from[i]
        day_to[i] = day if use else day_from[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(target, value_0, day_0, value_1, day_1, out):  # type: ignore[no-untyped-def]
    """Join the dates before and after; where one is missing the other's value holds."""
    one = np.float32(1.0)
    for i in range(len(out)):
        has_0, has_1 = day_0[i] != _NEVER, day_1[i] != _NEVER
        start = value_0[i] if has_0 else value_1[i]
        end = value_1[i] if has_1 else start
        span = day_1[i] - day_0[i] if has_0 & has_1 else one
        out[i] = start + (end - start) * ((target - day_0[i]) / span)
