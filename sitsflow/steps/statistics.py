"""Statistics of a raster's bands, gathered piece by piece."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def is_nodata(values: NDArray[np.float32], nodata: float) -> NDArray[np.bool_]:
    """Return where `values` hold `nodata`, which may be NaN."""
    return np.isnan(values) if math.isnan(nodata) else values == np.float32(nodata)


class Statistics:
    """Count, extremes, mean and variance of each band's values, exact for any cutting.

    GDAL's own share of valid pixels can be a pixel short, and costs another pass.
    """

    def __init__(self, n_bands: int, nodata: float) -> None:
        self._nodata = nodata
        self.count = np.zeros(n_bands, np.int64)
        self._low = np.full(n_bands, np.inf)
        self._high = np.full(n_bands, -np.inf)
        self._mean = np.zeros(n_bands)
        self._squares = np.zeros(n_bands)

    def add(self, first: int, values: NDArray[np.float32]) -> None:
        """Take in a piece (band, row, col) of the bands from index `first` on."""
        for band, plane in enumerate(values, start=first):
            found = plane[~is_nodata(plane, self._nodata)].astype(np.float64)
            if not found.size:
                continue
            self._low[band] = min(self._low[band], found.min())
            self._high[band] = max(self._high[band], found.max())
            # Chan, Golub and LeVeque (1983), updating formulae for sums of squares.
            total = self.count[band] + found.size
            mean = found.mean()
            found -= mean
            apart = mean - self._mean[band]
            self._squares[band] += found @ found
            self._squares[band] += apart**2 * self.count[band] * found.size / total
            self._mean[band] += apart * found.size / total
            self.count[band] = total

    def tags(self, band: int, n_pixels: int) -> dict[str, str]:
        """Return GDAL's metadata for the band of index `band` in a raster of `n_pixels`."""
        count = int(self.count[band])
        tags = {"STATISTICS_VALID_PERCENT": f"{100 * count / n_pixels:.6g}"}
        if count:
            tags |= {
                "STATISTICS_MINIMUM": repr(float(self._low[band])),
                "STATISTICS_MAXIMUM": repr(float(self._high[band])),
                "STATISTICS_MEAN": repr(float(self._mean[band])),
                "STATISTICS_STDDEV": repr(math.sqrt(self._squares[band] / count)),
            }
        return tags
