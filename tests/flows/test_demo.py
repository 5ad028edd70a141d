"""The demonstration: what `sitsflow demo` simulates and asks for."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from flows.cli.backscatter import ratio, vh, vv
from flows.cli.demo import SENTINEL_1, prepare
from flows.cli.load import load
from sitsflow.errors import OutputError
from sitsflow.planning.planner import make_plan
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


def test_the_demo_of_radar_maps_what_it_simulates(tmp_path: Path) -> None:
    demo = SENTINEL_1._replace(last=date(2018, 2, 6))
    config = prepare(tmp_path, 16, lambda _done, _all: None, demo)
    found = load(str(config))
    assert found.warnings == ()
    plan, tiles = make_plan(found.request())
    assert plan.labels == ("VV (dB)", "VH (dB)", "VH / VV (dB)")
    for tile in tiles.values():
        # In Lambert-93 a tile of 160 m is a little wider.
        assert max(tile.grid.shape) < 20, "the tile is as small as its reference"
        names = [series.sensor.label for series in tile.series]
        assert names == ["Sentinel1DES", "Sentinel1ASC"]
        for series in tile.series:
            assert len(series.days) == 2
            assert {len(one.slices) for one in series.radar.acquisitions} == {2}


def test_functions_of_the_demo_that_were_changed_stay(tmp_path: Path) -> None:
    demo = SENTINEL_1._replace(last=date(2018, 1, 1))
    prepare(tmp_path, 16, lambda _done, _all: None, demo)
    mine = tmp_path / "backscatter.py"
    mine.write_text("# mine\n")
    prepare(tmp_path, 16, lambda _done, _all: None, demo)
    assert mine.read_text() == "# mine\n"
    with pytest.raises(OutputError, match="is another demo's"):
        prepare(tmp_path, 16, lambda _done, _all: None)


def test_the_functions_of_the_demo_average_power() -> None:
    class Seen:
        def __getattr__(self, name: str) -> Callable[[], NDArray[np.float32]]:
            power = {"VV_DES": 0.1, "VV_ASC": 0.3, "VH_DES": 0.01, "VH_ASC": 0.03}[name[-6:]]
            return lambda: np.full((1, 2, 5), power, np.float32)

    for function, expected in ((vv, -6.9897), (vh, -16.9897), (ratio, -10.0)):
        values, labels = function(Seen())
        assert values == pytest.approx(np.full((1, 2), expected), abs=1e-4)
        assert len(labels) == 1
