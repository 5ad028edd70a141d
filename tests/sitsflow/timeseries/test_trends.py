import numpy as np
import pytest
import scipy.stats

from sitsflow.timeseries.trends import least_squares_slope, theil_sen_slope
from tests.pixel_series import days_of, finite, seasons


@pytest.mark.parametrize("n", [2, 3, 12, 37])
def test_least_squares_agree_with_scipy(n):
    values, days = seasons(n, cols=130, seed=n), days_of(n) + 17_000
    slow = np.full(values.shape[1:], np.nan)
    for row, col, series, at in finite(values, days):
        if series.size > 1:
            slow[row, col] = scipy.stats.linregress(at / 365.25, series).slope
    np.testing.assert_allclose(least_squares_slope(values, days), slow, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("n", [2, 3, 4, 12, 37])
def test_theil_and_sen_agree_with_scipy(n):
    values, days = seasons(n, cols=40, seed=n), days_of(n) + 17_000
    slow = np.full(values.shape[1:], np.nan)
    for row, col, series, at in finite(values, days):
        if series.size > 1:
            slow[row, col] = scipy.stats.theilslopes(series, at / 365.25).slope
    np.testing.assert_allclose(theil_sen_slope(values, days), slow, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("slope", [least_squares_slope, theil_sen_slope])
def test_a_straight_line_has_its_slope_and_one_day_has_none(slope):
    days = [0, 100, 100, 365.25]
    line = np.array([5, 105, 105, 370.25], np.float32).reshape(4, 1, 1)
    assert slope(line, days).item() == pytest.approx(365.25)
    assert np.isnan(slope(line[:1], [0]).item())
    assert np.isnan(slope(line[1:3], [100, 100]).item())


def test_ties_and_ordered_series_are_selected_too():
    rng = np.random.default_rng(3)
    values = rng.integers(0, 3, (15, 1, 200)).astype(np.float32)
    values[:, 0, 0], values[:, 0, 1] = np.arange(15), -np.arange(15)
    slow = [scipy.stats.theilslopes(values[:, 0, i], np.arange(15)).slope for i in range(200)]
    found = theil_sen_slope(values, 365.25 * np.arange(15))
    np.testing.assert_allclose(found[0], slow, rtol=1e-6, atol=1e-9)
