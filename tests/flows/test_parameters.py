"""What the server checks the flow's parameters against, in each of its four ways."""

from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import validate

from flows.features_map import features_map

CONFIG = {"$ref": {"block_document_slug": "features-map/demo"}}
CLUSTER = {"$ref": {"block_document_id": "9ae1a614-0ca5-419a-a761-b0cd978b498a"}}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return parameter_schema(features_map).model_dump()


@pytest.mark.parametrize("preprocess", [True, False])
@pytest.mark.parametrize("ignore_required", [True, False])
@pytest.mark.parametrize("cluster", [CLUSTER, {"n_workers": 2}, None])
def test_saved_blocks_are_taken_as_parameters_and_as_defaults(
    schema: dict[str, Any], cluster: Any, ignore_required: bool, preprocess: bool
) -> None:
    given = {"config": CONFIG, "cluster": cluster}
    ways = {"ignore_required": ignore_required, "preprocess": preprocess}
    assert not validate(given, schema, **ways)


@pytest.mark.parametrize(
    "wrong",
    [
        {"config": CONFIG, "cluster": {"n_workers": "many"}},
        {"config": CONFIG, "overrides": {"chain": {"spatial_resolution": "coarse"}}},
        {"config": {"chain": {"list_tile": 3}}},
        {"cluster": CLUSTER},
    ],
)
def test_wrong_values_are_refused_at_once(schema: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert validate(wrong, schema)
