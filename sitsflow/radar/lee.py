"""Speckle filtered within each image: Lee's filter, and the one that follows edges."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.radar.window_means import window_means

LOOKS = 4.4
"""Equivalent number of looks of IW GRDH (Sentinel-1 user guide, Level-1 GRD products)."""
REFINED_RADIUS = 3
"""Pixels; the refined filter's window is 7 x 7, in nine parts of 3 x 3."""


def lee(power: NDArray[np.float32], radius: int = 3, looks: float = LOOKS) -> NDArray[np.float32]:
    """Filter each image by the mean and the variance around each pixel.

    The estimate of least mean squared error under speckle that multiplies: ``m + k (I - m)`` with
    ``k = var(x) / var(I)``, ``var(x) = (var(I) - m^2 / L) / (1 + 1 / L)`` and L looks. Where
    nothing but speckle is seen it is the mean, and next to edges it is almost I.

    Source: Lee (1980), Digital image enhancement and noise filtering by use of local statistics,
    IEEE Transactions on Pattern Analysis and Machine Intelligence 2(2), 165-168.

    Parameters
    ----------
    power : ndarray of float32, shape (date, row, col)
        Linear power; NaN where a date has no value. With `radius` pixels around what is wanted, as
        far as the map goes, the result does not depend on where it is cut.
    radius : int
        The window has ``2 radius + 1`` rows and columns, less at the ends of the array.
    looks : float
        Equivalent number of looks of `power`.

    Returns
    -------
    ndarray of float32, shape (date, row, col)
        NaN where `power` is.
    """
    power = np.ascontiguousarray(power)
    out = np.empty(power.shape, np.float32)
    mean, square = np.empty(power.shape[1:]), np.empty(power.shape[1:])
    for image, filtered in zip(power, out, strict=True):
        window_means(image, radius, False, mean)
        window_means(image, radius, True, square)
        _lee(image, mean, square, 1 / looks, filtered)
    return out


def refined_lee(power: NDArray[np.float32], looks: float = LOOKS) -> NDArray[np.float32]:
    """Filter each image by mean and variance on each pixel's own side of the strongest edge.

    Of the means of nine 3 x 3 parts of a 7 x 7 window the direction of the strongest of four
    gradients is taken; the side of it whose mean is nearer to that of the middle, with the line
    through the middle (28 pixels), then gives mean and variance for Lee's filter.

    Source: Lee (1981), Refined filtering of image noise using local statistics, Computer Graphics
    and Image Processing 15(4), 380-389; speckle by its number of looks, as in Lee, Grunes and de
    Grandi (1999), IEEE Transactions on Geoscience and Remote Sensing 37(5), 2363-2373.

    Parameters and result: see `lee`, with a window of `REFINED_RADIUS`.
    """
    power = np.ascontiguousarray(power)
    out = np.empty(power.shape, np.float32)
    parts = np.empty(power.shape[1:])
    for image, filtered in zip(power, out, strict=True):
        window_means(image, 1, False, parts)
        _refined(image, parts, 1 / looks, filtered)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _estimate(value, mean, square, speckle):  # type: ignore[no-untyped-def]
    """Return Lee's estimate; `square` is the mean square, `speckle` the variance of speckle."""
    variance = square - mean * mean
    true = (variance - mean * mean * speckle) / (1 + speckle)
    return mean + (value - mean) * true / variance if true > 0 else mean


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _lee(image, mean, square, speckle, out):  # type: ignore[no-untyped-def]
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            value = image[row, col]
            if np.isnan(value):
                out[row, col] = np.nan
            else:
                out[row, col] = _estimate(value, mean[row, col], square[row, col], speckle)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _refined(image, parts, speckle, out):  # type: ignore[no-untyped-def]
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            value = image[row, col]
            if np.isnan(value):
                out[row, col] = np.nan
                continue
            down, right = _side(parts, row, col)
            mean, square = _half_window(image, row, col, down, right)
            out[row, col] = _estimate(value, mean, square, speckle)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _part(parts, row, col, down, right):  # type: ignore[no-untyped-def]
    """Return the mean of a part, or of the middle one where that part has no value."""
    r, c = row + 2 * down, col + 2 * right
    if 0 <= r < parts.shape[0] and 0 <= c < parts.shape[1] and not np.isnan(parts[r, c]):
        return parts[r, c]
    return parts[row, col]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _side(parts, row, col):  # type: ignore[no-untyped-def]
    """Return the direction, in rows and columns, from the strongest edge to the pixel's side."""
    best, strongest = (0, 1), -1.0
    for down, right in ((0, 1), (1, 0), (-1, 1), (1, 1)):
        gradient = 0.0
        for r in range(-1, 2):
            for c in range(-1, 2):
                gradient += np.sign(down * r + right * c) * _part(parts, row, col, r, c)
        if abs(gradient) > strongest:
            best, strongest = (down, right), abs(gradient)
    down, right = best
    middle = parts[row, col]
    ahead = abs(_part(parts, row, col, down, right) - middle)
    behind = abs(_part(parts, row, col, -down, -right) - middle)
    return (down, right) if ahead <= behind else (-down, -right)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _half_window(image, row, col, down, right):  # type: ignore[no-untyped-def]
    """Return mean and mean square of the values on one side, with the line through the pixel."""
    total, square, count = 0.0, 0.0, 0
    for r in range(max(row - 3, 0), min(row + 4, image.shape[0])):
        for c in range(max(col - 3, 0), min(col + 4, image.shape[1])):
            value = float(image[r, c])
            if down * (r - row) + right * (c - col) >= 0 and not np.isnan(value):
                total += value
                square += value * value
                count += 1
    return total / count, square / count
