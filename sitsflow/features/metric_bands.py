"""Which bands functions of metrics make, of which series: decided by names alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from sitsflow.errors import ConfigError, ExpressionError, Fault
from sitsflow.features.metric_call import MetricsCall, NamedSeries, named, read_call
from sitsflow.features.metric_names import GENERAL
from sitsflow.features.metric_table import BY_THRESHOLD, group_of
from sitsflow.timeseries.indices import catalogue_index, index_names
from sitsflow.timeseries.series import Series

PLACE = "external_features.functions"
_FIRST = "Sentinel2"  # of several sensors that have a band


class SeriesName(NamedTuple):
    """A band or an index of a sensor; without a name the sensor's masks."""

    sensor: str
    name: str


class MetricBand(NamedTuple):
    """One band to be made."""

    label: str
    series: SeriesName
    metric: str
    season: int = 1


def bands_of(
    name: str, arguments: Mapping[str, Any], series: Mapping[str, Series]
) -> tuple[MetricsCall, list[MetricBand]]:
    """Return what a function of metrics is asked for and the bands that it makes, in order.

    Parameters
    ----------
    name : str
        `metrics`, or a short name such as ``ndvi_p90``.
    arguments : mapping
        As the configuration gives them.
    series : mapping of str to Series
        By label of the sensor.

    Raises
    ------
    ConfigError
        With all that is wrong.
    """
    call, faults = read_call(name, arguments)
    found, unknown = _looked_up(call or named(name, arguments), series)
    faults += unknown
    if faults or call is None:
        what = "" if name == GENERAL else ": no function of that name, and as a metric"
        raise ConfigError([Fault(PLACE, f"{name}{what}: {text}") for text in faults])
    bands = [one for each in found for metric in call.what for one in _bands(each, metric, call)]
    return call, list({one.label: one for one in bands}.values())


def _looked_up(
    call: MetricsCall | NamedSeries, series: Mapping[str, Series]
) -> tuple[list[SeriesName], list[str]]:
    """Return the series that are meant, and what is wrong with the names of the others."""
    found, faults = [], []
    try:
        dated = _ordered(series, call.sensor)
    except LookupError as error:
        return [], [str(error.args[0])]
    for of in call.of or (() if call.needs_series else ("",)):
        try:
            found.append(_found(of, dated, needs_series=call.needs_series))
        except LookupError as error:
            faults.append(str(error.args[0]))
    return found, faults


def _bands(series: SeriesName, metric: str, call: MetricsCall) -> Iterator[MetricBand]:
    group = group_of(metric)
    if group == "observations":
        yield MetricBand(f"{series.sensor}_{metric}", SeriesName(series.sensor, ""), metric)
        return
    label = f"{series.sensor}_{series.name}_{metric}"
    if group != "season" or metric == "season_count":
        yield MetricBand(label, series, metric)
        return
    default = MetricsCall.model_fields["threshold"].default
    if metric in BY_THRESHOLD and call.threshold != default:
        label += f"_t{100 * call.threshold:g}"
    for season in call.seasons_wanted:
        numbered = f"{label}_{season}" if call.numbers_seasons else label
        yield MetricBand(numbered, series, metric, season)


def _ordered(series: Mapping[str, Series], wanted: str | None) -> dict[str, Series]:
    """Return the sensors that may be meant, the one that is taken first at the head."""
    dated = {label: one for label, one in series.items() if one.plan.sensor.dated}
    if wanted is None:
        return dict(sorted(dated.items(), key=lambda item: item[0] != _FIRST))
    for label, one in dated.items():
        if wanted.lower() == label.lower():
            return {label: one}
    # Sentinel-1 has a series a direction.
    if named := {
        label: one for label, one in dated.items() if wanted.lower() == one.plan.sensor.name.lower()
    }:
        return named
    raise LookupError(
        f"sensor: no sensor with dates {wanted!r} in this run{_hint(wanted, list(dated))}"
    )


def _found(of: str, series: Mapping[str, Series], *, needs_series: bool) -> SeriesName:
    if not needs_series:
        for label in series:
            if of.lower() in ("", label.lower()):
                return SeriesName(label, "")
    for label, one in series.items():
        if name := _name_in(one, of):
            return SeriesName(label, name)
    for label, one in series.items():
        begin = f"{label.lower()}_"
        if of.lower().startswith(begin) and (name := _name_in(one, of[len(begin) :])):
            return SeriesName(label, name)
    if index := _index_not_asked_for(of, series):
        raise LookupError(
            f"{index} is an index that this run does not compute: name it in "
            "sensors_data_interpolation.spectral_indices"
        )
    known = list(dict.fromkeys(name for one in series.values() for name in _names(one)))
    raise LookupError(
        f"no band or index {of!r} of {' or '.join(series) or 'a sensor with dates'}"
        f"{_hint(of, known)}"
    )


def _index_not_asked_for(of: str, series: Mapping[str, Series]) -> str | None:
    """Return the catalogue's name of an index that one of the sensors has the bands for."""
    for name in index_names():
        if name.lower() == of.lower():
            for one in series.values():
                with suppress(ExpressionError):
                    return catalogue_index(name, one.plan.sensor, one.plan.bands).name
    return None


def _names(series: Series) -> tuple[str, ...]:
    return (*series.plan.bands, *series.indices)


def _name_in(series: Series, of: str) -> str | None:
    """Return the band or index that is meant: by a name of its own in any case, or a common one."""
    names, sensor = _names(series), series.plan.sensor
    if of in names:
        return of
    for name in names:
        if name.lower() == of.lower():
            return name
    for band in sensor.bands:
        also = {*map(str.lower, band.aliases), band.common}
        if of.lower() in also and band.name in names:
            return band.name
    return None


def _hint(wanted: str, known: list[str]) -> str:
    by_case = {name.lower(): name for name in known}
    near = difflib.get_close_matches(wanted.lower(), list(by_case), n=2, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(by_case[one] for one in near)}?"
    return f"; there are {', '.join(known)}" if known else ""
