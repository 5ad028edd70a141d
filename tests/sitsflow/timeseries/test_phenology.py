import numpy as np
import pytest
import scipy.signal

from sitsflow.timeseries.phenology import TRAITS, Rules, Trait, phenology
from tests.pixel_series import days_of, finite, seasons

MOST = 4


def crossing(days, series, level):
    """When a series that begins at or below `level` last rises above it."""
    (below,) = np.nonzero(series < level)
    if below.size == 0:
        return days[0]
    at = below[-1]
    return np.interp(level, series[at : at + 2], days[at : at + 2])


def slow_seasons(series, days, rules):
    """Traits of the seasons of one pixel, by scipy's peaks and numpy's interpolation."""
    rise = max(rules.min_rise * np.ptp(series), rules.min_amplitude)
    peaks, _ = scipy.signal.find_peaks(series, prominence=rise)
    for number, peak in enumerate(peaks):
        left = peaks[number - 1] if number else 0
        right = peaks[number + 1] if number + 1 < len(peaks) else len(series) - 1
        # The fall is the rise of the series read backwards, with days counted backwards.
        up = days[left : peak + 1], series[left : peak + 1]
        down = -days[peak : right + 1][::-1], series[peak : right + 1][::-1]
        low = [part.min() for _, part in (up, down)]
        height = [series[peak] - one for one in low]

        def time(side, part, low=low, height=height, sides=(up, down)):
            return crossing(*sides[side], low[side] + part * height[side])

        start, end = time(0, rules.threshold), -time(1, rules.threshold)
        inside = days[(days > start) & (days < end)]
        at = np.concatenate([[start], inside, [end]])
        yield (
            start, days[peak], end, end - start, sum(low) / 2, series[peak],
            series[peak] - sum(low) / 2, 0.6 * height[0] / (time(0, 0.8) - time(0, 0.2)),
            0.6 * height[1] / (time(1, 0.8) - time(1, 0.2)),
            np.trapezoid(np.interp(at, days, series), at),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("n", "rules"),
    [
        (3, Rules()), (12, Rules(0.2, 0.1)), (40, Rules()), (40, Rules(0.9, 0.4)),
        (73, Rules(0.2, 0.3, 300)), (30, Rules(0.05, 0.01)),
    ],
)  # fmt: skip
def test_agrees_with_scipys_peaks_and_numpys_interpolation(n, rules):
    values, days = seasons(n, cols=120, seed=n), days_of(n)
    wanted = [Trait(name, season) for season in range(1, MOST + 1) for name in TRAITS]
    count, found = phenology(values, days, wanted, rules)
    slow = np.full((MOST, len(TRAITS), *values.shape[1:]), np.nan)
    numbers = np.full(values.shape[1:], np.nan)
    for row, col, series, at in finite(values, days):
        if series.size:
            each = list(slow_seasons(series, at, rules))
            numbers[row, col] = len(each)
            for season, traits in enumerate(each[:MOST]):
                slow[season, :, row, col] = traits
    np.testing.assert_array_equal(count, numbers)
    assert numbers[np.isfinite(numbers)].max() > (n > 12)
    for at, one in enumerate(wanted):
        mine = slow[one.season - 1, TRAITS.index(one.name)]
        np.testing.assert_allclose(found[at], mine, rtol=2e-5, atol=1e-3, err_msg=str(one))


def traits_of(series, days, rules=Rules(), season=1):  # noqa: B008 - frozen
    values = np.array(series, np.float32).reshape(-1, 1, 1)
    count, found = phenology(values, days, [Trait(name, season) for name in TRAITS], rules)
    return count.item(), dict(zip(TRAITS, found.ravel().tolist(), strict=True))


def test_a_triangle_by_hand():
    count, traits = traits_of([0, 10, 0], [0, 10, 30], Rules(threshold=0.2))
    assert count == 1
    assert traits == pytest.approx(
        {
            "start": 2, "peak": 10, "end": 26, "length": 24, "base": 0, "peak_value": 10,
            "amplitude": 10, "greenup_rate": 1, "senescence_rate": 0.5,
            "integral": 0.5 * (2 + 10) * 8 + 0.5 * (10 + 2) * 16,
        }
    )  # fmt: skip


def test_either_side_has_its_own_minimum():
    _, traits = traits_of([0, 10, 4], [0, 10, 16])
    assert (traits["start"], traits["end"]) == (5, 13)
    assert (traits["base"], traits["amplitude"]) == (2, 8)


def test_a_flat_top_peaks_on_its_first_day_and_two_equal_tops_are_one_season():
    assert traits_of([0, 5, 5, 5, 0], [0, 1, 2, 3, 4])[1]["peak"] == 1
    count, traits = traits_of([0, 100, 90, 100, 0], [0, 1, 2, 3, 4])
    assert (count, traits["peak"]) == (1, 1)
    assert traits["length"] == 3


def test_what_only_rises_or_falls_or_stays_has_no_season():
    for series in ([1, 2, 3], [3, 2, 1], [2, 2, 2], [3, 1, 3], [7]):
        count, traits = traits_of(series, range(len(series)))
        assert count == 0
        assert np.isnan(list(traits.values())).all()


def test_small_seasons_count_if_the_rules_allow_them():
    series, days = [0, 100, 20, 50, 0], [0, 10, 20, 30, 40]
    assert traits_of(series, days, Rules(min_rise=0.25))[0] == 2
    assert traits_of(series, days, Rules(min_rise=0.31))[0] == 1
    assert traits_of(series, days, Rules(min_rise=0.25, min_amplitude=31))[0] == 1
    assert traits_of(series, days, Rules(min_rise=0.25, min_amplitude=101))[0] == 0


def test_the_second_season_begins_after_the_first_one_ends():
    series, days = [0, 100, 20, 80, 0], [0, 10, 20, 30, 40]
    first, second = (traits_of(series, days, season=season)[1] for season in (1, 2))
    assert first["end"] == 10 + 10 * 40 / 80
    assert second["start"] == 20 + 10 * 30 / 60
    assert np.isnan(traits_of(series, days, season=3)[1]["start"])


def test_a_level_that_rounds_to_the_minimum_ends_there():
    series = [2.0**24, 2.0**24 + 2, 2.0**24]
    _, traits = traits_of(series, [0, 1, 2], Rules(threshold=1e-300))
    assert (traits["start"], traits["end"]) == (0, 2)


def test_two_dates_of_one_day_do_no_harm():
    count, traits = traits_of([0, 10, 10, 0, 0], [0, 5, 5, 5, 9])
    assert count == 1
    assert traits["end"] == 5
    assert np.isnan(traits["senescence_rate"])
