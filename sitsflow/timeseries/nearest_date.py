"""Resampling of pixel series onto other dates: the value of the nearest valid date."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.timeseries.pixel_observations import relative_days, take_observations


def fill_nearest(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    days: Sequence[int],
    target_days: Sequence[int],
) -> NDArray[np.float32]:
    """Give each target day the value of the nearest valid date; of two as near, of the earlier.

    Parameters, NaN and which observations count: see `sitsflow.timeseries.gapfilling.fill_gaps`.

    Returns
    -------
    ndarray of float32, shape (target, row, col)
    """
    out = np.empty((len(target_days), *values.shape[1:]), np.float32)
    _fill(values, valid, *relative_days(days, target_days), out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(values, valid, days, targets, out):  # type: ignore[no-untyped-def]
    day, value = np.empty(len(days)), np.empty(len(days))
    for row in range(values.shape[1]):
        for col in range(values.shape[2]):
            count = take_observations(values, valid, days, row, col, day, value)
            at = 0
            for t in range(len(targets)):
                if count == 0:
                    out[t, row, col] = np.nan
                    continue
                target = targets[t]
                while at + 1 < count and abs(day[at + 1] - target) < abs(day[at] - target):
                    at += 1
                out[t, row, col] = value[at]
