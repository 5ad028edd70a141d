import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitsflow.steps.statistics import Statistics, is_nodata


def test_missing_is_by_value_or_nan():
    values = np.array([0, -10000, np.nan], np.float32)
    assert is_nodata(values, -10000).tolist() == [False, True, False]
    assert is_nodata(values, np.nan).tolist() == [False, False, True]
    assert is_nodata(np.array([0.1], np.float32), 0.1).tolist() == [True]


@given(cuts=st.lists(st.integers(0, 400), max_size=6), seed=st.integers(0, 99))
def test_pieces_give_what_the_whole_gives(cuts, seed):
    rng = np.random.default_rng(seed)
    # Values far from zero are where a naive sum of squares loses its digits.
    whole = rng.normal(50_000, 3, (2, 400, 1)).astype(np.float32)
    whole[rng.random(whole.shape) < 0.3] = -1
    statistics = Statistics(2, -1)
    for piece in np.split(whole, sorted(cuts), axis=1):
        statistics.add(0, piece[:1])
        statistics.add(1, piece[1:])
    for band in (0, 1):
        values = whole[band][whole[band] != -1].astype(float)
        found = {key: float(value) for key, value in statistics.tags(band, 400).items()}
        assert found == pytest.approx(
            {
                "STATISTICS_VALID_PERCENT": values.size / 4,
                "STATISTICS_MINIMUM": values.min(),
                "STATISTICS_MAXIMUM": values.max(),
                "STATISTICS_MEAN": values.mean(),
                "STATISTICS_STDDEV": values.std(),
            },
            rel=1e-9,
        )


def test_a_band_without_values_has_no_extremes():
    statistics = Statistics(1, np.nan)
    statistics.add(0, np.full((1, 2, 2), np.nan, np.float32))
    assert statistics.tags(0, 4) == {"STATISTICS_VALID_PERCENT": "0"}
