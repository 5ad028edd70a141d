import threading

import numpy as np
import pytest

from sitsflow.timeseries.harmonics import annual_harmonic
from sitsflow.timeseries.moments import moments
from sitsflow.timeseries.percentiles import percentiles
from sitsflow.timeseries.phenology import TRAITS, Rules, Trait, phenology
from sitsflow.timeseries.trends import least_squares_slope, theil_sen_slope
from tests.pixel_series import days_of, seasons

N = 21
DAYS = days_of(N)


def of_seasons(values):
    count, traits = phenology(values, DAYS, [Trait(name, 1) for name in TRAITS], Rules())
    return np.concatenate([count[np.newaxis], traits])


ALL = {
    "moments": lambda values: np.stack(moments(values, DAYS)),
    "percentiles": lambda values: percentiles(values, [5, 50, 90]),
    "slope": lambda values: least_squares_slope(values, DAYS)[np.newaxis],
    "theil_sen": lambda values: theil_sen_slope(values, DAYS)[np.newaxis],
    "harmonic": lambda values: np.stack(annual_harmonic(values, DAYS)),
    "phenology": of_seasons,
}


@pytest.mark.parametrize("name", ALL)
def test_parts_give_the_bits_of_the_whole(name):
    values = seasons(N, rows=3, cols=301, seed=5)
    whole = ALL[name](values)
    for at in (1, 7, 130, 256, 300):
        left, right = ALL[name](values[:, :, :at]), ALL[name](values[:, :, at:])
        np.testing.assert_array_equal(whole, np.concatenate([left, right], axis=2))
    rows = [ALL[name](values[:, row : row + 1]) for row in range(3)]
    np.testing.assert_array_equal(whole, np.concatenate(rows, axis=1))


@pytest.mark.parametrize("name", ALL)
def test_threads_give_the_same_bits(name):
    values = seasons(N, rows=4, cols=200, seed=6)
    whole, found = ALL[name](values), {}
    threads = [
        threading.Thread(target=lambda row=row: found.update({row: ALL[name](values[:, [row]])}))
        for row in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(whole, np.concatenate([found[row] for row in range(4)], axis=1))
