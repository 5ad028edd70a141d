"""Functions of metrics: what they return, computed on series by compiled kernels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitsflow.dates import to_date, to_day
from sitsflow.features.accessors import MASKS, Accessors
from sitsflow.features.metric_bands import MetricBand, SeriesName, bands_of
from sitsflow.features.metric_table import Group, group_of, percentile
from sitsflow.timeseries.availability import availability
from sitsflow.timeseries.harmonics import annual_harmonic
from sitsflow.timeseries.moments import moments
from sitsflow.timeseries.percentiles import percentiles
from sitsflow.timeseries.phenology import Rules, Trait, phenology
from sitsflow.timeseries.series import VALID
from sitsflow.timeseries.trends import least_squares_slope, theil_sen_slope

Floats = NDArray[np.float32]
_COUNT = "season_count"
_SHARES: Mapping[str, tuple[float, ...]] = {"median": (50,), "iqr": (75, 25)}
_WARM_UP = ("sum", "p50", "slope", "theil_sen", "harmonic_phase", "season_start")


def day_numbers(days: Sequence[int], first: int) -> list[int]:
    """Return days since 1970-01-01 as numbers that are 1 on a 1 January.

    It is that of the year of the day `first`: in the first year they are days of the year, and in
    those that follow they go on counting.
    """
    begin = to_day(date(to_date(first).year, 1, 1))
    return [day - begin + 1 for day in days]


def compute_metrics(
    name: str, accessors: Accessors, /, **arguments: Any
) -> tuple[Floats, list[str]]:
    """Return the bands of a function of metrics, (row, col, band), and their labels.

    Parameters
    ----------
    name : str
        `metrics`, or a short name such as ``ndvi_p90``.
    accessors : Accessors
        The series of the chunk.
    **arguments
        As the configuration gives them.

    Raises
    ------
    ConfigError
        With all that is wrong about the name and the arguments.
    """
    call, bands = bands_of(name, arguments, accessors.series)
    made: dict[str, Floats] = {}
    for series in dict.fromkeys(one.series for one in bands):
        mine = [one for one in bands if one.series == series]
        plan = accessors.series[series.sensor].plan
        values = accessors.lend(series.sensor, series.name or MASKS)
        if series.name:
            days = day_numbers(plan.target_days, plan.target_days[0])
            made |= metrics_of(values, days, mine, call.rules)
        else:
            days = day_numbers(plan.raw_days, plan.target_days[0])
            made |= _observations(values == VALID, days, mine)
    labels = [one.label for one in bands]
    # Band by band in memory, as they are written.
    return np.moveaxis(np.stack([made[label] for label in labels]), 0, -1), labels


def metrics_of(
    values: Floats, days: Sequence[float], bands: Iterable[MetricBand], rules: Rules
) -> dict[str, Floats]:
    """Return metrics of one series by label.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
        What is not finite is left out, date by date.
    days : sequence of float
        Numbers of the days, one a date, ascending.
    """
    made: dict[str, Floats] = {}
    for group, members in _by_group(bands).items():
        names = [one.metric for one in members]
        if group == "season":
            made |= _seasons(values, days, members, rules)
            continue
        if group == "trend":
            found = _trend(values, days, names)
        elif group == "harmonic":
            found = annual_harmonic(values, days)._asdict()
            found = {f"harmonic_{name}": one for name, one in found.items()}
        else:
            found = _statistics(values, days, names)
        made |= {one.label: found[one.metric] for one in members}
    return made


def compile_metrics() -> None:
    """Have compiled what metrics need: the time that it takes is not that of a function."""
    series = SeriesName("", "")
    bands = [MetricBand(name, series, name) for name in _WARM_UP]
    metrics_of(np.ones((2, 1, 1), np.float32), (0, 1), bands, Rules())


def _by_group(bands: Iterable[MetricBand]) -> dict[Group | None, list[MetricBand]]:
    found: dict[Group | None, list[MetricBand]] = {}
    for one in bands:
        # Those of days are found with the statistics.
        group = group_of(one.metric)
        found.setdefault("statistics" if group == "days" else group, []).append(one)
    return found


def _statistics(values: Floats, days: Sequence[float], names: Sequence[str]) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    shares = {share for name in names for share in _shares(name)}
    if shares:
        ordered = dict(zip(sorted(shares), percentiles(values, sorted(shares)), strict=True))
        for name in names:
            mine = [ordered[share] for share in _shares(name)]
            if mine:
                found[name] = mine[0] if len(mine) == 1 else mine[0] - mine[1]
    if len(found) < len(names):
        facts = moments(values, days)
        with np.errstate(divide="ignore", invalid="ignore"):
            found |= {
                "sum": facts.total, "min": facts.lowest, "max": facts.highest,
                "mean": facts.mean, "std": facts.deviation, "cv": facts.deviation / facts.mean,
                "amplitude": facts.highest - facts.lowest,
                "min_day": facts.day_of_lowest, "max_day": facts.day_of_highest,
            }  # fmt: skip
    return found


def _shares(name: str) -> tuple[float, ...]:
    """Return the percentiles that a statistic is made of."""
    share = percentile(name)
    return _SHARES.get(name, ()) if share is None else (share,)


def _trend(values: Floats, days: Sequence[float], names: Sequence[str]) -> dict[str, Floats]:
    makers = {"slope": least_squares_slope, "theil_sen": theil_sen_slope}
    return {name: makers[name](values, days) for name in dict.fromkeys(names)}


def _seasons(
    values: Floats, days: Sequence[float], bands: Sequence[MetricBand], rules: Rules
) -> dict[str, Floats]:
    traits = [one for one in bands if one.metric != _COUNT]
    wanted = [Trait(one.metric.removeprefix("season_"), one.season) for one in traits]
    count, found = phenology(values, days, wanted, rules)
    made = {one.label: each for one, each in zip(traits, found, strict=True)}
    return made | {one.label: count for one in bands if one.metric == _COUNT}


def _observations(
    valid: NDArray[np.bool_], days: Sequence[float], bands: Sequence[MetricBand]
) -> dict[str, Floats]:
    facts = availability(valid, days)
    found = {
        "valid_count": facts.number, "valid_first": facts.first, "valid_last": facts.last,
        "valid_gap": facts.gap,
    }  # fmt: skip
    return {one.label: found[one.metric] for one in bands}
