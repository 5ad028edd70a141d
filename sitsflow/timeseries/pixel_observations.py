"""The observations of one pixel that count: what all methods of interpolation start from."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray


def relative_days(
    days: Sequence[int], target_days: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both counted from the first of all days, as the kernels take them."""
    origin = min(*days, *target_days) if len(days) and len(target_days) else 0
    return (
        np.asarray(days, np.float64) - np.float64(origin),
        np.asarray(target_days, np.float64) - np.float64(origin),
    )


# Numba does not see that a function of another module has changed: after a change here the
# modules that call it must change too, or the compiled code beside them be removed.
@numba.njit(cache=True, nogil=True, error_model="numpy")
def take_observations(values, valid, days, row, col, day, value):  # type: ignore[no-untyped-def]
    """Put days and values of a pixel's valid, finite observations in `day` and `value`.

    Of several of one day the first valid one counts. Returns how many there are.
    """
    count = 0
    for d in range(len(days)):
        found = values[d, row, col]
        use = valid[d, row, col] and np.isfinite(found)
        if use and (count == 0 or day[count - 1] != days[d]):
            day[count] = days[d]
            value[count] = found
            count += 1
    return count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def held(target, day, count):  # type: ignore[no-untyped-def]
    """Return a target day, moved to the first or last observation where it lies outside."""
    return min(max(target, day[0]), day[count - 1])
