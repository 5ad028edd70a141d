"""Made-up series of a few pixels: seasons, noise, gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def days_of(n: int, seed: int = 0) -> NDArray[np.int64]:
    """Ascending days, some of them far apart."""
    return np.cumsum(np.random.default_rng(seed).integers(1, 30, n)) + 90


def seasons(
    n: int, rows: int = 2, cols: int = 300, seed: int = 0, gaps: float = 0.15
) -> NDArray[np.float32]:
    """NDVI x 1000 with one to three waves, noise, NaN and infinity; (date, row, col) float32.

    Of the first pixels of the first row one has no value at all, one has one, one has two.
    """
    rng = np.random.default_rng(seed)
    waves, begin = rng.integers(1, 4, (rows, cols)), rng.random((rows, cols))
    at = np.arange(n)[:, np.newaxis, np.newaxis] / n
    values = 450 + 300 * np.sin(2 * np.pi * (waves * at + begin))
    values = (values + rng.normal(0, 50, values.shape)).astype(np.float32)
    values[rng.random(values.shape) < gaps] = np.nan
    values[rng.random(values.shape) < gaps / 10] = np.inf
    if cols >= 3:
        values[:, 0, :3] = np.nan
        values[n // 2, 0, 1:3] = 400
        values[n // 3, 0, 2] = 500
    return values


def finite(values: NDArray[np.float32], days: NDArray[np.int64]):
    """Yield row, column, and the finite values of each pixel with their days, in float64."""
    for row, col in np.ndindex(values.shape[1:]):
        series = values[:, row, col].astype(np.float64)
        use = np.isfinite(series)
        yield row, col, series[use], np.asarray(days, np.float64)[use]
