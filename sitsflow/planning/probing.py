"""Trying the functions on the series of the tiles: what they read, and which bands they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sitsflow.errors import MissingInputError
from sitsflow.features.exogenous import describe_raster
from sitsflow.features.probe import Prober, ProbeResult, probe
from sitsflow.plan import SeriesPlan
from sitsflow.request import Request


def probe_tiles(
    request: Request, series: Mapping[str, list[SeriesPlan]], prober: Prober
) -> dict[str, ProbeResult]:
    """Probe each tile whose dates differ; all must make the same bands."""
    prober.load()
    by_dates: dict[Any, ProbeResult] = {}
    found = {}
    for tile, plans in series.items():
        exogenous = describe_raster(request, tile)
        names = None if exogenous is None else (exogenous[0], tuple(exogenous[1]))
        key = (tuple((plan.days, plan.raw_days, plan.target_days) for plan in plans), names)
        if key not in by_dates:
            by_dates[key] = probe(plans, request, prober, exogenous)
        found[tile] = by_dates[key]
    first_tile, first = next(iter(found.items()))
    for tile, probed in found.items():
        if probed.labels != first.labels:
            raise MissingInputError(
                f"{_difference(first_tile, first.labels, tile, probed.labels)}: their dates "
                "differ. Set python_data_managing.fill_missing_dates: True, or "
                "sensors_data_interpolation.use_gapfilling: True"
            )
    return found


def _difference(one: str, first: Sequence[str], other: str, second: Sequence[str]) -> str:
    if len(first) != len(second):
        return f"tile {one} makes {len(first)} bands and tile {other} {len(second)}"
    at = next(at for at, pair in enumerate(zip(first, second, strict=True)) if len({*pair}) > 1)
    return f"band {at + 1} is {first[at]} of tile {one} and {second[at]} of tile {other}"
