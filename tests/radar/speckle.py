"""Made-up fields with speckle, and how many looks they have."""

import numpy as np


def speckled(field, dates, looks, seed, gaps=0.0):
    """Multiply a field, of one date or of each, by speckle of `looks` looks and mean 1."""
    rng = np.random.default_rng(seed)
    shape = (dates, *np.shape(field)[-2:])
    power = (field * rng.gamma(looks, 1 / looks, shape)).astype(np.float32)
    power[rng.random(shape) < gaps] = np.nan
    return power


def looks_of(power):
    """Equivalent number of looks of homogeneous images: mean^2 / variance."""
    power = power.astype(float)
    return float(power.mean() ** 2 / power.var())


def window(power, row, col, radius):
    """The values around a pixel."""
    return power[
        ..., max(row - radius, 0) : row + radius + 1, max(col - radius, 0) : col + radius + 1
    ]
