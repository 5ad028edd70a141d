"""Morphological opening of a mask by a disk, row by row of the disk."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def open_by_disk(mask: Mask, radius: int) -> Mask:
    """Keep what disks cover that lie in the mask as a whole; outside the array all is mask.

    The same as `scipy.ndimage.binary_opening` by the disk, ten times as fast: a disk fits around a
    pixel where in each of its rows the next pixel outside the mask is far enough.

    Parameters
    ----------
    mask : ndarray of bool, shape (row, col)
    radius : int
        The disk has the pixels whose centres are at most `radius` + 0.5 away from its own, as the
        ball of OTB's BinaryMorphologicalOperation (ITK) has.

    Returns
    -------
    ndarray of bool, shape (row, col)
        What depends on pixels at most ``2 radius`` away.
    """
    offsets = np.arange(-radius, radius + 1)
    widths = np.floor(np.sqrt((radius + 0.5) ** 2 - offsets**2)).astype(np.int64)
    # Disks may lie around the array's ends, with their middle outside.
    around = np.pad(mask, 2 * radius, constant_values=True)
    fits = np.ones(around.shape, np.bool_)
    _fit(_steps_to(~around), widths, fits)
    opened = np.zeros(around.shape, np.bool_)
    _cover(_steps_to(fits), widths, around, opened)
    inner = slice(2 * radius, -2 * radius or None)
    return opened[inner, inner]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _steps_to(mask):  # type: ignore[no-untyped-def]
    """Return how many columns each pixel is away from the next one of the mask in its row."""
    height, width = mask.shape
    steps = np.empty(mask.shape, np.int32)
    for row in range(height):
        away = height + width
        for col in range(width):
            away = 0 if mask[row, col] else away + 1
            steps[row, col] = away
        away = height + width
        for col in range(width - 1, -1, -1):
            away = 0 if mask[row, col] else away + 1
            steps[row, col] = min(steps[row, col], away)
    return steps


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fit(to_light, widths, fits):  # type: ignore[no-untyped-def]
    radius = len(widths) // 2
    for row in range(fits.shape[0]):
        for col in range(fits.shape[1]):
            for k in range(len(widths)):
                near = row + k - radius
                if 0 <= near < fits.shape[0] and to_light[near, col] <= widths[k]:
                    fits[row, col] = False
                    break


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _cover(to_disk, widths, mask, opened):  # type: ignore[no-untyped-def]
    radius = len(widths) // 2
    for row in range(opened.shape[0]):
        for col in range(opened.shape[1]):
            if not mask[row, col]:
                continue  # no disk that fits reaches it
            for k in range(len(widths)):
                near = row + k - radius
                if 0 <= near < opened.shape[0] and to_disk[near, col] <= widths[k]:
                    opened[row, col] = True
                    break
