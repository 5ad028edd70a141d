"""Overrides: single keys of a configuration, set for one run."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from blocks.names import sections_with
from sitsflow.errors import ConfigError, Fault
from sitsflow.yaml_text import load_yaml

COMMAND_LINE = "the command line"
_MAPPING = "the overrides"
_OPTIONS = {"--from": "chain.first_step", "--to": "chain.last_step"}
"""Options of the command line that set one key; `--set` sets any."""


class Override(NamedTuple):
    """One value that wins over the configuration."""

    place: str
    """``section.key``."""
    value: Any
    written: str
    """How it was written, for messages: ``--set chain.proj=EPSG:2154``."""
    source: str
    """Where it was written, for messages."""


Overrides = Sequence[str] | Sequence[Override] | Mapping[str, Any]
"""``["section.key=value", ...]`` of a command line, or values by dotted or nested keys."""


def apply_overrides(raw: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """Return a copy of `raw` in which the overrides win, the later over the earlier.

    Raises
    ------
    ConfigError
        If an override is not of the form ``section.key=value``; whether the key exists is seen
        when the whole is resolved.
    """
    parsed, faults = parse_overrides(overrides)
    merged, clashes = merge(raw, parsed)
    if faults or clashes:
        raise ConfigError([*faults, *clashes])
    return merged


def parse_overrides(overrides: Overrides) -> tuple[list[Override], list[Fault]]:
    """Return the overrides that are of the right form, and the faults of the others.

    The text of a value stays text, for its field to read (``start_date=20180101`` is a date,
    ``number_of_chunks=5`` a number); a list, a mapping or quoted text is read as YAML. The texts
    ``--from=GROUP`` and ``--to=GROUP`` stand for the keys that these options set.
    """
    parsed: list[Override] = []
    faults: list[Fault] = []
    for override in _read(overrides, faults):
        if len(keys := override.place.split(".")) > 1 and all(keys):
            parsed.append(override)
        else:
            faults.append(_not_one(override.written, override.source, override.place))
    return parsed, faults


def merge(
    raw: Mapping[str, Any], overrides: Sequence[Override]
) -> tuple[dict[str, Any], list[Fault]]:
    """Return a copy of `raw` in which the overrides win, and the faults of those that cannot."""
    merged = copy.deepcopy(dict(raw))
    faults: list[Fault] = []
    for override in overrides:
        *parents, key = override.place.split(".")
        if not _set(merged, parents, key, override.value):
            message = f"{'.'.join(parents)!r} has no keys that could be set"
            faults.append(Fault(override.written, message, override.source))
    return merged, faults


def _read(overrides: Overrides, faults: list[Fault]) -> Iterator[Override]:
    if isinstance(overrides, Mapping):
        for name, values in overrides.items():
            for place, value in leaves(name, values):
                yield Override(place, value, place, _MAPPING)
        return
    for text in overrides:
        if isinstance(text, Override):
            yield text
            continue
        place, equals, value = (part.strip() for part in text.partition("="))
        written = text if place in _OPTIONS else f"--set {text}"
        if not equals:
            faults.append(_not_one(written, COMMAND_LINE, place))
            continue
        try:
            read = load_yaml(value) if value.startswith(("[", "{", "'", '"')) else value
        except yaml.YAMLError as error:
            problem = getattr(error, "problem", None) or "not YAML"
            faults.append(Fault(written, f"{value!r} is not understood: {problem}", COMMAND_LINE))
            continue
        yield Override(_OPTIONS.get(place, place), read, written, COMMAND_LINE)


def _not_one(written: str, source: str, place: str) -> Fault:
    sections = sections_with(place)
    hint = f"; {place!r} is a key of section {sections[0]!r}" if sections else ""
    return Fault(written, f"an override is of the form section.key=value{hint}", source)


def leaves(place: str, value: Any) -> list[tuple[str, Any]]:
    """Return the values of a section by dotted key; a mapping further down is a value."""
    if isinstance(value, Mapping) and "." not in place:
        return [pair for key, item in value.items() for pair in leaves(f"{place}.{key}", item)]
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
