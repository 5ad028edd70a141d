import subprocess
import sys
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from blocks.chain import Chain
from blocks.checks import PATH_KEYS
from blocks.configuration import Configuration
from blocks.resolve import ResolvedConfig, resolve
from sitsflow.errors import ConfigError
from sitsflow.products.rasters import NAME as RASTERS
from sitsflow.products.rasters import PATH_KEY
from sitsflow.products.sensors.model import load_sensors
from sitsflow.request import Interpolation, Request

Raw = dict[str, Any]


def merged(raw: Raw, changes: Raw) -> Raw:
    """`raw` with the keys of `changes` set; None for a section drops it, `...` drops a key."""
    result = deepcopy(raw)
    for name, section in changes.items():
        if not isinstance(section, dict):
            result[name] = section
            continue
        values = {**result.get(name, {}), **section}
        result[name] = {key: value for key, value in values.items() if value is not ...}
    return result


def faults_of(raw: Raw, folder: Path | None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        resolve(raw, folder, "my.cfg")
    messages: dict[str, str] = {}
    for place, message, _ in caught.value.faults:
        messages[place] = f"{messages[place]}; {message}" if place in messages else message
    return messages


def resolved(raw: Raw, folder: Path, changes: Raw) -> ResolvedConfig:
    return resolve(merged(raw, changes), folder)


BROKEN: dict[str, tuple[Raw, dict[str, str]]] = {
    "a filter that cannot be": (
        {
            "sensors_data_interpolation": {
                "method": "savitzky_golay",
                "savitzky_golay_window": 8,
                "savitzky_golay_degree": 11,
                "whittaker_lambda": 0,
                "median_window": 0,
            }
        },
        {
            "sensors_data_interpolation.savitzky_golay_window": "8 is even",
            "sensors_data_interpolation.savitzky_golay_degree": "less than or equal to 10",
            "sensors_data_interpolation.whittaker_lambda": "0 is neither a number from 0 to 1e12",
            "sensors_data_interpolation.median_window": "greater than or equal to 1",
        },
    ),
    "a polynomial that its window does not decide": (
        {
            "sensors_data_interpolation": {
                "method": "savitzky_golay",
                "savitzky_golay_window": 5,
                "savitzky_golay_degree": 5,
            }
        },
        {
            "sensors_data_interpolation.savitzky_golay_degree": "5 is not less than "
            "savitzky_golay_window, 5"
        },
    ),
    "a filter on dates that are not equally spaced": (
        {
            "chain": {"s2_path": ..., "s2_l3a_path": "s2"},
            "Sentinel_2_L3A": {"interpolated_dates": "input"},
            "sensors_data_interpolation": {"method": "savitzky_golay"},
        },
        {"sensors_data_interpolation.method": "Sentinel_2_L3A.interpolated_dates 'input'"},
    ),
    "a method that is not known": (
        {"sensors_data_interpolation": {"method": "cubic", "whittaker_lambda": "vcurve"}},
        {
            "sensors_data_interpolation.method": "'linear', 'nearest', 'spline'",
            "sensors_data_interpolation.whittaker_lambda": "'vcurve' is neither",
        },
    ),
    "nothing in it": (
        {"chain": None, "external_features": None},
        {"chain.output_path": "mandatory", "chain.list_tile": "mandatory", "chain": "no sensor"},
    ),
    "misspelt names": (
        {"chain": {"lst_tile": "x"}, "Sentinel2": {"start_date": "x"}, "zzz": {}},
        {"chain.lst_tile": "'list_tile'", "Sentinel2": "'Sentinel_2'", "zzz": "no such section"},
    ),
    "names of 2020 beside those of today": (
        {"chain": {"outputPath": "/x"}, "GlobChain": {"proj": "EPSG:2154", "zzz": 1}},
        {"chain.outputPath": "chain.output_path is given too", "GlobChain": "no such section"},
    ),
    "keys in the wrong section": (
        {"chain": {"auto_date": False}, "external_features": {"extractBands": True}},
        {
            "chain.auto_date": "'sensors_data_interpolation'",
            "external_features.extractBands": "'iota2_feature_extraction'",
        },
    ),
    "wrong values everywhere": (
        {
            "chain": {
                "list_tile": "T31TCJ T31TCJ",
                "spatial_resolution": [10, -10],
                "proj": "2154",
                "first_step": "begin",
                "minimum_required_dates": 0,
                "resampling": "cubic",
            },
            "sensors_data_interpolation": {"use_gapfilling": "perhaps"},
            "external_features": {"number_of_chunks": 0, "no_data_value": "none at all"},
            "task_retry_limits": {"maximum_ram": "a lot", "allowed_retry": -1},
            "python_data_managing": {"padding_size_x": -1},
        },
        {
            "chain.list_tile": "twice: T31TCJ",
            "chain.spatial_resolution": "[10, -10]",
            "chain.proj": "'2154'",
            "chain.first_step": "'begin'",
            "chain.minimum_required_dates": "given: 0",
            "chain.resampling": "'cubic'",
            "sensors_data_interpolation.use_gapfilling": "'perhaps'",
            "external_features.number_of_chunks": "given: 0",
            "external_features.no_data_value": "'none at all'",
            "task_retry_limits.maximum_ram": "'a lot'",
            "task_retry_limits.allowed_retry": "given: -1",
            "python_data_managing.padding_size_x": "given: -1",
        },
    ),
    "systems that do not exist": (
        {"chain": {"proj": "EPSG:99999"}},
        {"chain.proj": "no such coordinate reference system (given: 'EPSG:99999')"},
    ),
    "a number for a system": (
        {"chain": {"proj": 2154}},
        {"chain.proj": "not of the form EPSG:n, e.g. 'EPSG:2154' (given: 2154)"},
    ),
    "a meridian for a system": (
        {"chain": {"proj": "EPSG:8901"}},
        {"chain.proj": "given: 'EPSG:8901'"},
    ),
    "heights for a system": (
        {"chain": {"proj": "EPSG:5773"}},
        {"chain.proj": "not a system of map coordinates"},
    ),
    "metres in degrees": (
        {"chain": {"proj": "EPSG:4326", "spatial_resolution": 10}},
        {"chain.spatial_resolution": "degrees"},
    ),
    "dates that are none": (
        {
            "sensors_data_interpolation": {"auto_date": False},
            "Sentinel_2": {"start_date": "20180230", "end_date": "2018"},
        },
        {"Sentinel_2.start_date": "'20180230'", "Sentinel_2.end_date": "'2018'"},
    ),
    "no dates": (
        {"sensors_data_interpolation": {"auto_date": False}, "chain": {"l8_path_old": "l8"}},
        {
            f"{sensor}.{key}": "mandatory where"
            for sensor in ("Sentinel_2", "Landsat8_old")
            for key in ("start_date", "end_date")
        },
    ),
    "dates the wrong way round": (
        {
            "sensors_data_interpolation": {"auto_date": False},
            "Sentinel_2": {"start_date": "20181231", "end_date": "20180101"},
        },
        {"Sentinel_2.end_date": "20180101 is before start_date 20181231"},
    ),
    "steps the wrong way round": (
        {"chain": {"first_step": "mosaic", "last_step": "init"}},
        {"chain.last_step": "'init' comes before first_step 'mosaic'"},
    ),
    "nothing is there": (
        {
            "chain": {
                "s2_path": "nowhere",
                "l8_path_old": "l8",
                "list_tile": "T31TCJ T99XXX",
                "area_of_interest": "no.shp",
                "sensor_folders": ["none"],
            },
            "external_features": {"module": "no.py", "exogeneous_data": "exo_$TILE.tif"},
        },
        {
            "chain.s2_path": "nowhere",
            "chain.l8_path_old": "'T99XXX'; it has T31TCJ, T31TDJ",
            "chain.area_of_interest": "no.shp",
            "chain.sensor_folders": "none",
            "external_features.module": "no.py",
            "external_features.exogeneous_data": "exo_T99XXX.tif",
        },
    ),
    "not supported yet": (
        {
            "coregistration": {"vhr_path": "/x/vhr.tif", "band_ref": 1},
        },
        {
            "coregistration.vhr_path": "not supported yet",
        },
    ),
    "another builder": (
        {"builders": {"builders_class_name": ["i2_classification"]}},
        {"builders.builders_class_name": "'i2_classification'"},
    ),
    "two builders": (
        {"builders": {"builders_class_name": ["i2_features_map", "i2_vectorization"]}},
        {"builders.builders_class_name": "'i2_vectorization'"},
    ),
    "bands that are none, of a sensor that needs others": (
        {
            "iota2_feature_extraction": {"extract_bands": True},
            "chain": {"l8_path_old": "l8"},
            "Sentinel_2": {"keep_bands": ["B2", "B9"]},
            "Landsat8_old": {"keep_bands": "B4 B7"},
        },
        {
            "Sentinel_2.keep_bands": "no band 'B9'",
            "Landsat8_old.keep_bands": "lacks 'B5', 'B6'",
        },
    ),
    "expressions": (
        {
            "sensors_data_interpolation": {
                "use_additional_features": True,
                "spectral_indices": "EVI ndvi",
            },
            "chain": {"l8_path_old": "l8"},
            "Sentinel_2": {"additional_features": "b1/b11"},
            "Landsat8_old": {"additional_features": "max(b1,b2), __import__('os')"},
        },
        {
            "Sentinel_2.additional_features": "b11",
            "Landsat8_old.additional_features": "__import__",
            "sensors_data_interpolation.spectral_indices": "'NDVI'",
        },
    ),
    "a map without bands": (
        {"external_features": {"functions": "", "concat_mode": False}},
        {"external_features.functions": "no band"},
    ),
    "functions that cannot be": (
        {"external_features": {"functions": [["f", 3]]}},
        {"external_features.functions": "[['f', 3]]"},
    ),
    "inputs where outputs go": (
        {"chain": {"output_path": "."}},
        {"chain.s2_path": "output_path"},
    ),
    "a file where outputs go": (
        {"chain": {"output_path": "mine.py/out"}},
        {"chain.output_path": "mine.py"},
    ),
    "a tile that leads away": (
        {"chain": {"list_tile": ["../s2"]}},
        {"chain.list_tile": "not a tile's name: '../s2'"},
    ),
    "no tile": (
        {"chain": {"list_tile": ""}},
        {"chain.list_tile": "names none; give at least 1 (given: '')"},
    ),
    "sections that are none": (
        {"chain": 3, "external_features": ["get_ndvi"]},
        {
            "chain": "not a section but 3",
            "chain.output_path": "mandatory",
            "chain.list_tile": "mandatory",
            "external_features": "not a section",
        },
    ),
    "sensors that nobody describes": (
        {
            "chain": {"other_sensor_paths": {"Venus": "venus", "Sentinel_2": "s2"}},
            "other_sensors": {"Mars": {}},
        },
        {"chain.other_sensor_paths": "chain.s2_path", "other_sensors.Mars": "no sensor"},
    ),
    "sections of a user's sensor": (
        {"chain": {"sensor_folders": "sensors"}, "Venus": {"start_date": "x", "color": 1}},
        {"Venus.start_date": "'x'", "Venus.color": "no such key"},
    ),
    "a wrong sensor file": (
        {"chain": {"sensor_folders": "wrong"}},
        {"chain.sensor_folders": "bad.yaml"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_fault_is_told_at_once(name: str, raw: Raw, folder: Path) -> None:
    (folder / "wrong").mkdir()
    (folder / "wrong" / "bad.yaml").write_text("name: Bad\n")
    before = sorted(folder.rglob("*"))
    changes, expected = BROKEN[name]
    messages = faults_of(merged(raw, changes), folder)
    assert messages.keys() == expected.keys()
    for place, words in expected.items():
        assert words in messages[place]
    assert sorted(folder.rglob("*")) == before


def test_relative_paths_need_a_folder(raw: Raw) -> None:
    places = faults_of(raw, None)
    assert places.keys() == {"chain.output_path", "chain.s2_path"}
    assert "relative" in places["chain.s2_path"]


def test_paths_are_expanded(raw: Raw, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("DATA", str(folder))
    monkeypatch.setenv("TILE", "never")
    changes = {
        "chain": {"output_path": "~/out", "s2_path": "$DATA/s2"},
        "external_features": {"exogeneous_data": "exo_$TILE.tif"},
    }
    request = resolved(raw, folder, changes).request()
    assert request.output_path == folder / "out"
    assert request.sensors[0].root == folder / "s2"
    assert request.exogenous == folder / "exo_$TILE.tif"


@pytest.mark.parametrize("key", PATH_KEYS)
def test_each_known_sensor_can_be_used(key: str, raw: Raw, folder: Path) -> None:
    keys = {sensor.path_key: name for name, sensor in load_sensors().items()}
    keys |= {PATH_KEY: RASTERS, "s1_path": "Sentinel_1"}
    changes = {"chain": {key: "s2"}, "Sentinel_1": {"constant_height": 0}}
    sensors = resolved(raw, folder, changes).request().sensors
    assert keys[key] in [one.sensor for one in sensors]


def test_rasters_without_dates_stand_last(raw: Raw, folder: Path) -> None:
    changes = {"chain": {"user_feat_path": "s2"}, "userFeat": {"patterns": " ALT, SLP.tif"}}
    found = resolved(raw, folder, changes)
    rasters = found.request().sensors[-1]
    assert (rasters.sensor, rasters.patterns) == ("userFeat", ("ALT", "SLP.tif"))
    assert not any("userFeat" in notice for notice in found.notices)
    alone = {"chain": {"s2_path": None, "user_feat_path": "s2"}}
    assert (
        "need a sensor with dates" in faults_of(merged(raw, alone), folder)["chain.user_feat_path"]
    )
    changes["userFeat"]["patterns"] = "ALT,,ALT"
    assert "an empty pattern" in faults_of(merged(raw, changes), folder)["userFeat.patterns"]


def test_sensors_keep_iota2s_order_and_defaults(raw: Raw, folder: Path) -> None:
    request = resolved(raw, folder, {"chain": {"l8_path_old": "l8"}}).request()
    assert [(one.sensor, one.temporal_resolution) for one in request.sensors] == [
        ("Landsat8_old", 16),
        ("Sentinel_2", 10),
    ]
    for name, sensor in load_sensors().items():
        if name in Configuration.model_fields:
            field = type(Configuration.model_fields[name].default).model_fields
            assert field["temporal_resolution"].default == sensor.temporal_resolution
            assert sensor.path_key in Chain.model_fields


def test_bands_of_sen2cor_have_the_names_of_theia_too(raw: Raw, folder: Path) -> None:
    changes = {
        "chain": {"s2_s2c_path": "s2", "s2_path": ...},
        "Sentinel_2_S2C": {"keep_bands": ["B11", "B2", "B04", "B8"]},
        "iota2_feature_extraction": {"extract_bands": True},
    }
    (sensor,) = resolved(raw, folder, changes).request().sensors
    assert sensor.keep_bands == ("B02", "B04", "B08", "B11")


def test_syntheses_may_keep_their_own_dates(raw: Raw, folder: Path) -> None:
    changes: Raw = {
        "chain": {"s2_l3a_path": "s2", "s2_path": ...},
        "Sentinel_2_L3A": {"interpolated_dates": "input"},
        "sensors_data_interpolation": {"auto_date": False},
    }
    found = resolved(raw, folder, changes)
    assert found.warnings == ()
    (sensor,) = found.request().sensors
    assert sensor.interpolated_dates == "input"
    changes["Sentinel_2_L3A"] |= {"start_date": "20180101", "temporal_resolution": 5}
    changes["sensors_data_interpolation"] = {"use_gapfilling": False}
    warned = [text.split(" is ")[0] for text in resolved(raw, folder, changes).warnings]
    keys = ("start_date", "temporal_resolution", "interpolated_dates")
    assert warned == [f"Sentinel_2_L3A.{key}" for key in keys]


def test_a_users_sensor_has_a_path_and_a_section_of_its_own(raw: Raw, folder: Path) -> None:
    changes = {
        "chain": {"sensor_folders": "sensors", "venus_path": "venus", "s2_path": "None"},
        "sensors_data_interpolation": {"auto_date": False},
        "Venus": {"start_date": "20200101", "end_date": "20200201"},
    }
    request = resolved(raw, folder, changes).request()
    (sensor,) = request.sensors
    assert (sensor.sensor, sensor.root, sensor.temporal_resolution) == (
        "Venus",
        folder / "venus",
        2,
    )
    assert sensor.start == date(2020, 1, 1)
    explicit = merged(raw, changes)
    del explicit["chain"]["venus_path"]
    explicit["chain"]["other_sensor_paths"] = {"Venus": "venus"}
    explicit["other_sensors"] = {"Venus": explicit.pop("Venus")}
    assert resolve(explicit, folder).request() == request


@pytest.mark.parametrize(
    ("external", "managing", "chunking"),
    [
        ({}, {}, {}),
        ({"number_of_chunks": 7}, {}, {"mode": "split_number", "number": 7}),
        ({"chunk_size_x": 64}, {}, {"mode": "user_fixed", "size_x": 64}),
        ({}, {"chunk_size_mode": "split_number"}, {"mode": "split_number"}),
        (
            {"number_of_chunks": 7},
            {"chunk_size_mode": "user_fixed", "chunk_size_y": 8},
            {"mode": "user_fixed", "size_y": 8},
        ),
        ({"number_of_chunks": 7}, {"number_of_chunks": 9}, {"mode": "split_number", "number": 9}),
        ({"number_of_chunks": 7, "chunk_size_mode": "auto"}, {}, {}),
    ],
)
def test_chunks_follow_the_keys_that_are_given(
    external: Raw, managing: Raw, chunking: Raw, raw: Raw, folder: Path
) -> None:
    changes = {"external_features": external, "python_data_managing": managing}
    found = resolved(raw, folder, changes).request().chunking
    assert found.model_dump(exclude_defaults=True) == chunking


@pytest.mark.parametrize(
    "functions",
    ["f g", ["f", "g"], [["f"], ["g", {}]], [{"name": "f"}, "g"]],
)
def test_functions_may_be_named_in_any_form(functions: Any, raw: Raw, folder: Path) -> None:
    request = resolved(raw, folder, {"external_features": {"functions": functions}}).request()
    assert [(call.name, dict(call.kwargs)) for call in request.functions] == [("f", {}), ("g", {})]


def test_functions_have_arguments(raw: Raw, folder: Path) -> None:
    functions = [["f", {"a": 1, "b": [0.5, "x"]}], "g"]
    request = resolved(raw, folder, {"external_features": {"functions": functions}}).request()
    assert request.functions[0].kwargs == {"a": 1, "b": [0.5, "x"]}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, Interpolation()),
        ({"method": "nearest", "whittaker_lambda": 5}, Interpolation(method="nearest")),
        (
            {"method": "whittaker", "whittaker_lambda": "250", "median_window": 3},
            Interpolation(method="whittaker", whittaker_lambda=250.0),
        ),
        (
            {"method": "whittaker", "whittaker_lambda": "v-curve"},
            Interpolation(method="whittaker", whittaker_lambda="v-curve"),
        ),
        (
            {"method": "savitzky_golay", "savitzky_golay_window": "9", "savitzky_golay_degree": 3},
            Interpolation(
                method="savitzky_golay", savitzky_golay_window=9, savitzky_golay_degree=3
            ),
        ),
        (
            {"method": "median", "median_window": 30},
            Interpolation(method="median", median_window=30),
        ),
    ],
)
def test_only_the_keys_of_the_method_count(
    keys: Raw, expected: Interpolation, raw: Raw, folder: Path
) -> None:
    found = resolved(raw, folder, {"sensors_data_interpolation": keys}).request()
    assert found.interpolation == expected
    assert Request.model_validate_json(found.model_dump_json()) == found


def test_time_limits_of_functions(raw: Raw, folder: Path) -> None:
    limits = {"probe_seconds": 5, "timeout": 0.5}
    request = resolved(raw, folder, {"external_features": limits}).request()
    assert (request.probe_seconds, request.timeout) == (5, 0.5)
    request = resolved(raw, folder, {}).request()
    assert (request.probe_seconds, request.timeout) == (60, None)
    for key in limits:
        for value in (0, -1, float("inf"), float("nan"), 1e9):
            changed = merged(raw, {"external_features": {key: value}})
            assert f"external_features.{key}" in faults_of(changed, folder)


def test_files_read_at_once(raw: Raw, folder: Path) -> None:
    request = resolved(raw, folder, {"chain": {"concurrent_reads": 8}}).request()
    assert request.concurrent_reads == 8
    assert resolved(raw, folder, {}).request().concurrent_reads == 1
    for value in (0, -1, 65, 1.5, "many"):
        changed = merged(raw, {"chain": {"concurrent_reads": value}})
        assert "chain.concurrent_reads" in faults_of(changed, folder)


def test_what_another_key_switches_off_does_not_reach_the_request(raw: Raw, folder: Path) -> None:
    section = {
        "start_date": "20180101",
        "end_date": "20181231",
        "keep_bands": ["B12", "B4", "B8", "B11"],
        "additional_features": "b1/b2, max(b3, b4)",
    }
    off = resolved(raw, folder, {"Sentinel_2": section})
    plain = resolve(raw, folder)
    assert off.request() == plain.request()
    assert [text.split(" is ")[0] for text in off.warnings] == [
        f"Sentinel_2.{key}" for key in section
    ]
    changes = {
        "Sentinel_2": section,
        "sensors_data_interpolation": {"auto_date": False, "use_additional_features": True},
        "iota2_feature_extraction": {"extract_bands": True},
    }
    on = resolved(raw, folder, changes)
    assert on.warnings == ()
    (sensor,) = on.request().sensors
    assert (sensor.start, sensor.end) == (date(2018, 1, 1), date(2018, 12, 31))
    assert sensor.keep_bands == ("B4", "B8", "B11", "B12")
    assert sensor.additional_features == ("b1/b2", "max(b3, b4)")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"external_features": {"number_of_chunks": 5, "chunk_size_x": 9}}, "chunk_size_x is"),
        (
            {
                "external_features": {"number_of_chunks": 5},
                "python_data_managing": {"number_of_chunks": 5},
            },
            "external_features.number_of_chunks is ignored",
        ),
        ({"sensors_data_interpolation": {"features": ["NDVI"]}}, "come together"),
        (
            {"sensors_data_interpolation": {"features": []}, "arg_train": {"features": []}},
            "sensors_data_interpolation.features is ignored",
        ),
        ({"iota2_feature_extraction": {"keep_duplicates": False}}, "rel_refl is False"),
        (
            {
                "iota2_feature_extraction": {"copy_input": False},
                "external_features": {"concat_mode": False},
            },
            "copy_input is ignored",
        ),
        (
            {
                "iota2_feature_extraction": {"copy_input": False},
                "arg_train": {"features": []},
                "external_features": {"concat_mode": True},
            },
            "copy_input is ignored: features is []",
        ),
        ({"sensors_data_interpolation": {"use_additional_features": True}}, "changes nothing"),
        ({"Landsat8_old": {"temporal_resolution": 8}}, "chain.l8_path_old is not set"),
        (
            {"sensors_data_interpolation": {"median_window": 30}},
            "median_window is ignored: it is for the method 'median', and "
            "sensors_data_interpolation.method is 'linear'",
        ),
        (
            {"sensors_data_interpolation": {"method": "spline", "use_gapfilling": False}},
            "sensors_data_interpolation.method is ignored: ",
        ),
        ({"userFeat": {"patterns": "ALT"}}, "section userFeat is ignored"),
        ({"external_features": {"functions": "", "module": "mine.py"}}, "module is ignored"),
    ],
)
def test_what_is_ignored_is_a_warning(changes: Raw, words: str, raw: Raw, folder: Path) -> None:
    (warning,) = resolved(raw, folder, changes).warnings
    assert words in warning


