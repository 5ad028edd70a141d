"""Statistics of a raster's bands, gathered block by block, and the averages of overviews."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FIGURES = ("count", "minimum", "maximum", "mean", "squares")
"""What is known of a block's values; the last is the sum of squared differences from the mean."""


def is_nodata(values: NDArray[np.float32], nodata: float) -> NDArray[np.bool_]:
    """Return where `values` hold `nodata`, which may be NaN."""
    return np.isnan(values) if math.isnan(nodata) else values == np.float32(nodata)


def no_figures(shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the figures of blocks (band, row, col) without any value: (figure, *shape)."""
    figures = np.zeros((len(FIGURES), *shape))
    figures[1], figures[2] = np.inf, -np.inf
    return figures


def block_figures(values: Floats, nodata: float) -> NDArray[np.float64]:
    """Return the `FIGURES` of the values of one block (row, col), as float64."""
    figures: NDArray[np.float64] = _figures(values, np.float32(nodata))
    return figures


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _figures(values: Floats, nodata: np.float32) -> NDArray[np.float64]:
    # Column by column, so that the sums are in the processor's vector registers.
    n_cols = values.shape[1]
    counts, sums = np.zeros(n_cols, np.int64), np.zeros(n_cols)
    lows, highs = np.full(n_cols, np.float32(np.inf)), np.full(n_cols, np.float32(-np.inf))
    empty = np.isnan(nodata)
    for row in range(values.shape[0]):
        for col in range(n_cols):
            value = values[row, col]
            there = (value != nodata) & ((value == value) | (not empty))
            counts[col] += there
            sums[col] += value if there else np.float32(0)
            lows[col] = min(lows[col], value if there else np.float32(np.inf))
            highs[col] = max(highs[col], value if there else np.float32(-np.inf))
    count = counts.sum()
    mean = sums.sum() / max(count, 1)
    # Twice over the values: squares of large numbers would lose what their differences are.
    sums[:] = 0
    for row in range(values.shape[0]):
        for col in range(n_cols):
            value = values[row, col]
            there = (value != nodata) & ((value == value) | (not empty))
            apart = value - mean if there else 0.0
            sums[col] += apart * apart
    return np.array([count, lows.min(), highs.max(), mean, sums.sum()])


def band_tags(figures: NDArray[np.float64], n_pixels: int) -> list[dict[str, str]]:
    """Return GDAL's metadata of each band of a raster of `n_pixels`.

    Parameters
    ----------
    figures : ndarray, shape (figure, band, row, col)
        `FIGURES` of all blocks. Sums are taken in the order of the blocks, so that files are the
        same to the last digit however their blocks were made.
    n_pixels : int
        Of the raster, with those that have no value.
    """
    return [_tags(figures[:, band], n_pixels) for band in range(figures.shape[1])]


def _tags(figures: NDArray[np.float64], n_pixels: int) -> dict[str, str]:
    count, low, high, mean, squares = figures
    total = count.sum()
    tags = {"STATISTICS_VALID_PERCENT": f"{100 * int(total) / n_pixels:.6g}"}
    if total:
        middle = (count * mean).sum() / total
        # Chan, Golub and LeVeque (1983), updating formulae for sums of squares.
        spread = (squares + count * (mean - middle) ** 2).sum()
        tags |= {
            "STATISTICS_MINIMUM": repr(float(low.min())),
            "STATISTICS_MAXIMUM": repr(float(high.max())),
            "STATISTICS_MEAN": repr(float(middle)),
            "STATISTICS_STDDEV": repr(math.sqrt(spread / total)),
        }
    return tags


def halve(values: Floats, nodata: float, out: Floats) -> None:
    """Write the means of 2 x 2 pixels of (row, col), even sizes, to `out` of half the size.

    Only pixels with a value count; where none of four has one, `out` gets `nodata`. A mean that
    happens to be `nodata` becomes the number beside it.
    """
    missing = np.float32(nodata)
    # Towards 0, since there is nothing beyond the largest.
    _halve(values, missing, np.nextafter(missing, np.float32(0 if missing else 1)), out)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _halve(values: Floats, nodata: np.float32, beside: np.float32, out: Floats) -> None:
    empty = np.isnan(nodata)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            count, total = 0, 0.0
            for down in range(2):
                for right in range(2):
                    value = values[2 * row + down, 2 * col + right]
                    if not (value == nodata or (empty and np.isnan(value))):
                        count += 1
                        total += value
            mean = np.float32(total / max(count, 1))
            if count == 0:
                out[row, col] = nodata
            elif mean == nodata:
                out[row, col] = beside
            else:
                out[row, col] = mean
