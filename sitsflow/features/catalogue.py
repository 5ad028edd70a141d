"""What user functions can call with a configuration, and the functions ready to be named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sitsflow.dates import stamp
from sitsflow.features import builtin
from sitsflow.features.accessors import Accessor, accessors
from sitsflow.features.exogenous import describe_raster
from sitsflow.features.metric_table import TABLE, Metric
from sitsflow.features.native import indices_of
from sitsflow.features.synthetic import SyntheticObservations
from sitsflow.features.user_module import public_functions
from sitsflow.io.code_snapshot import PublicFunction
from sitsflow.plan import Plan, TilePlan
from sitsflow.request import Request
from sitsflow.timeseries.indices import IOTA2_INDICES
from sitsflow.timeseries.series import Series

Kind = Literal[
    "interpolated", "raw", "masks", "alias", "dates", "raster", "built-in", "metric", "module"
]


class CatalogueEntry(BaseModel):
    """One accessor, attribute or function."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    name: str
    about: str
    shape: str = ""
    dtype: str = ""
    dates: tuple[str, ...] = ()


def describe(plan: Plan, tiles: Mapping[str, TilePlan]) -> list[CatalogueEntry]:
    """List every accessor of a run, with shape, dtype and dates, then the functions.

    Raw dates are those of the first tile; other tiles may have others.
    """
    request = plan.request
    tile = tiles[plan.tile_names[0]]
    series = {
        one.sensor.label: Series(
            one, SyntheticObservations(one, (1, 1)), indices_of(one.sensor, one.bands, request)
        )
        for one in tile.series
    }
    found = [_accessor(one, series[one.label], request) for one in accessors(series)]
    for name in ("interpolated_dates", "raw_dates"):
        about = "YYYYMMDD by sensor, in the order of the arrays' last axis"
        found.append(
            CatalogueEntry(kind="dates", name=name, about=about, dtype="dict of str to list of str")
        )
    raster = describe_raster(request, tile.tile)
    if raster is not None:
        about = f"the raster of exogeneous_data: {', '.join(filter(None, raster[1])) or 'unnamed'}"
        shape = f"(row, col, {raster[0]})"
        found.append(
            CatalogueEntry(
                kind="raster", name="exogeneous_data_array", about=about, shape=shape,
                dtype="float32",
            )
        )  # fmt: skip
    found += _functions(public_functions(builtin), "built-in")
    found += [CatalogueEntry(kind="metric", name=one.name, about=_formula(one)) for one in TABLE]
    return found + _functions(() if plan.code is None else plan.code.functions, "module")


def _formula(metric: Metric) -> str:
    return f"{metric.formula} ({metric.unit})"


def _accessor(one: Accessor, series: Series, request: Request) -> CatalogueEntry:
    if not series.plan.sensor.dated:
        bands = sum(band.group == one.what for band in series.plan.sensor.bands)
        about, shape = "raster without dates, as the file has it", f"(row, col, {bands})"
        return CatalogueEntry(
            kind="raster", name=f"{one.name}()", about=about, shape=shape, dtype="float32"
        )
    days = series.plan.raw_days if one.raw else series.plan.target_days
    kind: Kind = "masks" if one.what == "masks" else "raw" if one.raw else "interpolated"
    return CatalogueEntry(
        kind="alias" if one.alias else kind,
        name=f"{one.name}()",
        about=_about(one, series) + _made_by(one, series, request),
        shape=f"(row, col, {len(days)})",
        dtype="uint8" if one.what == "masks" else "float32",
        dates=tuple(stamp(day) for day in days),
    )


def _made_by(one: Accessor, series: Series, request: Request) -> str:
    """Return how a series was interpolated, if it was, and not linearly as they usually are."""
    how = series.plan.interpolated_by(request)
    usual = one.raw or not request.use_gapfilling or how.method == "linear"
    return "" if usual else f", {how.text}"


def _about(one: Accessor, series: Series) -> str:
    sensor = series.plan.sensor
    if one.what == "masks":
        if sensor.is_radar:
            return "0 valid, 1 border, or outside the images, 2 date not acquired"
        return "0 valid, 1 cloud, edge or saturated, 2 date not acquired"
    if one.what in series.indices:
        if sensor.is_radar:
            return "index of the spyndex catalogue, on linear power"
        if one.what not in IOTA2_INDICES:
            return "index of the spyndex catalogue, on reflectance 0 to 1"
        return "all bands, DN" if one.what == "Brightness" else "index x 1000"
    common = sensor.band(one.what).common or one.what
    return f"{common}, {sensor.unit or f'DN = {sensor.unit_text}'}"


def _functions(functions: Iterable[PublicFunction], kind: Kind) -> list[CatalogueEntry]:
    return [CatalogueEntry(kind=kind, name=one.name, about=one.about) for one in functions]
