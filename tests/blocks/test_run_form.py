"""The form of a run: what its fields set, and how their faults are told."""

from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from blocks.configuration import Configuration
from blocks.features_map import FeaturesMap
from blocks.resolve import ResolvedConfig, resolve
from blocks.run_form import RunForm
from sitsflow.errors import ConfigError


def resolved(raw: dict[str, Any], folder: Path, **fields: Any) -> ResolvedConfig:
    form = RunForm(None, **fields)
    return resolve(raw, folder, "demo", form.changes(raw))


def told(raw: dict[str, Any], folder: Path, **fields: Any) -> list[str]:
    """What the error says, without the reasons."""
    with pytest.raises(ConfigError) as caught:
        resolved(raw, folder, **fields)
    lines = str(caught.value).splitlines()
    return [line.partition(": ")[0] if line.startswith(" ") else line for line in lines]


def test_what_is_left_empty_stays_as_configured(raw: dict[str, Any], folder: Path) -> None:
    assert RunForm(None).changes(raw) == []
    empty = {"tiles": " ", "first_date": "", "resolution": None, "functions": "", "overrides": {}}
    request = resolved(raw, folder, **empty).request()
    assert request == resolve(raw, folder).request()


def test_each_field_sets_its_key(raw: dict[str, Any], folder: Path) -> None:
    (folder / "area.shp").touch()
    configuration = resolved(
        raw,
        folder,
        tiles="T31TCJ",
        resolution=20.0,
        area_of_interest=str(folder / "area.shp"),
        functions="get_soi",
        output_path=str(folder / "other"),
        overrides={"chain": {"proj": "EPSG:32631"}, "external_features.concat_mode": False},
    ).configuration
    chain, external = configuration.chain, configuration.external_features
    assert chain.list_tile == ("T31TCJ",)
    assert chain.spatial_resolution == (20, 20)
    assert chain.area_of_interest == folder / "area.shp"
    assert chain.output_path == folder / "other"
    assert chain.proj == "EPSG:32631"
    assert [call.name for call in external.functions] == ["get_soi"]
    assert not external.concat_mode


def test_dates_are_those_of_every_sensor_in_use(raw: dict[str, Any], folder: Path) -> None:
    # As saved configurations have them: paths are whole, sections in one place.
    chain = {"sensor_folders": str(folder / "sensors"), "other_sensor_paths": {"Venus": "venus"}}
    raw["chain"] |= chain
    raw["other_sensors"] = {"Venus": {"temporal_resolution": 5}}
    days = {"first_date": "2018-02-01", "last_date": "20180630"}
    keys = {"chain.l8_path_old": str(folder / "l8"), "Venus.keep_bands": "B7"}
    configuration = resolved(raw, folder, **days, overrides=keys).configuration
    assert not configuration.sensors_data_interpolation.auto_date
    venus = configuration.other_sensors["Venus"]
    for section in (configuration.Sentinel_2, configuration.Landsat8_old, venus):
        assert (section.start_date, section.end_date) == (date(2018, 2, 1), date(2018, 6, 30))
    assert (venus.temporal_resolution, venus.keep_bands) == (5, ("B7",)), "what else is set stays"
    assert configuration.Sentinel_2_S2C.start_date is None, "it is not in use"


def test_overrides_win_over_the_other_fields(raw: dict[str, Any], folder: Path) -> None:
    raw["chain"]["proj"] = "EPSG:2154"
    keys = {"chain.spatial_resolution": 30, "Sentinel_2": {"end_date": "20180531"}}
    days = {"first_date": "2018-02-01", "last_date": "20180630"}
    configuration = resolved(raw, folder, resolution=20, **days, overrides=keys).configuration
    assert configuration.chain.spatial_resolution == (30, 30)
    assert configuration.Sentinel_2.end_date == date(2018, 5, 31)
    assert configuration.Sentinel_2.start_date == date(2018, 2, 1)


def test_all_faults_are_told_at_once_by_the_fields_they_are_in(
    raw: dict[str, Any], folder: Path
) -> None:
    raw["chain"]["prj"] = "EPSG:2154"
    assert told(
        raw,
        folder,
        tiles="T31TCJ!",
        first_date="2018-02-31",
        last_date="20180630",
        resolution="coarse",
        overrides={"chain.proj": "Lambert", "chain": {"spatial_res": 20}, "spatial_resolution": 3},
    ) == [
        "1 fault in demo",
        "  chain.prj",
        "6 faults in the parameters of the run",
        "  chain.spatial_res",
        "  tiles",
        "  resolution",
        "  chain.proj",
        "  first_date",
        "  spatial_resolution",
    ]


def test_a_first_date_alone_needs_a_last_date(raw: dict[str, Any], folder: Path) -> None:
    raw["sensors_data_interpolation"] = {"auto_date": True}
    raw.pop("Sentinel_2", None)
    assert told(raw, folder, first_date="20180101") == [
        "1 fault in demo with the parameters of the run",
        "  Sentinel_2.end_date",
    ]


def test_overrides_that_are_no_object_are_a_fault(raw: dict[str, Any], folder: Path) -> None:
    assert told(raw, folder, overrides="chain.proj=EPSG:2154")[1:] == ["  overrides"]


def test_a_block_as_default_of_a_deployment_passes_the_bare_schema() -> None:
    schema = FeaturesMap.model_json_schema()
    schema.pop("required")  # as the server does
    jsonschema.validate({"$ref": {"block_document_slug": "features-map/demo"}}, schema)
    assert schema["block_type_slug"] == "features-map"
    assert set(schema["properties"]) == set(Configuration.model_fields)
    with pytest.raises(ValueError, match="chains"):
        FeaturesMap(chain={"output_path": "/out", "list_tile": "T"}, chains={})  # type: ignore[call-arg]
