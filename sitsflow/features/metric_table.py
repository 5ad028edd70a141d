"""The metrics that can be named without writing a function: names, formulas, units, sources."""

from __future__ import annotations

import difflib
import re
from typing import Literal, NamedTuple

Group = Literal["statistics", "days", "trend", "harmonic", "season", "observations"]

_PERCENTILE = re.compile(r"p(\d+)$")


class Metric(NamedTuple):
    """One metric of a series.

    In formulas v are the values on the interpolated dates, d the days of these dates.
    """

    name: str
    group: Group
    formula: str
    unit: str
    source: str = ""


_TIMESAT = "Jönsson & Eklundh 2004"
"""Source of the definitions of seasons."""

TABLE = (
    Metric("sum", "statistics", "sum of v", "as v"),
    Metric("min", "statistics", "lowest v", "as v"),
    Metric("max", "statistics", "highest v", "as v"),
    Metric("mean", "statistics", "sum / number of dates", "as v"),
    Metric("std", "statistics", "root of the mean of (v - mean)²", "as v"),
    Metric("cv", "statistics", "std / mean", "none", "Coops et al. 2008"),
    Metric("p0 ... p100", "statistics", "percentile, type 7", "as v", "Hyndman & Fan 1996"),
    Metric("median", "statistics", "p50", "as v"),
    Metric("iqr", "statistics", "p75 - p25", "as v"),
    Metric("amplitude", "statistics", "max - min", "as v"),
    Metric("max_day", "days", "first d at which v is highest", "day"),
    Metric("min_day", "days", "first d at which v is lowest", "day"),
    Metric("slope", "trend", "slope of the least-squares line", "as v, a year"),
    Metric(
        "theil_sen",
        "trend",
        "median of the slopes of all pairs of dates",
        "as v, a year",
        "Theil 1950; Sen 1968",
    ),
    Metric(
        "harmonic_amplitude",
        "harmonic",
        "A of v = M + A cos(2π (d - P) / 365.25), by least squares",
        "as v",
        "Jakubauskas et al. 2001",
    ),
    Metric("harmonic_phase", "harmonic", "P of it: when the wave is highest", "day, 0 to 365.25"),
    Metric("harmonic_mean", "harmonic", "M of it", "as v"),
    Metric("season_count", "season", "number of seasons", "none"),
    Metric(
        "season_start",
        "season",
        "d at which v has risen to left minimum + threshold x (peak - left minimum)",
        "day",
        _TIMESAT,
    ),
    Metric("season_peak", "season", "d of the highest v", "day"),
    Metric(
        "season_end",
        "season",
        "d at which v has fallen to right minimum + threshold x (peak - right minimum)",
        "day",
        _TIMESAT,
    ),
    Metric("season_length", "season", "end - start", "days"),
    Metric(
        "season_base",
        "season",
        "mean of the left and the right minimum",
        "as v",
        _TIMESAT,
    ),
    Metric("season_peak_value", "season", "highest v", "as v"),
    Metric("season_amplitude", "season", "peak value - base", "as v", _TIMESAT),
    Metric(
        "season_greenup_rate",
        "season",
        "rise from 20 % to 80 % of the left amplitude, by its time",
        "as v, a day",
        _TIMESAT,
    ),
    Metric(
        "season_senescence_rate",
        "season",
        "fall from 80 % to 20 % of the right amplitude, by its time",
        "as v, a day",
        _TIMESAT,
    ),
    Metric(
        "season_integral",
        "season",
        "area under v from start to end",
        "as v, x days",
        _TIMESAT,
    ),
    Metric("valid_count", "observations", "number of days on which no mask excludes it", "days"),
    Metric("valid_first", "observations", "first of these days", "day"),
    Metric("valid_last", "observations", "last of these days", "day"),
    Metric("valid_gap", "observations", "most days from one of these to the next", "days"),
)
"""In the order in which they are listed."""

NAMES = tuple(one.name for one in TABLE if one.name.isidentifier())
"""All but the percentiles."""
BY_THRESHOLD = ("season_start", "season_end", "season_length", "season_integral")
"""Those that the threshold of a season moves."""
_GROUPS = {one.name: one.group for one in TABLE}
_ELSEWHERE = {
    "average": "mean", "stdev": "std", "stddev": "std", "rng": "amplitude", "range": "amplitude",
    "minimum": "min", "maximum": "max", "total": "sum", "argmax": "max_day", "argmin": "min_day",
    "trend": "slope", "sos": "season_start", "eos": "season_end", "los": "season_length",
    "pos": "season_peak", "percentile": "p50", "count": "valid_count",
}  # fmt: skip
"""What other programs call them."""


def percentile(name: str) -> int | None:
    """Return the percentile that a name such as ``p90`` asks for, whether or not it is one."""
    found = _PERCENTILE.match(name)
    return int(found.group(1)) if found else None


def group_of(name: str) -> Group | None:
    """Return the group of a metric, None of what is none."""
    share = percentile(name)
    if share is not None:
        return "statistics" if share <= 100 else None
    return _GROUPS.get(name)


def touched_by(argument: str) -> tuple[str, ...]:
    """Return the metrics that an argument of seasons counts for, () of any other argument."""
    seasonal = tuple(name for name in NAMES if group_of(name) == "season")
    if argument == "threshold":
        return BY_THRESHOLD
    if argument in ("season", "seasons"):
        return tuple(name for name in seasonal if name != "season_count")
    return seasonal if argument in ("min_rise", "min_amplitude") else ()


def nearest(name: str) -> str | None:
    """Return the metric whose name is nearest to that of one that is unknown."""
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    return next(iter(difflib.get_close_matches(name, NAMES, n=1, cutoff=0.6)), None)
