"""A configuration that may be wrong: its sound parts, and the faults of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from blocks.chain import Chain
from blocks.configuration import Configuration
from blocks.names import (
    OTHER_BUILDERS_SECTIONS,
    SECTIONS,
    UNSUPPORTED,
    is_other_builders,
    unknown_key,
    unknown_section,
)
from blocks.old_names import in_todays_names
from blocks.radar import RadarConfig, read_radar
from blocks.section import FilePath, is_off
from sitsflow.errors import Fault, SensorFileError
from sitsflow.products.sensors.model import Sensor, in_order, load_sensors

_STANDINS = {"output_path": "/", "list_tile": ["tile"]}  # for what is missing or wrong


@dataclass
class PartialConfig:
    """What was read, as far as it can be understood.

    `configuration` holds defaults in place of what is wrong; :meth:`sound` tells whether a value
    in it is the user's.
    """

    faults: list[Fault] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    old_names: list[tuple[str, str]] = field(default_factory=list)
    """Places of 2020 that were given, and what is said of each."""
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    configuration: Configuration = field(init=False)

    def sound(self, *places: str) -> bool:
        """Whether none of the values at `places` is at fault."""
        return not {fault.place for fault in self.faults} & set(places)

    def root(self, sensor: Sensor) -> Path | None:
        """Return the folder of a sensor's products, None if it is not in use."""
        chain = self.configuration.chain
        if sensor.path_key in Chain.model_fields:
            path: Path | None = getattr(chain, sensor.path_key)
            return path
        return chain.other_sensor_paths.get(sensor.name)

    @property
    def enabled(self) -> list[Sensor]:
        """The sensors in use, in the order of the native stack."""
        return in_order([s for s in self.sensors.values() if self.root(s) is not None])

    @cached_property
    def radar(self) -> RadarConfig:
        """What is said of Sentinel-1, its INI file read."""
        return read_radar(self.configuration, {fault.place for fault in self.faults})

    @property
    def has_radar(self) -> bool:
        """Whether Sentinel-1 is in use."""
        return self.configuration.chain.s1_path is not None

    @property
    def indices(self) -> bool:
        """Whether NDVI, NDWI and Brightness are wanted; the newer place wins."""
        newer = self.configuration.arg_train.features
        older = self.configuration.sensors_data_interpolation.features
        features = newer if newer is not None else older
        return features is None or bool(features)

    @property
    def extracts(self) -> bool:
        """Whether any index is wanted; without, reflectances are written as they are."""
        named = self.configuration.sensors_data_interpolation.spectral_indices
        return self.indices or bool(named)


def parse_partially(raw: Mapping[str, Any], folder: Path | None) -> PartialConfig:
    """Check names and single values; relative paths start at `folder`."""
    partial = PartialConfig()
    context = {"folder": folder}
    partial.sensors = _sensors(raw, context, partial.faults)
    raw, partial.old_names, twice = in_todays_names(raw)
    partial.faults.extend(twice)
    for name, section in raw.items():
        if section is None:
            section = {}
        if isinstance(section, Mapping):
            _sort_section(partial, name, {str(key): value for key, value in section.items()})
        else:
            message = f"not a section but {section!r}; its keys belong in braces or below it"
            partial.faults.append(Fault(name, message))
    partial.configuration = _validate(partial, context)
    return partial


def _sensors(
    raw: Mapping[str, Any], context: dict[str, Any], faults: list[Fault]
) -> Mapping[str, Sensor]:
    chain = raw.get("chain")
    folders = chain.get("sensor_folders") if isinstance(chain, Mapping) else None
    folders = [] if is_off(folders) else [folders] if isinstance(folders, str) else folders
    builtin = load_sensors()
    try:
        paths = TypeAdapter(tuple[FilePath, ...]).validate_python(folders, context=context)
        found = load_sensors(paths)
    except ValidationError:
        return builtin  # reported with the other values of the section
    except (SensorFileError, OSError) as error:
        faults.append(Fault("chain.sensor_folders", str(error)))
        return builtin
    clashes = dict(_clashes(found, builtin))
    faults.extend(Fault("chain.sensor_folders", message) for message in clashes.values())
    return {name: sensor for name, sensor in found.items() if name not in clashes}


