"""Axes of charts: where days and values lie, and which of them are written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sitsflow.dates import to_date, to_day
from sitsflow.report.figures import MONTHS

_MARGIN = 0.012  # of the width, so that the first and last points are whole
_MOST_TICKS = 13
_DAY_STEPS = (1, 2, 5, 7, 14)
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)
_DAYS_A_MONTH = 30.44


class Tick(NamedTuple):
    """A mark of a time axis; a minor one may go unwritten where there is little room."""

    at: float
    label: str
    minor: bool


@dataclass(frozen=True)
class TimeAxis:
    """Days since 1970-01-01 from `first` to `last`, along the width of a chart."""

    first: int
    last: int

    def at(self, day: float) -> float:
        """Return a day's place, 0 at the left and 1 at the right."""
        if self.last == self.first:
            return 0.5
        along = (day - self.first) / (self.last - self.first)
        return _MARGIN + along * (1 - 2 * _MARGIN)

    def ticks(self) -> list[Tick]:
        """Return round dates, at most about a dozen: days, months or years."""
        days = self.last - self.first
        if days < 2 * _DAYS_A_MONTH:
            step = next((s for s in _DAY_STEPS if days / s < _MOST_TICKS), _DAY_STEPS[-1])
            marks = list(range(self.first, self.last + 1, step))
            return [
                Tick(self.at(day), _day_label(to_date(day)), index % 3 != 0)
                for index, day in enumerate(marks)
            ]
        months = days / _DAYS_A_MONTH
        step = next((s for s in _MONTH_STEPS if months / s < _MOST_TICKS), _MONTH_STEPS[-1])
        return [
            Tick(self.at(to_day(first)), _month_label(first, step), index % 2 != 0)
            for index, first in enumerate(self._months(step))
        ]

    def _months(self, step: int) -> list[date]:
        start, end = to_date(self.first), to_date(self.last)
        number = start.year * 12 + start.month - 1
        number += 0 if start.day == 1 else 1
        number += -number % step
        found = []
        while (first := date(number // 12, number % 12 + 1, 1)) <= end:
            found.append(first)
            number += step
        return found


def _day_label(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"


def _month_label(first: date, step: int) -> str:
    if step >= 12:
        return str(first.year)
    return str(first.year) if first.month == 1 else MONTHS[first.month - 1]


def round_values(low: float, high: float, about: int = 4) -> list[float]:
    """Return round values between `low` and `high`, about as many as asked."""
    span = high - low
    if not (span > 0 and math.isfinite(span)):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / about))
    step = min((s * power for s in (1, 2, 2.5, 5, 10)), key=lambda s: abs(span / s - about))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(at * step, 12) for at in range(first, last + 1)]
