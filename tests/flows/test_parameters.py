"""What the server checks the flows' parameters against, in each of its four ways."""

import json
from typing import Any

import jsonschema
import pytest
from prefect import Flow
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import validate

from flows.check import check
from flows.features_map import features_map
from flows.new_products import new_products

CONFIG = {"$ref": {"block_document_slug": "features-map/demo"}}
CLUSTER = {"$ref": {"block_document_id": "9ae1a614-0ca5-419a-a761-b0cd978b498a"}}
EMPTY = {
    "tiles": "", "first_date": "", "last_date": "", "area_of_interest": "", "functions": "",
    "output_path": "", "overrides": {}, "fresh": False,
}  # fmt: skip
"""What the Prefect UI sends for fields that nobody filled in; of the others it sends nothing."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    # As Prefect sends it to the server.
    return parameter_schema(features_map).model_dump_for_openapi()


@pytest.mark.parametrize("preprocess", [True, False])
@pytest.mark.parametrize("ignore_required", [True, False])
@pytest.mark.parametrize(
    "given",
    [
        {},
        EMPTY,
        {"cluster": CLUSTER},
        {"cluster": {"n_workers": 2}},
        {"tiles": "T31TCJ T31TDJ", "first_date": "20180101", "last_date": "2018-12-31"},
        {"resolution": 20, "area_of_interest": "~/area.shp", "output_path": "$WORK/map"},
        {"functions": "get_ndvi  get_range", "overrides": {"chain.proj": None, "chain": {}}},
    ],
)
def test_saved_blocks_and_plain_values_are_taken(
    schema: dict[str, Any], given: dict[str, Any], ignore_required: bool, preprocess: bool
) -> None:
    ways = {"ignore_required": ignore_required, "preprocess": preprocess}
    assert not validate({"config": CONFIG, **given}, schema, **ways)


@pytest.mark.parametrize(
    "wrong",
    [
        {"config": CONFIG, "cluster": {"n_workers": "many"}},
        {"config": CONFIG, "overrides": "chain.proj=EPSG:2154"},
        {"config": CONFIG, "tiles": "T31TCJ, T31TDJ"},
        {"config": CONFIG, "first_date": "spring"},
        {"config": CONFIG, "last_date": "20181301"},
        {"config": CONFIG, "resolution": 0},
        {"config": CONFIG, "resolution": "coarse"},
        {"config": CONFIG, "functions": "f('a')"},
        {"config": CONFIG, "output_path": "map"},
        {"config": {"chain": {"list_tile": 3}}},
        {"cluster": CLUSTER},
    ],
)
def test_wrong_values_are_refused_when_they_are_submitted(
    schema: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert validate(wrong, schema)


@pytest.mark.parametrize("flow", [features_map, new_products, check])
def test_the_form_is_short_and_says_what_each_field_means(flow: Flow[Any, Any]) -> None:
    schema = parameter_schema(flow).model_dump_for_openapi()
    jsonschema.Draft202012Validator.check_schema(schema)
    drawn = schema["properties"]
    assert len(drawn) <= 11
    assert list(drawn)[:2] == ["config", "tiles"]
    assert "overrides" in drawn
    for field in drawn.values():
        assert field["description"]
        # A choice of types, or a default of null, is a second control beside the field.
        assert "anyOf" not in field
        assert field.get("default", "") is not None
    assert schema["required"] == ["config"]
    assert len(json.dumps(drawn)) < 4_000
