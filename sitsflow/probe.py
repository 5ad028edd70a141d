"""Learning what a run reads and makes, by trying its functions on a few made-up pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sitsflow.accessors import Accessors
from sitsflow.errors import FunctionError
from sitsflow.functions import Features, Functions, call, check_shape
from sitsflow.labels import default_labels
from sitsflow.native import indices_of, native_features
from sitsflow.observations import Bools, Floats
from sitsflow.plan import FunctionPlan, SeriesPlan
from sitsflow.request import Request
from sitsflow.series import Series

_SIZES = ((16, 16), (256, 256))
"""Pixels tried: a function that needs a larger neighbourhood fails on the first."""


class MadeUp:
    """Observations without a file: plausible digital numbers, always the same, all valid."""

    def __init__(self, plan: SeriesPlan, shape: tuple[int, int]) -> None:
        self._plan = plan
        self._shape = (len(plan.scenes), *shape)
        self.bands: set[str] = set()

    @cached_property
    def valid(self) -> Bools:
        """All valid; (date, row, col)."""
        return np.ones(self._shape, bool)

    def band(self, name: str) -> Floats:
        """Return random values around a tenth of full reflectance; (date, row, col)."""
        self.bands.add(name)
        seed = self._plan.sensor.band_names.index(name)
        full = self._plan.sensor.quantification
        values = np.random.default_rng(seed).uniform(0.02, 0.4, self._shape) * full
        return values.astype(np.float32)


class Probed(NamedTuple):
    """What a run makes and what it must read for it."""

    native: tuple[str, ...]
    functions: tuple[FunctionPlan, ...]
    read: dict[str, tuple[str, ...]]
    """Bands to be read, by sensor label, in the sensor's order."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all output bands, in order."""
        return (*self.native, *(label for one in self.functions for label in one.labels))


def probe(
    plans: Sequence[SeriesPlan],
    request: Request,
    functions: Functions,
    exogenous: tuple[int, list[str]] | None = None,
) -> Probed:
    """Try everything that a run of `plans` computes.

    Parameters
    ----------
    plans : sequence of SeriesPlan
        The series of one tile; their files are not opened.
    exogenous : tuple of int and list of str, optional
        Number of bands of the user's raster, and their names.

    Raises
    ------
    FunctionError
        If a function fails, or returns what it must not.
    """
    native = _native(plans, request) if request.concat_mode or request.write_outputs else None
    found, read = [], {plan.sensor.label: set[str]() for plan in plans}
    if native is not None:
        for label, bands in native.read.items():
            read[label] |= bands
    for number in range(1, len(request.functions) + 1):
        tried = _try(plans, request, functions, number, exogenous)
        found.append(tried.plan)
        for label, bands in tried.read.items():
            read[label] |= bands
    return Probed(
        native=native.labels if native is not None and request.concat_mode else (),
        functions=tuple(found),
        read={
            plan.sensor.label: tuple(b for b in plan.bands if b in read[plan.sensor.label])
            for plan in plans
        },
    )


class _Native(NamedTuple):
    labels: tuple[str, ...]
    read: dict[str, set[str]]


class _Tried(NamedTuple):
    plan: FunctionPlan
    read: dict[str, set[str]]


def _made_up(
    plans: Sequence[SeriesPlan], request: Request, shape: tuple[int, int]
) -> tuple[list[Series], dict[str, MadeUp]]:
    sources = {plan.sensor.label: MadeUp(plan, shape) for plan in plans}
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


def _try(
    plans: Sequence[SeriesPlan],
    request: Request,
    functions: Functions,
    number: int,
    exogenous: tuple[int, list[str]] | None,
) -> _Tried:
    wanted = request.functions[number - 1]
    for shape in _SIZES:
        series, sources = _made_up(plans, request, shape)
        accessors = Accessors(
            {one.plan.sensor.label: one for one in series}, _raster(exogenous, shape)
        )
        try:
            features = call(
                functions.by_name[wanted.name], accessors, dict(wanted.kwargs), _where(shape)
            )
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
        return _Tried(plan, {label: source.bands for label, source in sources.items()})
    raise AssertionError("unreachable")


def labels_of(features: Features, number: int) -> tuple[str, ...]:
    """Return a function's own labels if there is one a band, else iota2's default names."""
    bands = len(features.values)
    if features.labels is not None and len(features.labels) == bands:
        return features.labels
    return default_labels(number, bands)


def _where(shape: tuple[int, int]) -> str:
    return f"tried on {shape[0]} x {shape[1]} made-up pixels"


def _raster(
    exogenous: tuple[int, list[str]] | None, shape: tuple[int, int]
) -> tuple[Floats, list[str]] | None:
    if exogenous is None:
        return None
    values = np.random.default_rng(99).uniform(1, 100, (*shape, exogenous[0]))
    return values.astype(np.float32), exogenous[1]
