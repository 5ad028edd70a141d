"""The series of one place as a table."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sitsflow.errors import MissingInputError
from sitsflow.features.native import indices_of
from sitsflow.geo.grid import Window
from sitsflow.io.opening import reading_for
from sitsflow.plan import Plan, TilePlan
from sitsflow.timeseries.observing import observe
from sitsflow.timeseries.series import NOT_ACQUIRED, VALID, Series

COLUMNS = ("sensor", "band", "date", "raw", "valid", "interpolated")


def place_table(plan: Plan, tile: TilePlan, pixel: Window, names: Sequence[str]) -> pd.DataFrame:
    """Return the series of one pixel; see `MapPlan.series`."""
    request = plan.request
    series = [
        Series(
            one,
            observe(one, tile.grid, pixel, request.resampling),
            indices_of(one.sensor, one.bands, request),
            gapfilling=request.use_gapfilling,
            interpolation=request.interpolation,
        )
        for one in tile.dated_series
    ]
    _check_names(series, names)
    tables = []
    with reading_for(request):
        for one in series:
            wanted = names or list(_read_by_the_run(one))
            own = {one.plan.sensor.canonical(name): name for name in wanted}
            for name in own:
                if name in one.plan.bands or name in one.indices:
                    table = _table(one, name, interpolates=request.use_gapfilling)
                    table.insert(0, "sensor", one.plan.sensor.label)
                    table.insert(1, "band", name)
                    tables.append(table)
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(tables, ignore_index=True)


def _read_by_the_run(series: Series) -> Iterator[str]:
    yield from series.plan.read
    for name, index in series.indices.items():
        if series.plan.read and set(index.bands) <= set(series.plan.read):
            yield name


def _check_names(series: Sequence[Series], names: Sequence[str]) -> None:
    if isinstance(names, str):
        raise MissingInputError(f"names={names!r}: give a list of names, [{names!r}]")
    known = dict.fromkeys(name for one in series for name in (*one.plan.bands, *one.indices))
    for name in names:
        if not any(one.plan.sensor.canonical(name) in known for one in series):
            by_case = {one.lower(): one for one in known}
            near = difflib.get_close_matches(name.lower(), list(by_case), n=1)
            hint = f"did you mean {by_case[near[0]]}? " if near else ""
            raise MissingInputError(
                f"no band or index {name!r} of these sensors; {hint}there are {', '.join(known)}"
            )


def _table(series: Series, name: str, *, interpolates: bool) -> pd.DataFrame:
    states = series.masks()[:, 0, 0]
    raw = series.observed(name)[:, 0, 0]
    seen = states != NOT_ACQUIRED
    observed = pd.DataFrame(
        {
            "date": _dates(np.array(series.plan.raw_days)[seen]),
            "raw": raw[seen],
            "valid": pd.array((states[seen] == VALID) & np.isfinite(raw[seen]), "boolean"),
        }
    )
    targets = series.plan.target_days if interpolates else ()
    values = series.interpolated(name)[:, 0, 0] if interpolates else raw[:0]
    filled = pd.DataFrame({"date": _dates(targets), "interpolated": values})
    return observed.merge(filled, on="date", how="outer", sort=True)


def _dates(days: Sequence[int] | NDArray[np.int64]) -> NDArray[np.datetime64]:
    return np.asarray(days, "datetime64[D]").astype("datetime64[ns]")
