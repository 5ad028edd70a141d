import numpy as np
import pytest

from sitsflow.timeseries.harmonics import annual_harmonic
from tests.pixel_series import days_of, finite, seasons


@pytest.mark.parametrize("n", [3, 9, 60])
def test_agrees_with_numpys_least_squares(n):
    values, days = seasons(n, cols=130, seed=n), days_of(n)
    slow = np.full((3, *values.shape[1:]), np.nan)
    for row, col, series, at in finite(values, days):
        if series.size > 2:
            angle = 2 * np.pi * at / 365.25
            design = np.stack([np.ones_like(at), np.cos(angle), np.sin(angle)], axis=1)
            mean, a, b = np.linalg.lstsq(design, series)[0]
            slow[:, row, col] = np.hypot(a, b), np.arctan2(b, a) / 2 / np.pi * 365.25, mean
    slow[1] %= 365.25
    found = annual_harmonic(values, days)
    np.testing.assert_allclose(found.amplitude, slow[0], rtol=1e-5)
    np.testing.assert_allclose(found.mean, slow[2], rtol=1e-5, atol=1e-2)
    apart = np.abs(found.phase - slow[1])
    np.testing.assert_array_equal(np.isnan(found.phase), np.isnan(slow[1]))
    assert np.nanmax(np.minimum(apart, 365.25 - apart)) < 1e-2


@pytest.mark.parametrize("peak", [0.5, 100.0, 300.0, 365.0])
def test_a_wave_is_found_as_it_is(peak):
    days = np.arange(1, 700, 9)
    wave = 500 + 200 * np.cos(2 * np.pi * (days - peak) / 365.25)
    found = annual_harmonic(wave.astype(np.float32).reshape(-1, 1, 1), days)
    assert found.amplitude.item() == pytest.approx(200, abs=1e-3)
    assert found.phase.item() == pytest.approx(peak, abs=1e-3)
    assert found.mean.item() == pytest.approx(500, abs=1e-3)


def test_three_dates_on_two_days_do_not_tell_a_wave():
    values = np.array([1, 2, 3], np.float32).reshape(3, 1, 1)
    assert np.isnan(annual_harmonic(values, [10, 50, 50])).all()
    # A year of 365.25 days later the wave is at the same place.
    assert np.isnan(annual_harmonic(values, [10, 50, 50 + 4 * 365.25])).all()
