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


def test_overrides_that_are_none_are_told_at_once(raw: dict[str, Any]) -> None:
    overrides = ["chain", "output_path=/x", "chain.=3", "a.b=[1", "chain.s2_path.deep.er=1"]
    with pytest.raises(ConfigError) as caught:
        apply_overrides(raw, overrides)
    places = {fault.place for fault in caught.value.faults}
    assert places == {"'chain'", "output_path", "chain.", "a.b", "chain.s2_path.deep.er"}
