import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitsflow.steps.statistics import (
    FIGURES,
    band_tags,
    block_figures,
    halve,
    is_nodata,
    no_figures,
)

NODATA = [-10000.0, 0.0, np.nan]


def test_missing_is_by_value_or_nan():
    values = np.array([0, -10000, np.nan], np.float32)
    assert is_nodata(values, -10000).tolist() == [False, True, False]
    assert is_nodata(values, np.nan).tolist() == [False, False, True]
    assert is_nodata(np.array([0.1], np.float32), 0.1).tolist() == [True]


def _block(rng, shape, nodata, holes=0.4):
    # Values far from zero are where a naive sum of squares loses its digits.
    values = rng.normal(50_000, 3, shape).astype(np.float32)
    values[rng.random(shape) < holes] = nodata
    return values


@given(nodata=st.sampled_from(NODATA), holes=st.sampled_from([0, 0.4, 1]), seed=st.integers(0, 99))
def test_figures_are_those_of_the_values(nodata, holes, seed):
    values = _block(np.random.default_rng(seed), (17, 9), nodata, holes)
    found = dict(zip(FIGURES, block_figures(values, nodata).tolist(), strict=True))
    there = values[~is_nodata(values, nodata)].astype(float)
    assert found["count"] == there.size
    if there.size:
        squares = ((there - there.mean()) ** 2).sum()
        assert found["minimum"], found["maximum"] == (there.min(), there.max())
        assert found["mean"] == pytest.approx(there.mean(), rel=1e-14)
        assert found["squares"] == pytest.approx(squares, rel=1e-9)


@given(rows=st.integers(1, 4), cols=st.integers(1, 4), seed=st.integers(0, 99))
def test_blocks_give_what_the_whole_gives(rows, cols, seed):
    whole = _block(np.random.default_rng(seed), (2, 6 * rows, 5 * cols), -1)
    figures = no_figures((2, rows, cols))
    for band, row, col in np.ndindex(2, rows, cols):
        block = whole[band, 6 * row : 6 * row + 6, 5 * col : 5 * col + 5]
        figures[:, band, row, col] = block_figures(block, -1)
    for band, tags in enumerate(band_tags(figures, whole[0].size)):
        values = whole[band][whole[band] != -1].astype(float)
        assert {key: float(value) for key, value in tags.items()} == pytest.approx(
            {
                "STATISTICS_VALID_PERCENT": 100 * values.size / whole[0].size,
                "STATISTICS_MINIMUM": values.min(),
                "STATISTICS_MAXIMUM": values.max(),
                "STATISTICS_MEAN": values.mean(),
                "STATISTICS_STDDEV": values.std(),
            },
            rel=1e-5,
        )
        assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(values.std(), rel=1e-9)


def test_a_band_without_values_has_no_extremes():
    assert band_tags(no_figures((1, 1, 1)), 4) == [{"STATISTICS_VALID_PERCENT": "0"}]


def halved(values, nodata):
    """The slow twin: means of the values among 2 x 2 pixels."""
    out = np.empty((values.shape[0] // 2, values.shape[1] // 2), np.float32)
    for row, col in np.ndindex(out.shape):
        four = values[2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
        there = four[~is_nodata(four, nodata)].astype(float)
        out[row, col] = there.sum() / there.size if there.size else nodata
    return out


@given(nodata=st.sampled_from(NODATA), seed=st.integers(0, 99))
def test_overviews_are_means_of_values(nodata, seed):
    values = _block(np.random.default_rng(seed), (12, 8), nodata, 0.6)
    out = np.zeros((6, 8), np.float32)[:, 1:5]
    halve(values, nodata, out)
    np.testing.assert_array_equal(out, halved(values, nodata))


@pytest.mark.parametrize("nodata", [-10000.0, 0.0])
def test_a_mean_that_is_no_data_by_chance_stays_a_value(nodata):
    four = np.array([[nodata - 2, nodata], [nodata + 2, nodata]], np.float32)
    out = np.empty((1, 1), np.float32)
    halve(four, nodata, out)
    assert out[0, 0] != nodata
    assert out[0, 0] == pytest.approx(nodata, rel=1e-6, abs=1e-30)
