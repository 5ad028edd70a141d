import numpy as np
import pytest

from sitsflow.radar.multitemporal_filter import filter_dates, filtered_looks
from tests.radar.speckle import looks_of, speckled, window


def slow_filter(power, radius):
    power = power.astype(float)
    out = np.full_like(power, np.nan)
    for row, col in np.ndindex(power.shape[1:]):
        here = power[:, row, col]
        seen = np.flatnonzero(~np.isnan(here))
        means = {k: np.nanmean(window(power[k], row, col, radius)) for k in seen}
        ratios = [here[k] / means[k] for k in seen]
        for k in seen:
            out[k, row, col] = means[k] * np.mean(ratios)
    return out


@pytest.mark.parametrize(("dates", "radius", "gaps"), [(5, 2, 0.3), (1, 1, 0), (3, 0, 0.2)])
def test_agrees_with_numpy(dates, radius, gaps):
    field = np.linspace(0.01, 0.4, 13)[:, None] * np.ones(11)
    power = speckled(field, dates, 4, seed=dates, gaps=gaps)
    np.testing.assert_allclose(
        filter_dates(power, radius), slow_filter(power, radius), rtol=1e-6
    )  # fmt: skip


@pytest.mark.parametrize(("dates", "radius"), [(8, 2), (4, 3)])
def test_looks_of_a_homogeneous_area_are_those_of_the_theory(dates, radius):
    power = speckled(np.full((200, 200), 0.07), dates, 4.4, seed=11)
    assert looks_of(power) == pytest.approx(4.4, rel=0.02)
    inside = filter_dates(power, radius)[:, radius:-radius, radius:-radius]
    for image in inside:
        assert looks_of(image) == pytest.approx(filtered_looks(4.4, dates, radius), rel=0.06)
        assert image.mean() == pytest.approx(0.07, rel=0.01)


def test_looks_as_the_paper_has_them():
    # One date is only its window's mean times its own ratio: nothing is gained.
    assert filtered_looks(3, 1, 2) == 3
    assert filtered_looks(3, 10, 1000) == pytest.approx(30, rel=1e-4)


def test_a_change_of_one_date_stays_on_it():
    field = np.full((6, 40, 40), 0.05)
    field[3, 10:30, 10:30] = 0.5
    found = filter_dates(speckled(field, 6, 50, seed=3))
    inside = found[:, 13:27, 13:27].mean(axis=(1, 2))
    np.testing.assert_allclose(inside, [0.05, 0.05, 0.05, 0.5, 0.05, 0.05], rtol=0.03)


def test_a_bright_point_of_all_dates_stays_sharp():
    field = np.full((9, 9), 0.05)
    field[4, 4] = 5
    found = filter_dates(speckled(field, 4, 1e6, seed=4))
    np.testing.assert_allclose(found, np.broadcast_to(field, found.shape), rtol=0.01)


def test_gaps_take_no_part():
    power = speckled(np.full((12, 12), 0.1), 4, 4, seed=5)
    power[2] = np.nan
    without = np.delete(power, 2, axis=0)
    found = filter_dates(power)
    assert np.isnan(found[2]).all()
    np.testing.assert_array_equal(np.delete(found, 2, axis=0), filter_dates(without))


def test_a_mean_that_is_not_positive_has_no_ratio():
    power = np.array([-0.2, 0.3, 0.4], np.float32).reshape(3, 1, 1)
    np.testing.assert_array_equal(filter_dates(power, 0), power)


@pytest.mark.parametrize("radius", [1, 3])
def test_windows_with_their_margin_make_the_whole(radius):
    power = speckled(np.full((20, 30), 0.2), 3, 2, seed=6, gaps=0.2)
    whole = filter_dates(power, radius)
    part = filter_dates(power[:, 5 - radius : 14 + radius, 7 - radius :], radius)
    np.testing.assert_array_equal(part[:, radius:-radius, radius:], whole[:, 5:14, 7:])
