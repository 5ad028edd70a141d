"""Functions for Landsat 8 in THEIA's old format: what the year's NDVI was like."""

import numpy as np
from iota2.learning.utils import I2Label


def ndvi_mean(self):
    """Mean NDVI of the interpolated dates, -1 to 1."""
    # iota2's NDVI is multiplied by 1000.
    ndvi = self.get_interpolated_Landsat8Old_NDVI() / 1000
    return ndvi.mean(axis=2), [I2Label("Landsat8Old", "meanndvi")]


def ndvi_quantile(self, percent=50):
    """One percentile of NDVI, computed from the bands."""
    red = self.get_interpolated_Landsat8Old_B4()
    nir = self.get_interpolated_Landsat8Old_B5()
    total = nir + red
    # Where both bands are 0 there is no NDVI: 0 is as good as any.
    ndvi = np.divide(nir - red, total, out=np.zeros_like(total), where=total != 0)
    return np.percentile(ndvi, percent, axis=2), [f"ndvi_p{percent}"]


def clear_dates(self):
    """How many products saw the pixel without a cloud."""
    masks = self.get_raw_Landsat8Old_masks()
    return (masks == 0).sum(axis=2), ["clear_dates"]
