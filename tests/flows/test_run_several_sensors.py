"""Three sensors in one run of the command, on a real Prefect server and a real Dask cluster."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitsflow.geo.grid import Grid
from sitsflow.io.paths import OutputPaths
from tests.flows.conftest import Sitsflow
from tests.several_sensors import (
    FIRST,
    LAST,
    MODULE,
    NODATA,
    PARTS,
    TILE,
    expected_map,
    make_products,
)

pytestmark = [pytest.mark.engine, pytest.mark.slow]

KEYS = {"Landsat8_old": "l8_path_old", "Landsat8_usgs": "l8_usgs_path", "Sentinel_2": "s2_path"}
DAYS = f"start_date: '{FIRST:%Y%m%d}', end_date: '{LAST:%Y%m%d}'"


def test_the_map_of_three_sensors(
    sitsflow: Sitsflow, engine: dict[str, str], tmp_path: Path
) -> None:
    roots = make_products(tmp_path / "products")
    (tmp_path / "mine.py").write_text(MODULE)
    paths = "".join(f"  {KEYS[sensor]}: {root}\n" for sensor, root in roots.items())
    sections = "".join(
        f"{sensor}: {{{DAYS}, temporal_resolution: {part.step}}}\n"
        for sensor, part in PARTS.items()
    )
    config = tmp_path / "several.yaml"
    config.write_text(
        f"chain:\n  output_path: out\n  list_tile: [{TILE}]\n{paths}"
        "  proj: EPSG:2154\n  spatial_resolution: 15\n  resampling: nearest\n"
        f"sensors_data_interpolation: {{auto_date: False}}\n{sections}"
        "external_features: {module: mine.py, functions: all_ndvi, concat_mode: False}\n"
        "python_data_managing: {chunk_size_mode: split_number, number_of_chunks: 2}\n"
    )
    ran = sitsflow("run", config, env=engine)
    assert ran.returncode == 0, ran.stderr
    with rasterio.open(OutputPaths(tmp_path / "out").map) as file:
        assert file.descriptions == ("l8_old", "l8_usgs", "s2", "total")
        grid = Grid.from_affine(file.crs, file.transform, file.height, file.width)
        values = file.read()
    expected = expected_map(roots, grid)[-4:]
    np.testing.assert_array_equal(values == NODATA, expected == NODATA)
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=0.05)
    assert (values != NODATA).any()
