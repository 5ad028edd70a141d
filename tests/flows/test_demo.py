"""The demonstration: what `sitsflow demo` simulates and asks for."""

from pathlib import Path

import pytest

from flows.cli.demo import prepare
from flows.cli.load import load
from sitsflow.errors import OutputError
from tests.flows.conftest import TUTORIAL


def test_the_demo_asks_for_the_tutorials_map_of_its_own_tiles(tmp_path: Path) -> None:
    config = prepare(tmp_path, 32, lambda _done, _all: None)
    found = load(str(config))
    assert found.warnings == found.notices == ()
    changes = {
        "chain.output_path": tmp_path / "output",
        "chain.list_tile": "T31TCJ T31TDJ",
        "chain.s2_path": tmp_path / "sensor_data_32",
        "external_features.number_of_chunks": 5,
        "task_retry_limits.maximum_ram": 16,
    }
    tutorial = load(str(TUTORIAL), [f"{key}={value}" for key, value in changes.items()])
    assert found.request() == tutorial.request()


def test_an_edited_configuration_is_not_overwritten(tmp_path: Path) -> None:
    config = prepare(tmp_path, 32, lambda _done, _all: None)
    assert prepare(tmp_path, 40, lambda _done, _all: None) == config, "another size is no edit"
    edited = config.read_text() + "# mine\n"
    config.write_text(edited)
    with pytest.raises(OutputError, match="was changed since the demo wrote it"):
        prepare(tmp_path, 32, lambda _done, _all: None)
    assert config.read_text() == edited


def test_products_of_an_earlier_demo_are_taken_as_they_are(tmp_path: Path) -> None:
    prepare(tmp_path, 32, lambda _done, _all: None)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.tif")}
    prepare(tmp_path, 32, lambda _done, _all: None)
    assert before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.tif")} == before
