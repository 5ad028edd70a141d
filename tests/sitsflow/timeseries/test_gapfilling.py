import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitsflow.timeseries.gapfilling import fill_gaps


def slow(values, valid, days, targets):
    """Per pixel, in float64, by numpy's interpolation."""
    out = np.full((len(targets), *values.shape[1:]), np.nan)
    for row, col in np.ndindex(values.shape[1:]):
        seen = {}
        for day, value, usable in zip(days, values[:, row, col], valid[:, row, col], strict=True):
            if usable and np.isfinite(value):
                seen.setdefault(day, value)
        if seen:
            out[:, row, col] = np.interp(targets, list(seen), list(seen.values()))
    return out


@st.composite
def cases(draw):
    n_dates = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = np.sort(rng.integers(17000, 17060, n_dates)).tolist()
    targets = np.unique(rng.integers(16990, 17070, draw(st.integers(1, 9)))).tolist()
    shape = (n_dates, draw(st.integers(1, 3)), draw(st.integers(1, 300)))
    values = rng.integers(-200, 12000, shape).astype(np.float32)
    values[rng.random(shape) < 0.1] = np.nan
    values[rng.random(shape) < 0.1] = rng.choice([np.inf, -np.inf])
    return values, rng.random(shape) < draw(st.floats(0, 1)), days, targets


@given(cases())
def test_agrees_with_numpy(case):
    np.testing.assert_allclose(fill_gaps(*case), slow(*case), rtol=1e-5, atol=2e-3)


@given(cases())
def test_a_valid_date_keeps_its_value_exactly(case):
    values, _, days, _ = case
    values = np.nan_to_num(values, nan=5, posinf=6, neginf=7)
    unique = np.unique(days, return_index=True)[1]
    filled = fill_gaps(values, np.ones(values.shape, bool), days, [days[i] for i in unique])
    np.testing.assert_array_equal(filled, values[unique])


@given(cases(), st.integers(1, 299))
def test_any_split_of_the_columns_gives_the_same_bits(case, at):
    values, valid, days, targets = case
    whole = fill_gaps(values, valid, days, targets)
    parts = [
        fill_gaps(
            np.ascontiguousarray(values[..., part]), np.ascontiguousarray(valid[..., part]),
            days, targets,
        )
        for part in (slice(0, at), slice(at, None))
    ]  # fmt: skip
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=2))


def pixel(values, valid, days, targets):
    shape = (len(values), 1, 1)
    filled = fill_gaps(
        np.array(values, np.float32).reshape(shape),
        np.array(valid, bool).reshape(shape),
        days,
        targets,
    )
    return filled.ravel().tolist()


def test_constant_before_the_first_and_after_the_last_valid_date():
    assert pixel([9, 10, 20, 9], [0, 1, 1, 0], [0, 10, 20, 30], [0, 9, 15, 25]) == [10, 10, 15, 20]


def test_one_valid_date_gives_a_constant_series():
    assert pixel([3, 7], [False, True], [0, 5], [0, 5, 90]) == [7, 7, 7]


def test_no_valid_date_gives_nan_not_zero():
    assert np.isnan(pixel([3, 7], [False, False], [0, 5], [0, 3])).all()


@pytest.mark.parametrize(
    ("valid", "expected"), [([1, 1, 1], 10), ([0, 1, 1], 20), ([0, 0, 1], 30), ([1, 0, 1], 10)]
)
def test_of_one_day_the_first_valid_observation_counts(valid, expected):
    assert pixel([10, 20, 30], valid, [4, 4, 8], [4]) == [expected]


def test_a_line_into_a_day_of_two_ends_at_the_first_and_one_out_of_it_starts_there():
    values, days = [0, 10, 99, 0], [0, 10, 10, 20]
    assert pixel(values, [1, 1, 1, 1], days, [5, 15]) == [5, 5]


def test_years_and_leap_days_are_only_days():
    from datetime import date

    from sitsflow.dates import regular_days, stamp, to_day

    first, last = to_day(date(2019, 12, 31)), to_day(date(2020, 3, 1))
    assert [stamp(day) for day in regular_days(first, last, 30)] == [
        "20191231", "20200130", "20200229",
    ]  # fmt: skip
    assert pixel([0, 61], [1, 1], [first, last], [to_day(date(2020, 2, 29))]) == [60]
