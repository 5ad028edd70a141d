"""How often and when pixels were seen: valid dates, counted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Availability(NamedTuple):
    """Valid dates of each pixel; (row, col) float32."""

    number: Floats
    """Number of days with a valid observation."""
    first: Floats
    last: Floats
    """Days of the first and of the last one, in the unit of the days given; NaN without any."""
    gap: Floats
    """Most days from one valid day to the next; NaN with fewer than two."""


def availability(valid: NDArray[np.bool_], days: Sequence[float]) -> Availability:
    """Count the valid days of each pixel: several observations of one day count once.

    Parameters
    ----------
    valid : ndarray of bool, shape (date, row, col)
        True where the pixel may be used.
    days : sequence of float
        Days since any day, ascending, one a date; may repeat.

    Examples
    --------
    >>> clear = np.array([True, False, True, True]).reshape(4, 1, 1)
    >>> [fact.item() for fact in availability(clear, [0, 0, 5, 30])]
    [3.0, 0.0, 30.0, 25.0]
    """
    shape = valid.shape[1:]
    count = np.zeros(shape, np.float32)
    first, last, gap = np.full((3, *shape), np.nan, np.float32)
    for day, places in groupby(range(len(days)), days.__getitem__):
        seen = valid[list(places)].any(axis=0)
        count += seen
        # NaN beside a number gives the number: of a first day there is nothing before it.
        np.fmax(gap, day - last, out=gap, where=seen)
        first[seen & np.isnan(first)] = day
        last[seen] = day
    return Availability(count, first, last, gap)