def test_names_of_2020_are_read_with_a_notice(raw: Raw, folder: Path) -> None:
    old = {name: dict(section) for name, section in raw.items()}
    chain = old["chain"]
    chain["outputPath"], chain["listTile"] = chain.pop("output_path"), chain.pop("list_tile")
    chain["S2Path"], chain["runs"], chain["logConsole"] = chain.pop("s2_path"), 3, True
    chain["remove_tmp_files"], chain["random_seed"] = True, None
    old["GlobChain"] = {"proj": "EPSG:2154", "useGapFilling": False, "features": []}
    old["iota2FeatureExtraction"] = {"copyinput": True, "extractBands": True}
    old.setdefault("Sentinel_2", {})["keepBands"] = ["B4", "B8"]
    new = merged(raw, {
        "chain": {"proj": "EPSG:2154"},
        "sensors_data_interpolation": {"use_gapfilling": False},
        "arg_train": {"features": []},
        "iota2_feature_extraction": {"extract_bands": True},
        "Sentinel_2": {"keep_bands": ["B4", "B8"]},
    })  # fmt: skip
    found = resolve(old, folder)
    assert found.request() == resolve(new, folder).request()
    text = "\n".join(found.notices)
    for words in (
        "chain.outputPath is iota2's of 2020: it is chain.output_path today",
        "GlobChain.useGapFilling is iota2's of 2020: it is sensors_data_interpolation.use_gap",
        "GlobChain.features is iota2's of 2020: it is arg_train.features today",
        "chain.runs is iota2's of 2020: it has no effect: features maps learn nothing",
        "chain.logConsole is iota2's of 2020: it has no effect",
        "chain.remove_tmp_files is",
        "chain.random_seed is",
    ):
        assert words in text


