"""Each method of interpolation against a slow one of numpy or scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.interpolate import CubicSpline
from scipy.signal import savgol_filter
from scipy.sparse.linalg import spsolve

from sitsflow.request import Interpolation
from sitsflow.timeseries.gapfilling import fill_gaps
from sitsflow.timeseries.interpolation import interpolate
from sitsflow.timeseries.natural_spline import fill_spline
from sitsflow.timeseries.nearest_date import fill_nearest
from sitsflow.timeseries.rolling_median import fill_median
from sitsflow.timeseries.savitzky_golay import fill_savitzky_golay
from sitsflow.timeseries.whittaker import STEPS, fill_whittaker
from tests.sitsflow.timeseries.series_cases import Case, by_pixel, cases, pixel

ALL = [
    Interpolation(method="linear"),
    Interpolation(method="nearest"),
    Interpolation(method="spline"),
    Interpolation(method="whittaker"),
    Interpolation(method="whittaker", whittaker_lambda="v-curve"),
    Interpolation(method="savitzky_golay", savitzky_golay_window=5),
    Interpolation(method="median"),
]
each = pytest.mark.parametrize("how", ALL, ids=lambda how: f"{how.method}-{how.whittaker_lambda}")


def daily_whittaker(days: np.ndarray, values: np.ndarray, smoothing: float) -> np.ndarray:
    """Eilers' system on the grid of all days from the first to the last: their smooth values."""
    size = int(days[-1] - days[0]) + 1
    weights, seen = np.zeros(size), np.zeros(size)
    weights[days - days[0]], seen[days - days[0]] = 1, values
    if size < 3 or len(days) < 3:
        return np.interp(np.arange(size), days - days[0], values)
    differences = scipy.sparse.diags_array(
        [1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(size - 2, size)
    )
    system = scipy.sparse.diags_array(weights) + smoothing * differences.T @ differences
    return np.asarray(spsolve(scipy.sparse.csc_array(system), weights * seen))


@given(cases())
def test_the_nearest_date_is_the_nearest(case: Case) -> None:
    def slow(days: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return values[np.abs(days - targets[:, np.newaxis]).argmin(axis=1)]

    np.testing.assert_array_equal(fill_nearest(*case), by_pixel(case, slow).astype(np.float32))


@given(cases())
def test_the_spline_is_scipys_natural_one(case: Case) -> None:
    def slow(days: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        if len(days) < 3:
            return np.interp(targets, days, values)
        return CubicSpline(days, values, bc_type="natural")(targets)

    np.testing.assert_allclose(fill_spline(*case), by_pixel(case, slow), rtol=1e-6, atol=1e-3)


@given(cases(columns=4), st.sampled_from([1e-3, 1.0, 100.0, 1e5, 1e7]))
def test_the_smooth_series_is_that_of_the_sparse_system_of_days(
    case: Case, smoothing: float
) -> None:
    def slow(days: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return daily_whittaker(days, values, smoothing)[targets - days[0]]

    found = fill_whittaker(*case, smoothing)
    np.testing.assert_allclose(found, by_pixel(case, slow), rtol=1e-5, atol=2e-2)


@pytest.mark.parametrize("seed", range(6))
def test_the_v_curve_is_lowest_at_the_chosen_smoothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = np.unique(rng.integers(0, 120, 5 + 5 * seed))
    values = 4000 * np.sin(days / 40) + rng.normal(0, 300, days.size)
    values = values.astype(np.float32).astype(float)
    points = []
    for smoothing in 10.0**STEPS:
        curve = daily_whittaker(days, values, smoothing)
        distances = curve[days - days[0]] - values
        points.append(np.log([(distances**2).sum(), (np.diff(curve, 2) ** 2).sum()]))
    lengths = np.hypot(*np.diff(points, axis=0).T)
    lowest = 10.0 ** ((STEPS[:-1] + STEPS[1:]) / 2)[lengths.argmin()]
    targets = list(range(days[0], days[-1] + 1))
    found = fill_whittaker(*pixel(values, [1] * days.size, days.tolist(), targets), None)
    expected = daily_whittaker(days, values, lowest)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5, atol=0.05)


@given(cases(most_targets=30), st.sampled_from([(3, 0), (3, 1), (5, 2), (7, 2), (7, 4), (11, 3)]))
def test_smoothing_by_polynomials_is_scipys(case: Case, window: tuple[int, int]) -> None:
    first, dates = case.targets[0], max(window[0], len(case.targets))
    case = case._replace(targets=list(range(first, first + 5 * dates, 5)))
    filled = fill_gaps(*case).astype(float)
    expected = savgol_filter(np.nan_to_num(filled), *window, axis=0, mode="interp")
    expected[np.isnan(filled)] = np.nan
    found = fill_savitzky_golay(*case, *window)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-2)


@given(cases(), st.sampled_from([1.0, 10.0, 45.0, 400.0]))
def test_the_rolling_median_is_numpys(case: Case, window: float) -> None:
    def slow(days: np.ndarray, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        lines = np.interp(targets, days, values)
        near = [np.abs(days - target) <= window / 2 for target in targets]
        return np.array(
            [np.median(values[seen]) if seen.any() else line
             for seen, line in zip(near, lines, strict=True)]
        )  # fmt: skip

    found = fill_median(*case, window)
    np.testing.assert_allclose(found, by_pixel(case, slow), rtol=1e-6, atol=1e-3)


@given(cases())
def test_linear_is_the_gap_filling_to_the_bit(case: Case) -> None:
    np.testing.assert_array_equal(interpolate(*case, Interpolation()), fill_gaps(*case))


@each
def test_what_counts_is_the_same_for_all_methods(how: Interpolation) -> None:
    """Clouds, NaN, infinity and the second product of a day change nothing."""
    days, values = [0, 10, 20, 30, 40, 50, 60], [10, 14, 30, 22, 25, 19, 12]
    targets = list(range(-20, 90, 5))
    clean = interpolate(*pixel(values, [1] * 7, days, targets), how)
    spoiled = interpolate(
        *pixel(
            [99, 10, np.nan, 14, 77, 30, 22, np.inf, 25, 19, 12, 99],
            [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
            [-5, 0, 5, 10, 10, 20, 30, 33, 40, 50, 60, 70],
            targets,
        ),
        how,
    )
    np.testing.assert_array_equal(clean, spoiled)
    assert np.isfinite(clean).all()


@each
def test_no_valid_date_gives_nan_and_one_gives_a_constant(how: Interpolation) -> None:
    targets = list(range(0, 50, 5))
    nothing = interpolate(*pixel([3, 7], [0, 0], [0, 5], targets), how)
    assert np.isnan(nothing).all()
    one = interpolate(*pixel([3, 7], [0, 1], [10, 20], targets), how)
    np.testing.assert_allclose(one, 7, rtol=1e-6)
    assert interpolate(*pixel([], [], [], targets), how).shape == (10, 1, 1)


@each
def test_the_value_stays_outside_the_valid_dates(how: Interpolation) -> None:
    case = pixel([9, 10, 40, 20, 30, 9], [0, 1, 1, 1, 1, 0], [0, 100, 120, 140, 160, 300], [])
    targets = list(range(0, 300, 5))
    found = interpolate(*case._replace(targets=targets), how).ravel()
    before, after = found[: 100 // 5 - 2], found[160 // 5 + 3 :]
    np.testing.assert_allclose(before, before[0], rtol=1e-6)
    np.testing.assert_allclose(after, after[-1], rtol=1e-6)


@each
@given(case=cases(most_targets=6), at=st.integers(1, 19))
def test_any_split_of_the_columns_gives_the_same_bits(
    how: Interpolation, case: Case, at: int
) -> None:
    case = case._replace(targets=list(range(case.targets[0], case.targets[0] + 60, 5)))
    whole = interpolate(*case, how)
    parts = [
        interpolate(
            np.ascontiguousarray(case.values[..., part]),
            np.ascontiguousarray(case.valid[..., part]),
            case.days, case.targets, how,
        )
        for part in (slice(0, at), slice(at, None))
    ]  # fmt: skip
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=2))


@pytest.mark.parametrize("how", ALL[2:3] + ALL[:2], ids=lambda how: how.method)
def test_methods_that_interpolate_keep_valid_dates_exactly(how: Interpolation) -> None:
    values = np.random.default_rng(4).integers(0, 9000, 12).tolist()
    days = [0, 3, 4, 11, 20, 21, 22, 40, 55, 60, 61, 90]
    assert interpolate(*pixel(values, [1] * 12, days, days), how).ravel().tolist() == values


def test_much_smoothing_leaves_the_line_of_least_squares() -> None:
    rng = np.random.default_rng(5)
    days = np.unique(rng.integers(0, 200, 40))
    values = (30 * days + rng.normal(0, 50, days.size)).astype(np.float32)
    found = fill_whittaker(*pixel(values, [1] * days.size, days.tolist(), days.tolist()), 1e12)
    line = np.polyval(np.polyfit(days, values, 1), days)
    np.testing.assert_allclose(found.ravel(), line, rtol=1e-4, atol=1)


def test_a_straight_series_stays_straight() -> None:
    """Its distances and second differences are 0, whose logarithm is no number."""
    days = [0, 10, 30, 31, 50]
    case = pixel([2 * day for day in days], [1] * 5, days, list(range(0, 51, 10)))
    line = [0, 20, 40, 60, 80, 100]
    for how in (ALL[3], ALL[4]):
        np.testing.assert_allclose(interpolate(*case, how).ravel(), line, atol=1e-9)


@pytest.mark.parametrize(
    "keys",
    [
        {"whittaker_lambda": 0},
        {"savitzky_golay_window": 8},
        {"savitzky_golay_window": 3, "savitzky_golay_degree": 3},
        {"median_window": 0},
    ],
)
def test_parameters_that_make_no_sense_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Interpolation(**keys)


def test_a_median_leaves_a_single_cloud_out() -> None:
    values: list[Any] = [5, 6, 9999, 7, 8]
    found = fill_median(*pixel(values, [1] * 5, [0, 5, 10, 15, 20], [10]), 10)
    assert found.ravel().tolist() == [7]
