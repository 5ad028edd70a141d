"""Means over the window around each pixel, the same wherever an image is cut."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, error_model="numpy")
def window_means(values, radius, squared, out):  # type: ignore[no-untyped-def]
    """Give each pixel the mean of the values, or of their squares, around it that are not NaN.

    Parameters
    ----------
    values : ndarray of float32, shape (row, col)
        NaN where there is no value.
    radius : int
        The window has ``2 radius + 1`` rows and columns; less at the ends of the array.
    squared : bool
        Whether to take the squares of the values.
    out : ndarray of float, shape (row, col)
        NaN where the window has no value.

    Notes
    -----
    Each window is summed anew, by columns and then across: a sum that is carried along a row would
    round in another way where a chunk begins.
    """
    height, width = values.shape
    sums, counts = np.empty(width), np.empty(width, np.int64)
    for row in range(height):
        sums[:] = 0.0
        counts[:] = 0
        for near in range(max(row - radius, 0), min(row + radius + 1, height)):
            for col in range(width):
                value = float(values[near, col])
                if not np.isnan(value):
                    sums[col] += value * value if squared else value
                    counts[col] += 1
        for col in range(width):
            total, count = 0.0, 0
            for near in range(max(col - radius, 0), min(col + radius + 1, width)):
                total += sums[near]
                count += counts[near]
            out[row, col] = total / count if count else np.nan
