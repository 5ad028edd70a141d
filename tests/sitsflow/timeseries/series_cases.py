"""Made-up series of a few pixels, and slow loops over them, for tests of interpolation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st


class Case(NamedTuple):
    """What methods of interpolation take."""

    values: np.ndarray
    valid: np.ndarray
    days: list[int]
    targets: list[int]


@st.composite
def cases(draw, most_dates: int = 12, most_targets: int = 12, columns: int = 20) -> Case:
    """Series with days that repeat, NaN and infinity among valid dates, targets on both sides."""
    n_dates = draw(st.integers(1, most_dates))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days = np.sort(rng.integers(17000, 17120, n_dates)).tolist()
    if n_dates > 3 and draw(st.booleans()):
        days[1] = days[0]
        days.sort()
    targets = np.unique(rng.integers(16970, 17150, draw(st.integers(1, most_targets)))).tolist()
    shape = (n_dates, draw(st.integers(1, 2)), draw(st.integers(1, columns)))
    values = rng.integers(-200, 12000, shape).astype(np.float32)
    values[rng.random(shape) < 0.1] = np.nan
    values[rng.random(shape) < 0.1] = rng.choice([np.inf, -np.inf])
    return Case(values, rng.random(shape) < draw(st.floats(0, 1)), days, targets)


Method = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From days and values that count, and target days within them, to values on these."""


def by_pixel(case: Case, method: Method) -> np.ndarray:
    """Apply a method pixel by pixel, in float64; constant outside, NaN where nothing counts."""
    out = np.full((len(case.targets), *case.values.shape[1:]), np.nan)
    for row, col in np.ndindex(case.values.shape[1:]):
        seen: dict[int, float] = {}
        series = case.values[:, row, col], case.valid[:, row, col]
        for day, value, usable in zip(case.days, *series, strict=True):
            if usable and np.isfinite(value):
                seen.setdefault(day, float(value))
        if seen:
            days, values = np.array(list(seen)), np.array(list(seen.values()))
            out[:, row, col] = method(days, values, np.clip(case.targets, days[0], days[-1]))
    return out


def pixel(
    values: Sequence[float], valid: Sequence[int], days: list[int], targets: list[int]
) -> Case:
    """One pixel."""
    shape = (len(values), 1, 1)
    return Case(
        np.array(values, np.float32).reshape(shape), np.array(valid, bool).reshape(shape),
        days, targets,
    )  # fmt: skip
