"""Overrides as a form: what the server is told, and what becomes of what is filled in."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from blocks.configuration import Configuration
from blocks.features_map import FeaturesMap
from blocks.names import SECTIONS
from blocks.override_form import OverrideForm
from blocks.overrides import apply_overrides
from blocks.resolve import resolve
from blocks.section import NoEffect
from sitsflow.errors import ConfigError

SCHEMA = OverrideForm.model_json_schema()


def test_the_form_has_every_key_that_has_an_effect() -> None:
    for name, section in SECTIONS.items():
        if name == "builders":
            continue
        drawn = SCHEMA["$defs"][f"{section.__name__}Overrides"]["properties"]
        wanted = {
            key
            for key, field in section.model_fields.items()
            if not any(isinstance(mark, NoEffect) for mark in field.metadata)
        }
        assert set(drawn) == wanted
        assert all(field["title"] and field["description"] for field in drawn.values())
        assert not any("default" in field for field in drawn.values()), "fields start empty"


def test_the_schema_is_whole_and_small() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert len(json.dumps(SCHEMA)) < 40_000
    jsonschema.validate({"chain": {"list_tile": ["T31TCJ"]}, "chain.proj": 3}, SCHEMA)
    for wrong in ({"minimum_required_dates": 0}, {"first_step": "end"}, {"grid_alignment": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"chain": wrong}, SCHEMA)


def test_what_is_left_empty_is_no_override() -> None:
    assert OverrideForm().given() == {}
    form = OverrideForm(chain={"proj": None, "spatial_resolution": 20}, Sentinel_2={})
    assert form.given() == {"chain": {"spatial_resolution": 20}}
    assert form.model_dump(mode="json") == form.given()
    assert OverrideForm(**{"chain.proj": None}).given() == {"chain.proj": None}


def test_a_dotted_key_wins_over_its_section(raw: dict[str, Any], folder: Path) -> None:
    form = OverrideForm(**{"chain.spatial_resolution": 20, "chain": {"spatial_resolution": 10}})
    request = resolve(apply_overrides(raw, form.given()), folder).request()
    assert request.resolution == (20, 20)


def test_all_faults_of_overrides_are_told_at_once(raw: dict[str, Any], folder: Path) -> None:
    given = {"chain": {"resolution": 20, "proj": "Lambert"}, "Sentinel_2.start_date": "spring"}
    with pytest.raises(ConfigError) as caught:
        resolve(apply_overrides(raw, OverrideForm(**given).given()), folder)
    places = {fault.place for fault in caught.value.faults}
    assert places == {"chain.resolution", "chain.proj", "Sentinel_2.start_date"}


def test_a_block_as_default_of_a_deployment_passes_the_bare_schema() -> None:
    schema = FeaturesMap.model_json_schema()
    schema.pop("required")  # as the server does
    jsonschema.validate({"$ref": {"block_document_slug": "features-map/demo"}}, schema)
    assert schema["block_type_slug"] == "features-map"
    assert set(schema["properties"]) == set(Configuration.model_fields)
    with pytest.raises(ValueError, match="chains"):
        FeaturesMap(chain={"output_path": "/out", "list_tile": "T"}, chains={})  # type: ignore[call-arg]
