"""What a filled-in form asks for: its blocks looked up, its values checked, all faults at once."""

from __future__ import annotations

import os
from typing import Any

from prefect import runtime
from pydantic import ValidationError

from blocks.allowed import Allowed
from blocks.cluster import DaskCluster
from blocks.configuration import Configuration
from blocks.features_map import FeaturesMap
from blocks.overrides import Override
from blocks.resolve import ResolvedConfig, resolve
from blocks.run_form import NOT_GIVEN, PARAMETERS, RunForm
from flows.block_parameter import read_block
from sitsflow.errors import ConfigError, Fault


def resolve_form(form: RunForm, *always: Override) -> tuple[ResolvedConfig, DaskCluster]:
    """Return the configuration that a form asks for, and where its tasks run.

    Runs of deployments may use only what the environment of their worker allows.

    Parameters
    ----------
    form : RunForm
        What was filled in.
    always : Override
        What wins over all of it.

    Raises
    ------
    NotAllowedError
        With all that is not allowed. None of it was opened then.
    ConfigError
        With every fault of the saved blocks and of the fields.
    """
    faults: list[Fault] = []
    cluster = _cluster(form.cluster, faults)
    allowed = Allowed.by_environment(os.environ) if runtime.deployment.id else None
    try:
        saved = read_block("config", form.config, FeaturesMap)
        source = f"the saved configuration {saved.name}" if saved.name else "config"
        raw = _without_defaults(dict(saved.values))
        if allowed:
            allowed.check(raw, [*form.named(), *always], source, cluster)
        resolved = resolve(raw, None, source, [*form.changes(raw), *always])
    except ConfigError as error:
        raise type(error)([*error.faults, *faults], error.source) from None
    if faults:
        raise ConfigError(faults)
    return resolved, cluster


def _without_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """Return what differs from the defaults; blocks made in the UI hold every key."""
    try:
        return Configuration.model_validate(values).plain()
    except ValidationError:
        return values  # what is wrong is said together with all else


def _cluster(value: Any, faults: list[Fault]) -> DaskCluster:
    if value is NOT_GIVEN or value is None:
        return DaskCluster()
    try:
        return DaskCluster.model_validate(dict(read_block("cluster", value, DaskCluster).values))
    except ConfigError as error:
        faults += [fault._replace(source=error.source) for fault in error.faults]
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place = ".".join(map(str, ("cluster", *detail["loc"])))
            message = detail["msg"].removeprefix("Value error, ")
            faults.append(Fault(place, message, PARAMETERS))
    return DaskCluster()
