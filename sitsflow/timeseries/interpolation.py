"""Bringing series onto the dates that are wanted, by the method of the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sitsflow.request import Interpolation
from sitsflow.timeseries.gapfilling import fill_gaps
from sitsflow.timeseries.natural_spline import fill_spline
from sitsflow.timeseries.nearest_date import fill_nearest
from sitsflow.timeseries.rolling_median import fill_median
from sitsflow.timeseries.savitzky_golay import fill_savitzky_golay
from sitsflow.timeseries.whittaker import fill_whittaker


def interpolate(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    days: Sequence[int],
    target_days: Sequence[int],
    how: Interpolation,
) -> NDArray[np.float32]:
    """Bring each pixel's series onto `target_days` by the method that `how` names.

    All methods take the same observations, those that `fill_gaps` takes, and make NaN of pixels
    without any. None goes on outside the first and last of them: the value stays.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
    valid : ndarray of bool, shape (date, row, col)
    days, target_days : sequence of int
        See `sitsflow.timeseries.gapfilling.fill_gaps`.
    how : Interpolation
        The method and its parameters.

    Returns
    -------
    ndarray of float32, shape (target, row, col)
    """
    series = values, valid, days, target_days
    match how.method:
        case "linear":
            return fill_gaps(*series)
        case "nearest":
            return fill_nearest(*series)
        case "spline":
            return fill_spline(*series)
        case "whittaker":
            smoothing = how.whittaker_lambda
            return fill_whittaker(*series, None if smoothing == "v-curve" else smoothing)
        case "savitzky_golay":
            window, degree = how.savitzky_golay_window, how.savitzky_golay_degree
            return fill_savitzky_golay(*series, window, degree)
        case "median":
            return fill_median(*series, how.median_window)
