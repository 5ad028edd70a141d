from pathlib import Path
from typing import Any

import pytest

from blocks.overrides import apply_overrides
from blocks.resolve import resolve
from sitsflow.errors import ConfigError


def test_values_are_typed_by_their_field(raw: dict[str, Any], folder: Path) -> None:
    overrides = [
        "chain.list_tile=T31TDJ T31TCJ",
        "chain.spatial_resolution=[10, 20]",
        "chain.grid_alignment=False",
        "chain.proj=EPSG:32631",
        "sensors_data_interpolation.auto_date=no",
        "Sentinel_2.start_date=20180101",
        "Sentinel_2.end_date='20181231'",
        "external_features.functions=[[f, {a: 1, b: '2'}], g]",
        "external_features.number_of_chunks=5",
        "external_features.no_data_value=-1e4",
        "task_retry_limits.maximum_ram=2.5",
        "task_retry_limits.maximum_ram=3",
        "chain.l8_path_old=None",
    ]
    before = repr(raw)
    request = resolve(apply_overrides(raw, overrides), folder).request()
    assert repr(raw) == before
    assert request.tiles == ("T31TDJ", "T31TCJ")
    assert request.resolution == (10, 20)
    assert request.grid_alignment is False
    assert request.crs == "EPSG:32631"
    assert [str(request.sensors[0].start), str(request.sensors[0].end)] == [
        "2018-01-01",
        "2018-12-31",
    ]
    assert request.functions[0].kwargs == {"a": 1, "b": "2"}
    assert request.chunking.number == 5
    assert request.no_data_value == -10000
    assert request.maximum_ram == 3


def test_text_that_looks_like_a_number_stays_text(raw: dict[str, Any], folder: Path) -> None:
    for tile in ("20180101", "0123", "1e5", "on"):
        (folder / "s2" / tile).mkdir()
        request = resolve(apply_overrides(raw, [f"chain.list_tile={tile}"]), folder).request()
        assert request.tiles == (tile,)


def test_overrides_may_come_as_a_mapping(raw: dict[str, Any], folder: Path) -> None:
    dotted = {"chain.spatial_resolution": 20, "external_features.functions": [["f", {"a": 1}]]}
    nested = {
        "chain": {"spatial_resolution": 20},
        "external_features": {"functions": [["f", {"a": 1}]]},
    }
    one = resolve(apply_overrides(raw, dotted), folder).request()
    assert one == resolve(apply_overrides(raw, nested), folder).request()
    assert one.resolution == (20, 20)


def test_an_unknown_override_is_a_fault_with_its_place(raw: dict[str, Any], folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"chain\.resolution: no such key"):
        resolve(apply_overrides(raw, ["chain.resolution=20"]), folder)


def test_malformed_overrides_are_reported_at_once(raw: dict[str, Any]) -> None:
    overrides = ["chain", "output_path=/x", "chain.=3", "a.b=[1", "chain.s2_path.deep.er=1"]
    with pytest.raises(ConfigError) as caught:
        apply_overrides(raw, overrides)
    places = {fault.place for fault in caught.value.faults}
    assert places == {f"--set {text}" for text in overrides}
    assert str(caught.value).startswith("5 faults in the command line\n")


def lines_of(raw: dict[str, Any], folder: Path, overrides: Any) -> list[str]:
    """What the error says of `raw` with `overrides`, without the reasons."""
    with pytest.raises(ConfigError) as caught:
        resolve(raw, folder, "map.cfg", overrides)
    lines = str(caught.value).splitlines()
    return [line.partition(": ")[0] if line.startswith(" ") else line for line in lines]


def test_faults_name_the_file_or_the_option_they_are_in(raw: dict[str, Any], folder: Path) -> None:
    raw["chain"] |= {"prj": 1, "spatial_resolution": "fine"}
    overrides = [
        "chain.spatial_resolution=abc",
        "Sentinel2.start_date=20180101",
        "--from=fly",
        "chain",
        "external_features.concat_mode=maybe",
        "external_features.concat_mode=perhaps",
    ]
    assert lines_of(raw, folder, overrides) == [
        "1 fault in map.cfg",
        "  chain.prj",
        "5 faults in the command line",
        "  --set Sentinel2.start_date=20180101",
        "  --from=fly",
        "  --set chain.spatial_resolution=abc",
        "  --set external_features.concat_mode=perhaps",
        "  --set chain",
    ]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["--from=mosaic", "--to=init"], ["1 fault in the command line", "  --to=init"]),
        # What the file says of its last step is sound until the command line changes the first.
        (
            ["--from=mosaic"],
            ["1 fault in map.cfg with the command line", "  chain.last_step"],
        ),
        (
            ["chain.list_tile=T31TGK"],
            ["1 fault in map.cfg with the command line", "  chain.s2_path"],
        ),
        (
            {"chain": {"spatial_resolution": -1}, "chain.proj": "here"},
            ["2 faults in the overrides", "  chain.spatial_resolution", "  chain.proj"],
        ),
    ],
)
def test_a_fault_of_both_together_names_both(
    overrides: Any, expected: list[str], raw: dict[str, Any], folder: Path
) -> None:
    raw["chain"]["last_step"] = "writing"
    assert lines_of(raw, folder, overrides) == expected


def test_an_override_replaces_a_wrong_value_of_the_file(raw: dict[str, Any], folder: Path) -> None:
    raw["chain"]["spatial_resolution"] = "fine"
    assert resolve(raw, folder, "map.cfg", ["chain.spatial_resolution=20"]).request().resolution
    assert resolve(raw, folder, "map.cfg", ["chain.spatial_resolution=20", "--to=writing"])
