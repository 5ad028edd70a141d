"""Learning what a run reads and makes, by trying its functions on a few made-up pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from sitsflow.errors import ConfigError, Fault, FunctionError
from sitsflow.features.accessors import Accessors
from sitsflow.features.functions import Functions, load_functions
from sitsflow.features.metric_bands import PLACE
from sitsflow.features.metric_names import is_metric
from sitsflow.features.metrics import compile_metrics
from sitsflow.features.native import indices_of, native_features
from sitsflow.features.results import check_labels, check_shape, labels_of
from sitsflow.features.synthetic import SyntheticObservations
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.plan import FunctionPlan, SeriesPlan
from sitsflow.request import Request
from sitsflow.timeseries.observations import Floats
from sitsflow.timeseries.series import Series

_SIZES = (((16, 19), (20, 17)), ((256, 271), (263, 259)))
"""Rows and columns tried: a function that needs a larger neighbourhood fails on the first two.

They differ: a result that is right for square arrays only, or for one size, is refused, and so
are bands and labels that depend on pixels.
"""


class ProbeResult(NamedTuple):
    """What a run makes and what it must read for it."""

    native: tuple[str, ...]
    functions: tuple[FunctionPlan, ...]
    read: dict[str, tuple[str, ...]]
    """Bands to be read, by sensor label, in the sensor's order."""
    used: dict[str, tuple[str, ...]]
    """Those of them that the features are made of: not what is read for `write_outputs` alone."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all output bands, in order."""
        return (*self.native, *(label for one in self.functions for label in one.labels))


Exogenous = tuple[int, list[str]] | None
"""Number of bands of the user's raster, and their names."""


class Tried(NamedTuple):
    """What trying one function found; `read` are bands by sensor label."""

    plan: FunctionPlan
    read: dict[str, set[str]]


class Prober(Protocol):
    """Who tries functions: this process, or for a user's one of their own.

    All that it does raises a `FunctionError` where functions are at fault.
    """

    def load(self) -> None:
        """Import the module and find the functions."""

    def attempt(self, plans: Sequence[SeriesPlan], number: int, exogenous: Exogenous) -> Tried:
        """Try the function of that number, from 1, on the series of a tile."""

    def snapshot(self) -> CodeSnapshot | None:
        """Return the user's code as far as it was imported until now; None of the built-ins."""


class BuiltinProber:
    """Tries built-in functions, which can be trusted, in this process."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._functions: Functions | None = None

    def load(self) -> None:
        """Find the functions."""
        self._functions = load_functions(None, [one.name for one in self._request.functions])

    def attempt(self, plans: Sequence[SeriesPlan], number: int, exogenous: Exogenous) -> Tried:
        """Try the function of that number, from 1, on the series of a tile."""
        assert self._functions is not None, "load them first"
        return attempt(plans, self._request, self._functions, number, exogenous)

    def snapshot(self) -> None:
        """Return None: there is no code of the user's."""


def probe(
    plans: Sequence[SeriesPlan], request: Request, prober: Prober, exogenous: Exogenous = None
) -> ProbeResult:
    """Try everything that a run of `plans` computes.

    Parameters
    ----------
    plans : sequence of SeriesPlan
        The series of one tile; their files are not opened.

    Raises
    ------
    FunctionError
        If functions fail, or return a wrong result; all of them are named.
    ConfigError
        If metrics are asked for what there is not; with all that is wrong about functions.
    """
    native = _native(plans, request) if request.concat_mode or request.write_outputs else None
    found, used = [], {plan.sensor.label: set[str]() for plan in plans}
    if native is not None and request.concat_mode:
        used = _joined(used, native.read)
    failed: list[str] = []
    faults: list[Fault] = []
    for number in range(1, len(request.functions) + 1):
        try:
            tried = prober.attempt(plans, number, exogenous)
        except FunctionError as error:
            failed.append(str(error))
            continue
        except ConfigError as error:
            faults += error.faults
            continue
        found.append(tried.plan)
        used = _joined(used, tried.read)
    if faults:
        raise ConfigError([*(Fault(PLACE, text) for text in failed), *dict.fromkeys(faults)])
    if failed:
        raise FunctionError("\n".join(failed))
    return ProbeResult(
        native=native.labels if native is not None and request.concat_mode else (),
        functions=tuple(found),
        read=_in_order(plans, used if native is None else _joined(used, native.read)),
        used=_in_order(plans, used),
    )