def test_what_has_no_effect_is_a_notice(raw: Raw, folder: Path) -> None:
    changes = {
        "chain": {"ground_truth": "/x.shp", "data_field": "code", "cloud_threshold": 3},
        "arg_train": {"runs": 1, "features": ["NDVI", "NDWI", "Brightness"]},
        "arg_classification": {"classif_mode": "separate"},
        "coregistration": {"vhr_path": "None"},
        "iota2_feature_extraction": {"acor_feat": False},
        "Sentinel_2": {"write_reproject_resampled_input_dates_stack": False},
        "python_data_managing": {"data_mode_access": "both"},
    }
    found = resolved(raw, folder, changes)
    assert found.request() == resolve(raw, folder).request()
    assert found.warnings == ()
    first, *rest = found.notices
    for name in ("chain.ground_truth", "chain.data_field", "arg_train.runs", "arg_classification"):
        assert name in first
    assert [text.split(" has ")[0] for text in rest] == [
        "chain.cloud_threshold",
        "python_data_managing.data_mode_access",
        "Sentinel_2.write_reproject_resampled_input_dates_stack",
    ]


def test_iota2s_defaults_draw_neither_warning_nor_notice(raw: Raw, folder: Path) -> None:
    changes = {
        "chain": {"check_inputs": True, "s2_output_path": None, "l8_path": "None", "proj": ""},
        "Sentinel_2": {"start_date": "", "end_date": "", "temporal_resolution": 10},
        "external_features": {"exogeneous_data": None, "module": "none"},
        "task_retry_limits": None,
    }
    found = resolved(raw, folder, changes)
    assert found.warnings == found.notices == ()
    assert found.request() == resolve(raw, folder).request()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (10, (10, 10)),
        ("20", (20, 20)),
        ([10, 20.5], (10, 20.5)),
        ("10 20", (10, 20)),
        ([], None),
        ([30], (30, 30)),
    ],
)
def test_pixel_sizes(given: Any, expected: Any, raw: Raw, folder: Path) -> None:
    request = resolved(raw, folder, {"chain": {"spatial_resolution": given}}).request()
    assert request.resolution == expected


@pytest.mark.parametrize(("features", "indices"), [([], False), ("NDVI NDWI Brightness", True)])
def test_indices_in_either_place(features: Any, indices: bool, raw: Raw, folder: Path) -> None:
    for section in ("arg_train", "sensors_data_interpolation"):
        request = resolved(raw, folder, {section: {"features": features}}).request()
        assert request.indices is indices


def test_a_check_does_not_import_the_engine() -> None:
    code = "import sys, blocks.files, blocks.resolve, blocks.overrides, blocks.reference; "
    code += "sys.exit(int(bool({'prefect', 'dask'} & set(sys.modules))))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "path", ["/vsicurl/https://example.org/a.tif", "/vsis3/bucket/a.tif", "https://example.org/a"]
)
def test_addresses_are_no_paths(path):
    from blocks.chain import Chain

    with pytest.raises(ValueError, match="not a path of a file but an address"):
        Chain(output_path="/out", list_tile="T31TCJ", area_of_interest=path)
    with pytest.raises(ValueError, match=r"output_path[\s\S]*an address that GDAL would open"):
        Chain(output_path=path, list_tile="T31TCJ")
