import numpy as np
import pytest

from sitsflow.timeseries.moments import Moments, moments
from tests.pixel_series import days_of, finite, seasons


@pytest.mark.parametrize(("n", "gaps"), [(1, 0), (7, 0.3), (40, 0)])
def test_agrees_with_numpy(n, gaps):
    values, days = seasons(n, seed=n, gaps=gaps), days_of(n)
    found = moments(values, days)
    slow = np.full((7, *values.shape[1:]), np.nan)
    for row, col, series, at in finite(values, days):
        if series.size:
            slow[:, row, col] = (
                series.sum(), series.min(), series.max(), series.mean(), series.std(),
                at[series.argmin()], at[series.argmax()],
            )  # fmt: skip
    for name, one, other in zip(Moments._fields, found, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-7, atol=1e-4, err_msg=name)


def test_of_equal_extremes_the_first_day_counts():
    values = np.array([3, 8, 3, 8], np.float32).reshape(4, 1, 1)
    found = moments(values, [1, 2, 3, 4])
    assert (found.day_of_lowest.item(), found.day_of_highest.item()) == (1, 2)


def test_the_spread_of_large_values_keeps_its_digits():
    values = (np.arange(9) % 3 + 1e6).astype(np.float32).reshape(9, 1, 1)
    assert moments(values, range(9)).deviation.item() == pytest.approx((2 / 3) ** 0.5, rel=1e-6)
