"""Resampling of pixel series onto other dates: the median of what was seen around each."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.timeseries.pixel_observations import held, relative_days, take_observations


def fill_median(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    days: Sequence[int],
    target_days: Sequence[int],
    window: float,
) -> NDArray[np.float32]:
    """Give each target day the median of the valid observations at most `window` / 2 days away.

    An observation that stands alone, such as a cloud that no mask has, is left out where more
    than two are in the window. Where none is, the value lies on the straight line between the
    valid dates before and after. Outside the first and last valid date the value is that of
    these dates.

    Parameters, NaN and which observations count: see `sitsflow.timeseries.gapfilling.fill_gaps`.

    Parameters
    ----------
    window : float
        Width of the window, days.

    Returns
    -------
    ndarray of float32, shape (target, row, col)
    """
    out = np.empty((len(target_days), *values.shape[1:]), np.float32)
    _fill(values, valid, *relative_days(days, target_days), window / 2, out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(values, valid, days, targets, reach, out):  # type: ignore[no-untyped-def]
    day, value, ranked = np.empty(len(days)), np.empty(len(days)), np.empty(len(days))
    for row in range(values.shape[1]):
        for col in range(values.shape[2]):
            count = take_observations(values, valid, days, row, col, day, value)
            if count == 0:
                out[:, row, col] = np.nan
                continue
            first = end = 0
            for t in range(len(targets)):
                target = held(targets[t], day, count)
                while first < count and day[first] < target - reach:
                    first += 1
                while end < count and day[end] <= target + reach:
                    end += 1
                if end > first:
                    out[t, row, col] = _median(value, first, end, ranked)
                else:
                    share = (target - day[first - 1]) / (day[first] - day[first - 1])
                    rise = value[first] - value[first - 1]
                    out[t, row, col] = value[first - 1] + rise * share


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _median(value, first, end, ranked):  # type: ignore[no-untyped-def]
    """Return the median of a part of `value`, sorted by insertion: it holds few values."""
    count = 0
    for i in range(first, end):
        at = count
        while at > 0 and ranked[at - 1] > value[i]:
            ranked[at] = ranked[at - 1]
            at -= 1
        ranked[at] = value[i]
        count += 1
    half = count // 2
    return ranked[half] if count % 2 else (ranked[half - 1] + ranked[half]) / 2