def _clashes(
    found: Mapping[str, Sensor], builtin: Mapping[str, Sensor]
) -> Iterator[tuple[str, str]]:
    """Yield the names of described sensors that stand for something else, and why."""
    roots = {sensor.path_key for sensor in builtin.values()}
    for name, sensor in found.items():
        if name in SECTIONS and name not in builtin:
            yield name, f"name: {name} is a section that is no sensor's of yours; take another"
        elif sensor.path_key in SECTIONS["chain"].model_fields and sensor.path_key not in roots:
            yield name, f"path_key: {sensor.path_key}, of {name}, is a key of its own; take another"


def _sort_section(partial: PartialConfig, name: str, section: dict[str, Any]) -> None:
    described = name in partial.sensors and name not in SECTIONS
    if name in OTHER_BUILDERS_SECTIONS:
        partial.others.append(name)
    elif name in SECTIONS or name in UNSUPPORTED:
        partial.given.setdefault(name, {}).update(_known(partial, name, section))
    elif described:
        _add_sensors(partial, {name: section})
    elif name == "other_sensors":
        _add_sensors(partial, section)
        for sensor in section.keys() - partial.sensors.keys():
            message = "no sensor of this name is described in chain.sensor_folders"
            partial.faults.append(Fault(f"other_sensors.{sensor}", message))
    else:
        more = [sensor for sensor in partial.sensors if sensor not in SECTIONS]
        partial.faults.append(Fault(name, unknown_section(name, section, more)))


def _add_sensors(partial: PartialConfig, sections: Mapping[str, Any]) -> None:
    """Note sections of described sensors; a sensor may have one of its own name as well."""
    others = partial.given.setdefault("other_sensors", {})
    for sensor, section in sections.items():
        both = isinstance(section, Mapping) and isinstance(others.get(sensor), Mapping)
        others[sensor] = {**others[sensor], **section} if both else section


def _known(partial: PartialConfig, name: str, section: dict[str, Any]) -> dict[str, Any]:
    """Return what the section's model knows, and note the rest in the partial configuration."""
    fields = SECTIONS[name].model_fields if name in SECTIONS else {}
    roots = {
        sensor.path_key: sensor.name
        for sensor in partial.sensors.values()
        if name == "chain" and sensor.path_key not in fields
    }
    kept: dict[str, Any] = {}
    for key, value in section.items():
        place = f"{name}.{key}"
        if key in fields:
            kept[key] = value
        elif key in roots:
            others = section.get("other_sensor_paths") or {}
            if not is_off(value):
                kept["other_sensor_paths"] = {**others, roots[key]: value}
                section = {**section, "other_sensor_paths": kept["other_sensor_paths"]}
        elif key in UNSUPPORTED.get(name, {}):
            if not (is_off(value) or str(value).lower() == "false"):
                partial.faults.append(Fault(place, f"{UNSUPPORTED[name][key]} (given: {value!r})"))
        elif is_other_builders(name, key):
            partial.others.append(place)
        else:
            partial.faults.append(Fault(place, unknown_key(name, key, [*fields, *roots])))
    return kept


def _validate(partial: PartialConfig, context: dict[str, Any]) -> Configuration:
    given = {name: values for name, values in partial.given.items() if name not in _UNMODELLED}
    given.setdefault("chain", {})
    try:
        return Configuration.model_validate(given, context=context)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
    partial.faults.extend(_faults(wrong, given))
    sound = {name: dict(values) for name, values in given.items()}
    for detail in wrong:
        name, *rest = detail["loc"]
        sound[str(name)].pop(str(rest[0]) if rest else "", None)
    sound["chain"] = _STANDINS | sound["chain"]
    return Configuration.model_validate(sound, context=context)


_UNMODELLED = UNSUPPORTED.keys() - SECTIONS.keys()


def _faults(wrong: list[ErrorDetails], given: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    seen = set()
    for detail in wrong:
        name, *rest = [str(part) for part in detail["loc"]]
        value: Any = given[name]
        keys = []
        for part in rest:
            if not isinstance(value, Mapping):
                break
            keys.append(part)
            value = value.get(part)
            if name != "other_sensors":
                break
        place = ".".join(keys if name == "other_sensors" else [name, *keys])
        if place not in seen:
            seen.add(place)
            yield Fault(place, _message(detail, value))


def _message(detail: ErrorDetails, value: Any) -> str:
    if detail["type"] == "missing":
        return "mandatory, but not given"
    if detail["type"] == "too_short":
        return f"names none; give at least {detail['ctx']['min_length']} (given: {value!r})"
    text = detail["msg"].removeprefix("Value error, ")
    text = text.replace("Extra inputs are not permitted", "no such key")
    return f"{text[0].lower()}{text[1:]} (given: {value!r})"
