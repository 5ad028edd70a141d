"""Learning what a run reads and makes, by trying its functions on a few made-up pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from sitsflow.errors import FunctionError
from sitsflow.features.accessors import Accessors
from sitsflow.features.functions import FunctionResult, Functions, check_shape, load_functions
from sitsflow.features.labels import default_labels
from sitsflow.features.native import indices_of, native_features
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.plan import FunctionPlan, SeriesPlan
from sitsflow.request import Request
from sitsflow.timeseries.observations import Bools, Floats
from sitsflow.timeseries.series import Series

_SIZES = ((16, 16), (256, 256))
"""Pixels tried: a function that needs a larger neighbourhood fails on the first."""


_REFLECTANCE = {
    "coastal": (0.08, 0.03, 0.06), "blue": (0.10, 0.04, 0.06), "green": (0.14, 0.08, 0.06),
    "red": (0.20, 0.05, 0.04), "rededge1": (0.22, 0.10, 0.03), "rededge2": (0.25, 0.30, 0.02),
    "rededge3": (0.27, 0.38, 0.02), "nir": (0.29, 0.42, 0.02), "nir08": (0.30, 0.44, 0.02),
    "swir1": (0.35, 0.20, 0.01), "swir2": (0.28, 0.10, 0.01),
}  # fmt: skip
"""Of bare soil, dense plants and water, roughly, by common name of the band."""
_CLOUD, _CLOUDY = 0.6, 0.15  # reflectance of clouds, and how often they are there


class SyntheticObservations:
    """Observations without a file: fields with a season, some water, some clouds; always the same.

    A function that fits a curve or looks for clouds must find something of the kind.
    """

    def __init__(self, plan: SeriesPlan, shape: tuple[int, int]) -> None:
        self._plan = plan
        self._shape = (len(plan.scenes), *shape)
        self.bands: set[str] = set()

    @cached_property
    def valid(self) -> Bools:
        """False under clouds, every pixel being clear on some date; (date, row, col)."""
        valid = np.random.default_rng(1).random(self._shape) >= _CLOUDY
        valid[0] |= ~valid.any(axis=0)
        return valid

    @cached_property
    def _cover(self) -> Floats:
        """Share of the ground that plants cover; NaN on water; (date, row, col)."""
        rng = np.random.default_rng(2)
        peak, height, water = (rng.random(self._shape[1:]) for _ in range(3))
        day = np.array(self._plan.days, np.float64)[:, np.newaxis, np.newaxis] % 365.25
        cover = (0.4 + 0.6 * height) * np.exp(-(((day - 120 - 100 * peak) / 60) ** 2))
        return np.where(water < 0.1, np.nan, cover).astype(np.float32)

    def band(self, name: str, *, clouded: bool = False) -> Floats:
        """Return digital numbers, of clouds where a date is not valid; (date, row, col)."""
        del clouded  # always
        self.bands.add(name)
        sensor = self._plan.sensor
        soil, plants, water = _REFLECTANCE.get(sensor.band(name).common or "", (0.2, 0.2, 0.2))
        clear = np.nan_to_num(soil + (plants - soil) * self._cover, nan=water)
        rng = np.random.default_rng(3 + sensor.band_names.index(name))
        values = np.where(self.valid, clear, _CLOUD) * rng.normal(1, 0.03, self._shape)
        return (values * sensor.quantification).astype(np.float32)


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
    """
    native = _native(plans, request) if request.concat_mode or request.write_outputs else None
    found, used = [], {plan.sensor.label: set[str]() for plan in plans}
    if native is not None and request.concat_mode:
        used = _joined(used, native.read)
    faults = []
    for number in range(1, len(request.functions) + 1):
        try:
            tried = prober.attempt(plans, number, exogenous)
        except FunctionError as error:
            faults.append(str(error))
            continue
        found.append(tried.plan)
        used = _joined(used, tried.read)
    if faults:
        raise FunctionError("\n".join(faults))
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
    for shape in _SIZES:
        series, sources = _made_up(plans, request, shape)
        accessors = Accessors(
            {one.plan.sensor.label: one for one in series}, _raster(exogenous, shape)
        )
        try:
            features = functions.call(wanted.name, accessors, wanted.kwargs, _where(shape))
            check_shape(features, shape, wanted.name, _where(shape))
        except FunctionError:
            if shape == _SIZES[-1]:
                raise
            continue
        plan = FunctionPlan(
            name=wanted.name,
            labels=labels_of(features, number),
            series=tuple(accessors.touched),
        )
        return Tried(plan, {label: source.bands for label, source in sources.items()})
    raise AssertionError("unreachable")


def labels_of(features: FunctionResult, number: int) -> tuple[str, ...]:
    """Return a function's own labels if there is one a band, else iota2's default names."""
    bands = len(features.values)
    if features.labels is not None and len(features.labels) == bands:
        return features.labels
    return default_labels(number, bands)


def _where(shape: tuple[int, int]) -> str:
    return f"tried on {shape[0]} x {shape[1]} made-up pixels"


def _raster(exogenous: Exogenous, shape: tuple[int, int]) -> tuple[Floats, list[str]] | None:
    if exogenous is None:
        return None
    values = np.random.default_rng(99).uniform(1, 100, (*shape, exogenous[0]))
    return values.astype(np.float32), exogenous[1]
