"""`sitsflow.open`: from a configuration to a plan that can be looked into."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sitsflow.errors import ConfigError, Fault
from sitsflow.library.map_plan import MapPlan
from sitsflow.library.readers import Reading, read_with_reader
from sitsflow.planning.planner import make_plan
from sitsflow.request import Request


def open_map(
    config: str | os.PathLike[str] | Mapping[str, Any] | Request,
    overrides: Mapping[str, Any] | None = None,
) -> MapPlan:
    """Plan a map, from names and headers of the products; nothing is written.

    Parameters
    ----------
    config : path, mapping or Request
        A file in iota2's syntax or YAML; its sections as nested plain values (relative paths
        start at the current folder); or a request.
    overrides : mapping, optional
        Values that win over those of `config`, by dotted or nested keys:
        ``{"chain.list_tile": "T31TCJ"}``.

    Returns
    -------
    MapPlan
        Any part of the map, when asked for.

    Raises
    ------
    ConfigError
        With every fault of the configuration.
    SitsflowError
        What would make a run of it fail: no products, functions that fail when they are tried.

    Examples
    --------
    >>> import sitsflow
    >>> plan = sitsflow.open("map.cfg")  # doctest: +SKIP
    >>> plan.compute("T31TCJ", (slice(0, 512), slice(0, 512))).sel(band="ndvi_range").plot()
    ... # doctest: +SKIP
    """
    reading = _read(config, overrides or {})
    plan, tiles = make_plan(reading.request)
    return MapPlan(plan, tiles, (*reading.notices, *plan.notices))


def _read(config: Any, overrides: Mapping[str, Any]) -> Reading:
    if isinstance(config, Request):
        if overrides:
            message = "a request takes no overrides: use its model_copy(update={...})"
            raise ConfigError([Fault("sitsflow.open", message)])
        return Reading(config, ())
    source = config if isinstance(config, Mapping) else Path(config)
    return read_with_reader(source, overrides)
