import numpy as np
import pytest

from sitsflow.timeseries.percentiles import percentiles
from tests.pixel_series import days_of, finite, seasons

SHARES = (0, 1, 10, 25, 50, 75, 90, 99, 100)


@pytest.mark.parametrize("n", [*range(1, 20), 31, 32, 33, 73])
def test_agrees_with_numpy(n):
    values = seasons(n, rows=1, cols=150, seed=n)
    slow = np.full((len(SHARES), 1, 150), np.nan)
    for row, col, series, _ in finite(values, days_of(n)):
        if series.size:
            slow[:, row, col] = np.percentile(series, SHARES)
    np.testing.assert_allclose(percentiles(values, SHARES), slow, rtol=2e-7)


def test_every_order_of_a_few_values_is_sorted():
    # A network that sorts all series of zeros and ones sorts all series (Knuth, 5.3.4).
    for n in range(1, 13):
        bits = (np.arange(2**n)[np.newaxis] >> np.arange(n)[:, np.newaxis]) & 1
        values = bits.astype(np.float32)[:, np.newaxis]
        ranks = percentiles(values, [100 * k / max(1, n - 1) for k in range(n)])
        np.testing.assert_allclose(ranks, np.sort(values, axis=0), atol=1e-6)
