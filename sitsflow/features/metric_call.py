"""What one function of metrics is asked for: its arguments, checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    model_validator,
)

from sitsflow.features.metric_names import GENERAL, short_name
from sitsflow.features.metric_table import NAMES, group_of, nearest, percentile, touched_by
from sitsflow.timeseries.phenology import Rules

_MOST_SEASONS = 50
_NAMED = ("of", "what")
"""Arguments that a short name stands for."""
_DEFAULT = Rules()


def _words(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _some_words(value: Any) -> Any:
    if _is_list(words := _words(value)) and not words:
        raise ValueError("name at least one metric, e.g. ['mean', 'p90']")
    return words


def _known(name: str) -> str:
    name = name.lower()
    if group_of(name) is not None:
        return name
    if percentile(name) is not None:
        raise ValueError(f"{name}: percentiles are p0 to p100")
    near = nearest(name)
    known = f"metrics are p0 to p100, {', '.join(NAMES)}"
    raise ValueError(f"no metric {name!r}; " + (f"did you mean {near}?" if near else known))


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Metrics = Annotated[
    tuple[Annotated[str, AfterValidator(_known)], ...], BeforeValidator(_some_words)
]
Season = Annotated[int, Strict(), Field(ge=1, le=_MOST_SEASONS)]
Number = Annotated[float, Strict()]


class MetricsCall(BaseModel):
    """Arguments of `metrics`; those of a short name are the same without `of` and `what`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    of: Words = Field(default=(), description="bands, indices, or common names of bands")
    what: Metrics = Field(description="metrics of each of them")
    sensor: str | None = Field(default=None, description="label or name of the sensor")
    season: Season | None = Field(default=None, description="number of the season, from 1")
    seasons: Season | None = Field(default=None, description="how many seasons, a band each")
    threshold: Number = Field(default=_DEFAULT.threshold, gt=0, lt=1)
    min_rise: Number = Field(default=_DEFAULT.min_rise, gt=0, le=1)
    min_amplitude: Number = Field(default=_DEFAULT.min_amplitude, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> MetricsCall:
        if self.season is not None and self.seasons is not None:
            raise ValueError("give season or seasons, not both")
        if not self.of and self.needs_series:
            raise ValueError("of is missing: the bands or indices, e.g. 'ndvi'")
        return self

    @property
    def needs_series(self) -> bool:
        """Whether it takes more than masks."""
        return any(group_of(name) != "observations" for name in self.what)

    @property
    def rules(self) -> Rules:
        """What counts as a season."""
        return Rules(self.threshold, self.min_rise, self.min_amplitude)

    @property
    def seasons_wanted(self) -> range:
        """The numbers of the seasons."""
        if self.seasons is not None:
            return range(1, self.seasons + 1)
        first = self.season or 1
        return range(first, first + 1)

    @property
    def numbers_seasons(self) -> bool:
        """Whether labels have the number of the season: where it was asked for."""
        return self.season is not None or self.seasons is not None


def read_call(name: str, arguments: Mapping[str, Any]) -> tuple[MetricsCall | None, list[str]]:
    """Return the call of a function of metrics, or None and all that is wrong with it."""
    short = short_name(name)
    if name == GENERAL or short is None:
        return _read(arguments)
    twice = [key for key in _NAMED if key in arguments]
    rest = {key: value for key, value in arguments.items() if key not in twice}
    of = (short.series,) if short.series else ()
    call, faults = _read({"of": of, "what": (short.metric,), **rest})
    faults = [*(f"{key}: the name says it already" for key in twice), *faults]
    return (None if faults else call), faults


class NamedSeries(NamedTuple):
    """The series that a call names, of which other arguments may be wrong."""

    of: tuple[str, ...]
    sensor: str | None
    needs_series: bool


def named(name: str, arguments: Mapping[str, Any]) -> NamedSeries:
    """Return the names in a call that was refused, so that those that are wrong are told too."""
    short = short_name(name)
    of = _words(arguments.get("of", ())) if name == GENERAL or short is None else (short.series,)
    sensor = arguments.get("sensor")
    names = tuple(one for one in of if isinstance(one, str) and one) if _is_list(of) else ()
    # Not known where metrics are wrong: a sensor's own name may stand for its masks.
    needs = name != GENERAL and short is not None and group_of(short.metric) != "observations"
    return NamedSeries(names, sensor if isinstance(sensor, str) else None, needs)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _read(arguments: Mapping[str, Any]) -> tuple[MetricsCall | None, list[str]]:
    try:
        call = MetricsCall.model_validate(dict(arguments))
    except ValidationError as error:
        return None, list(_texts(error))
    faults = list(_without_effect(call))
    return (None if faults else call), faults


def _without_effect(call: MetricsCall) -> Iterator[str]:
    """Name the arguments that were given and count for none of the metrics."""
    for key in MetricsCall.model_fields:
        touched = touched_by(key)
        given = key in call.model_fields_set and getattr(call, key) is not None
        if touched and given and not set(touched) & set(call.what):
            yield (
                f"{key}: it changes nothing of {', '.join(call.what)}, only of "
                f"{', '.join(touched)}; leave it out"
            )


def _texts(error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        key = str(one["loc"][0]) if one["loc"] else ""
        if one["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, list(MetricsCall.model_fields), n=1)
            known = ", ".join(MetricsCall.model_fields)
            yield f"{key}: no such argument; " + (
                f"did you mean {near[0]}?" if near else f"there are {known}"
            )
        elif one["type"] == "missing":
            yield f"{key} is missing: the metrics, e.g. ['mean', 'p90']"
        elif one["type"] == "value_error":
            text = str(one["ctx"]["error"])
            yield f"{key}: {text}" if key else text
        else:
            yield f"{key}: {one['input']!r}: {one['msg'][0].lower()}{one['msg'][1:]}"
