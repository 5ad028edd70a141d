import numpy as np

from sitsflow.timeseries.availability import availability


def test_agrees_with_counting_pixel_by_pixel():
    rng = np.random.default_rng(1)
    days = np.sort(rng.integers(1, 60, 14))
    assert len(set(days)) < len(days)
    valid = rng.random((14, 3, 40)) < 0.2
    found = availability(valid, days.tolist())
    for row, col in np.ndindex(3, 40):
        seen = sorted(set(days[valid[:, row, col]].tolist()))
        assert found.number[row, col] == len(seen)
        ends = (found.first[row, col], found.last[row, col], found.gap[row, col])
        gap = max(np.diff(seen)) if len(seen) > 1 else np.nan
        slow = (seen[0], seen[-1], gap) if seen else (np.nan,) * 3
        np.testing.assert_array_equal(ends, slow)
    assert {0, 1, 2} <= set(found.number.ravel().tolist())
