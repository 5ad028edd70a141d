"""Overrides: single keys of a configuration, set for one run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from sitsflow.errors import ConfigError, Fault

Overrides = Sequence[str] | Mapping[str, Any]
"""``["section.key=value", ...]``, or values by dotted or nested keys."""


def apply_overrides(raw: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """Return a copy of `raw` in which the overrides win, the later over the earlier.

    The text of a value stays text, for its field to read (``start_date=20180101`` is a date,
    ``number_of_chunks=5`` a number); a list, a mapping or quoted text is read as YAML.

    Raises
    ------
    ConfigError
        If an override is not of the form ``section.key=value``; whether the key exists is seen
        when the whole is resolved.
    """
    merged = copy.deepcopy(dict(raw))
    faults: list[Fault] = []
    if isinstance(overrides, Mapping):
        pairs = [pair for name, value in overrides.items() for pair in _leaves(name, value)]
    else:
        pairs = [pair for text in overrides if (pair := _parse(text, faults))]
    for place, value in pairs:
        *parents, key = place.split(".")
        if not parents or not all((*parents, key)):
            faults.append(Fault(place, "an override is of the form section.key=value"))
            continue
        if not _set(merged, parents, key, value):
            faults.append(Fault(place, f"{'.'.join(parents)!r} has no keys that could be set"))
    if faults:
        raise ConfigError(faults, "the overrides")
    return merged


def _parse(text: str, faults: list[Fault]) -> tuple[str, Any] | None:
    place, equals, value = text.partition("=")
    place, value = place.strip(), value.strip()
    if not equals:
        faults.append(Fault(repr(text), "an override is of the form section.key=value"))
        return None
    if not value.startswith(("[", "{", "'", '"')):
        return place, value
    try:
        return place, yaml.safe_load(value)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "not YAML"
        faults.append(Fault(place, f"{value!r} is not understood: {problem}"))
        return None


def _leaves(place: str, value: Any) -> list[tuple[str, Any]]:
    # Only sections are gone into: a mapping further down is a value.
    if isinstance(value, Mapping) and "." not in place:
        return [pair for key, item in value.items() for pair in _leaves(f"{place}.{key}", item)]
    return [(place, value)]


def _set(merged: dict[str, Any], parents: Sequence[str], key: str, value: Any) -> bool:
    target = merged
    for parent in parents:
        if target.get(parent) is None:
            target[parent] = {}
        target = target[parent]
        if not isinstance(target, dict):
            return False
    target[key] = value
    return True