def _joined(one: dict[str, set[str]], other: dict[str, set[str]]) -> dict[str, set[str]]:
    return {label: bands | other[label] for label, bands in one.items()}


def _in_order(
    plans: Sequence[SeriesPlan], bands: dict[str, set[str]]
) -> dict[str, tuple[str, ...]]:
    return {
        plan.sensor.label: tuple(b for b in plan.bands if b in bands[plan.sensor.label])
        for plan in plans
    }


class _Native(NamedTuple):
    labels: tuple[str, ...]
    read: dict[str, set[str]]


def _made_up(
    plans: Sequence[SeriesPlan], request: Request, shape: tuple[int, int]
) -> tuple[list[Series], dict[str, SyntheticObservations]]:
    sources = {plan.sensor.label: SyntheticObservations(plan, shape) for plan in plans}
    series = [
        Series(
            plan,
            sources[plan.sensor.label],
            indices_of(plan.sensor, plan.bands, request),
            gapfilling=request.use_gapfilling,
            interpolation=request.interpolation,
        )
        for plan in plans
    ]
    return series, sources


def native_labels(plans: Sequence[SeriesPlan], request: Request) -> tuple[str, ...]:
    """Return the names of the features that need no function, in order."""
    return _native(plans, request).labels


def _native(plans: Sequence[SeriesPlan], request: Request) -> _Native:
    series, sources = _made_up(plans, request, (2, 2))
    labels = tuple(feature.label for feature in native_features(series, request))
    return _Native(labels, {label: source.bands for label, source in sources.items()})


def warm_up(plans: Sequence[SeriesPlan], request: Request) -> None:
    """Have compiled what series need: the time that it takes is not that of a function."""
    series, _ = _made_up(plans, request, (2, 2))
    for one in series:
        one.interpolated(one.plan.bands[0])
    if any(is_metric(call.name) for call in request.functions):
        compile_metrics()


def attempt(
    plans: Sequence[SeriesPlan],
    request: Request,
    functions: Functions,
    number: int,
    exogenous: Exogenous,
) -> Tried:
    """Try one function on made-up pixels.

    Raises
    ------
    FunctionError
        If it fails, or returns a wrong result.
    """
    wanted = request.functions[number - 1]
    functions.check_arguments(wanted.name, wanted.kwargs)
    for shapes in _SIZES:
        try:
            first, second = (
                _attempt(plans, request, functions, number, exogenous, shape) for shape in shapes
            )
        except FunctionError:
            if shapes == _SIZES[-1]:
                raise
            continue
        check_labels(second.plan.labels, first.plan.labels, wanted.name, _where(shapes[1]))
        series = tuple(dict.fromkeys((*first.plan.series, *second.plan.series)))
        plan = first.plan.model_copy(update={"series": series})
        return Tried(plan, _joined(first.read, second.read))
    raise AssertionError("unreachable")


def _attempt(
    plans: Sequence[SeriesPlan],
    request: Request,
    functions: Functions,
    number: int,
    exogenous: Exogenous,
    shape: tuple[int, int],
) -> Tried:
    """Try one function on made-up pixels of one size."""
    wanted = request.functions[number - 1]
    series, sources = _made_up(plans, request, shape)
    accessors = Accessors({one.plan.sensor.label: one for one in series}, _raster(exogenous, shape))
    try:
        features = functions.call(wanted.name, accessors, wanted.kwargs, _where(shape))
    except MemoryError as error:
        raise FunctionError(str(error)) from None
    check_shape(features, shape, wanted.name, _where(shape))
    plan = FunctionPlan(
        name=wanted.name,
        labels=labels_of(features, number),
        series=tuple(accessors.touched),
        metric=functions.is_metric(wanted.name),
    )
    return Tried(plan, {label: source.bands for label, source in sources.items()})


def _where(shape: tuple[int, int]) -> str:
    return f"tried on {shape[0]} x {shape[1]} made-up pixels"


def _raster(exogenous: Exogenous, shape: tuple[int, int]) -> tuple[Floats, list[str]] | None:
    if exogenous is None:
        return None
    values = np.random.default_rng(99).uniform(1, 100, (*shape, exogenous[0]))
    return values.astype(np.float32), exogenous[1]
