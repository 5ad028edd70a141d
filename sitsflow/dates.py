"""Days: integers counted from 1970-01-01, so that years and leap days need no thought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

EPOCH = date(1970, 1, 1)


def to_day(when: date) -> int:
    """Return days since 1970-01-01."""
    return (when - EPOCH).days


def to_date(day: int) -> date:
    """Return the date of a day since 1970-01-01."""
    return EPOCH + timedelta(days=int(day))


def stamp(day: int) -> str:
    """Return a day as iota2 writes it: YYYYMMDD."""
    return to_date(day).strftime("%Y%m%d")


def regular_days(first: int, last: int, step: int) -> tuple[int, ...]:
    """Return first, first + step, ...; `last` is among them only if it falls on the step."""
    return tuple(range(first, last + 1, step))


def merged_days(series: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Return the union of several lists of days; a day counts as often as in the richest list."""
    most: dict[int, int] = {}
    for days in series:
        for day in set(days):
            most[day] = max(most.get(day, 0), list(days).count(day))
    return tuple(day for day in sorted(most) for _ in range(most[day]))


def positions(days: Sequence[int], among: Sequence[int]) -> list[int]:
    """Return where each of `days` (ascending) stands in `among`, which holds all of them."""
    found, at = [], 0
    for day in days:
        at = list(among).index(day, at)
        found.append(at)
        at += 1
    return found
