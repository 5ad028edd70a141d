"""Every key of the configuration, with many values: what is written is read as the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from blocks.cfg import parse_cfg
from blocks.configuration import Configuration
from blocks.features_map import FeaturesMap
from blocks.files import parse_yaml, write_cfg, write_yaml

LEAST = {"output_path": "/out", "list_tile": "T31TCJ"}
OTHER = "Venus"
"""A sensor of the user's own, whose section has keys too."""

ONE_BUILDER = ("builders", "builders_class_name")
"""The only key whose values all mean the same."""

POOL: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 7, -3, 365, 0.5, 1e-7, 1e300, -10000.25, "", "it's \\ a \"path\"",
    "/données/d'été", "a b", "B4", "yes", "null", "010", "1e3", "EPSG:32631", "20180229x",
    "2018-02-28", "20180228", "NDVI", "b1/b2", "max(b1,b2), b1", "1-6",
    "mine.py",
    [], ["NDVI"], ["B4", "B8"], ["/a", "/b c"], [10, 20.5], [1, 1], ["T31TCJ", "D0005H0002"],
    {}, {OTHER: "/venus"}, {OTHER: {"start_date": "20180228"}}, ["f", ["g", {"a": [1, "x"]}]],
    ["i2_features_map"], ["I2FeaturesMap"], "/a/b c",
)  # fmt: skip
"""Values that some key or other takes."""


def sections() -> dict[str, type[BaseModel]]:
    """Return the model of each section by its name."""
    found = {}
    for name, field in Configuration.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name] = field.annotation
    return found


def with_key(section: str, key: str, value: Any) -> dict[str, Any]:
    raw: dict[str, Any] = {"chain": dict(LEAST)}
    raw.setdefault(section, {})[key] = value
    return raw


def choices(model: type[BaseModel], key: str) -> list[Any]:
    """Return the words that a key takes, if it takes only some."""
    found: list[Any] = []

    def collect(schema: Any) -> None:
        if isinstance(schema, dict):
            found.extend(schema.get("enum", ()))
            found.extend([schema["const"]] if "const" in schema else [])
            for part in schema.values():
                collect(part)
        elif isinstance(schema, list):
            for part in schema:
                collect(part)

    collect(model.model_json_schema()["properties"][key])
    return found


def accepted(section: str, model: type[BaseModel], key: str) -> list[Any]:
    """Return the values of the pool that a key takes."""
    found = []
    for value in (*choices(model, key), *POOL):
        try:
            Configuration.model_validate(with_key(section, key, value))
        except ValidationError:
            continue
        found.append(value)
    return found


ACCEPTED = {
    (section, key): accepted(section, model, key)
    for section, model in sections().items()
    for key in model.model_fields
}


def test_values_are_known_for_every_key() -> None:
    assert len(ACCEPTED) > 80
    few = {}
    for (section, key), values in ACCEPTED.items():
        made = {
            repr(getattr(getattr(Configuration.model_validate(raw), section), key))
            for raw in (with_key(section, key, value) for value in values)
        }
        if len(made) < 2 and (section, key) != ONE_BUILDER:
            few[section, key] = values
    assert not few, "give POOL values for them"


@st.composite
def raw_configurations(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    keys = draw(st.lists(st.sampled_from(sorted(ACCEPTED)), max_size=25, unique=True))
    raw: dict[str, dict[str, Any]] = {"chain": dict(LEAST)}
    for section, key in keys:
        raw.setdefault(section, {})[key] = draw(st.sampled_from(ACCEPTED[section, key]))
    return raw


@settings(max_examples=300)
@given(raw_configurations())
def test_a_configuration_is_the_same_after_a_file_and_a_block(raw: dict[str, Any]) -> None:
    configuration = Configuration.model_validate(raw)
    text = write_cfg(configuration)
    assert Configuration.model_validate(parse_cfg(text)) == configuration
    assert Configuration.model_validate(parse_yaml(write_yaml(configuration))) == configuration
    block = FeaturesMap.model_validate(parse_cfg(text))
    assert write_cfg(block) == text
    saved = FeaturesMap.model_validate(json.loads(block.model_dump_json()))
    assert write_cfg(saved) == text
    assert write_yaml(saved) == write_yaml(configuration)
