import json
from datetime import date, timedelta
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.cfg import parse_cfg, render_cfg
from blocks.configuration import Configuration
from blocks.features_map import FeaturesMap
from blocks.files import parse_yaml, write_cfg, write_yaml

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
# PyYAML itself loses some control characters (U+0085, for one).
text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
numbers = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | text
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True)
tiles = st.lists(
    st.from_regex(r"[A-Z0-9][A-Z0-9._-]{0,5}", fullmatch=True), min_size=1, unique=True
)
days = st.integers(0, 20000).map(lambda n: date(1980, 1, 1) + timedelta(n))
sizes = st.floats(1e-3, 1e3)


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    calls = st.tuples(names, st.dictionaries(names, values, max_size=2)).map(list)
    return Configuration.model_validate({
        "chain": {
            "output_path": "/" + draw(text).strip(),
            "list_tile": draw(tiles),
            "s2_path": draw(st.none() | st.just("/data")),
            "spatial_resolution": draw(st.none() | st.tuples(sizes, sizes)),
            "grid_alignment": draw(st.booleans()),
            "compression_algorithm": draw(st.sampled_from(["ZSTD", "NONE"])),
            "other_sensor_paths": draw(st.just({}) | st.just({"Venus": "/v"})),
        },
        "Sentinel_2": {
            "start_date": draw(st.none() | days),
            "keep_bands": draw(st.none() | st.just(["B4", "B8"])),
            "additional_features": draw(st.sampled_from(["", "b1/b2, max(b1,b2)"])),
        },
        "external_features": {
            "functions": draw(st.lists(calls, max_size=3)),
            "no_data_value": draw(numbers),
        },
        "arg_train": {"features": draw(st.sampled_from([None, [], ["NDVI"]]))},
        "other_sensors": {"Venus": {"temporal_resolution": draw(st.none() | st.just(3))}},
    })  # fmt: skip


@settings(max_examples=40, deadline=None, derandomize=True)
@given(configurations())
def test_what_is_written_reads_the_same(configuration: Configuration) -> None:
    for raw in (parse_cfg(write_cfg(configuration)), parse_yaml(write_yaml(configuration))):
        read = Configuration.model_validate(raw)
        assert _without_empty(read) == _without_empty(configuration)


def _without_empty(configuration: Configuration) -> dict[str, Any]:
    # A user's sensor whose section says nothing needs no section.
    dumped = configuration.model_dump()
    empty = (
        {"Venus": type(configuration.other_sensors["Venus"])().model_dump()}
        if ("Venus" in configuration.other_sensors)
        else {}
    )
    if dumped["other_sensors"] == empty:
        dumped["other_sensors"] = {}
    return dumped


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.dictionaries(any_text, st.dictionaries(any_text, any_text | values), max_size=3))
def test_any_plain_value_can_be_written_in_iota2s_syntax(raw: dict[str, Any]) -> None:
    assert parse_cfg(render_cfg(raw)) == raw


def test_only_what_was_asked_is_written() -> None:
    configuration = Configuration.model_validate(
        {
            "chain": {"output_path": "/out", "list_tile": "T31TCJ", "s2_path": "/it's"},
            "Sentinel_2": {"start_date": "20180101"},
            "external_features": {"functions": [["f", {"a": 1}], "g"], "number_of_chunks": 25},
        }
    )
    assert write_cfg(configuration) == (
        "chain :\n{\n  output_path : '/out'\n  list_tile : ['T31TCJ']\n  s2_path : '/it\\'s'\n}\n"
        "external_features :\n{\n  number_of_chunks : 25\n"
        "  functions : [['f', {'a': 1}], 'g']\n}\n"
        "Sentinel_2 :\n{\n  start_date : '20180101'\n}\n"
    )
    assert yaml.safe_load(write_yaml(configuration)) == configuration.plain()


def test_the_block_holds_the_same_as_the_configuration() -> None:
    raw = {
        "chain": {"output_path": "/out", "list_tile": ["T31TCJ"], "spatial_resolution": [10, 20]},
        "Sentinel_2": {"start_date": "20180101"},
        "external_features": {"functions": [["f", {"a": 1}], "g"]},
    }
    block = FeaturesMap.model_validate(raw)
    assert block.raw() == raw
    assert write_cfg(block) == write_cfg(Configuration.model_validate(raw))
    again = FeaturesMap.model_validate(json.loads(block.model_dump_json()))
    assert again.raw() == raw
    assert FeaturesMap.get_block_type_slug() == "features-map"
    assert FeaturesMap.get_description()


def test_every_field_of_the_form_has_a_title_and_a_description() -> None:
    schema = Configuration.model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        if model["title"] == "FunctionCall":
            continue
        for used in model["properties"].values():
            # What a section says of itself is not said again where it is used.
            field = schema["$defs"].get(used.get("$ref", "").split("/")[-1], {}) | used
            assert field["title"]
            assert field["description"].endswith(".")
