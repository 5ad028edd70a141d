"""Two tiles of every sensor through the command, a Prefect server and a Dask cluster.

That the science makes the right map of each sensor is compared with slow references elsewhere
(`tests/sitsflow/steps/test_landsat.py`, `tests/sitsflow/products/test_sentinel2_formats.py`);
here its map must be what comes out of a run.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

from blocks.files import read_config
from blocks.resolve import resolve
from sitsflow.geo.grid import Grid
from sitsflow.io.paths import OutputPaths
from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors.model import load_sensors
from sitsflow.simulate import simulate
from tests.flows.conftest import Sitsflow
from tests.requests import DHI, tile_values

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TILES = {
    "old": ("D0005H0002", "D0005H0003"),
    "usgs": ("tile199029", "tile199030"),
    "": ("T31TCJ", "T31TDJ"),
}


def tiles_of(sensor: str) -> tuple[str, ...]:
    return next(tiles for part, tiles in TILES.items() if part in sensor)


def written(folder: Path, sensor: str) -> Path:
    """Simulate a sensor's products, and write the configuration of a run over them."""
    about, tiles = load_sensors()[sensor], tiles_of(sensor)
    every = 30 if sensor == "Sentinel_2_L3A" else 24
    simulate(folder / "in", sensor, tiles, date(2018, 4, 1), date(2018, 7, 6), every, 16, seed=12)
    has_ndvi = about.band_of("red") and about.band_of("nir")
    functions = f"external_features: {{functions: {' '.join(DHI)}}}\n" if has_ndvi else ""
    features = "" if has_ndvi else "arg_train: {features: []}\n"
    path = folder / "map.yaml"
    path.write_text(
        f"chain: {{output_path: out, list_tile: {' '.join(tiles)}, {about.path_key}: in}}\n"
        f"{functions}{features}"
        "python_data_managing: {chunk_size_mode: split_number, number_of_chunks: 2}\n"
    )
    return path


@pytest.mark.parametrize("sensor", load_sensors())
def test_a_run_makes_the_map_of_each_sensor(
    sitsflow: Sitsflow, engine: dict[str, str], tmp_path: Path, sensor: str
) -> None:
    config = written(tmp_path, sensor)
    modes = (True, False) if "external_features" in config.read_text() else (True,)
    for concat_mode in modes:
        change = f"external_features.concat_mode={concat_mode}"
        ran = sitsflow("run", config, "--set", change, env=engine)
        assert ran.returncode == 0, ran.stderr
        request = resolve(read_config(config), tmp_path, overrides=[change]).request()
        paths = OutputPaths(tmp_path / "out")
        plan, tiles = make_plan(request)
        for tile, tile_plan in tiles.items():
            expected = tile_values(plan, tile_plan)
            found = _part(paths.tile_map(tile), tile_plan.grid)
            np.testing.assert_array_equal(found, expected)
            assert (found != -10000).any()
        # Where tiles overlap the first has its way.
        first = plan.tile_names[0]
        expected = tile_values(plan, tiles[first])
        there = expected != -10000
        np.testing.assert_array_equal(_part(paths.map, tiles[first].grid)[there], expected[there])


def _part(path: Path, grid: Grid) -> np.ndarray:
    """Read what a map has on a grid within it."""
    with rasterio.open(path) as file:
        window = file.window(*grid.bounds).round_offsets().round_lengths()
        return file.read(window=window)
