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


WITH_RASTERS = """
def season_and_relief(self):
    import numpy as np

    s2 = self.get_interpolated_Sentinel2_NDVI().mean(axis=2)
    l8 = self.get_interpolated_Landsat8Old_NDVI().mean(axis=2)
    relief = self.get_interpolated_userFeatures_ALT()[:, :, 0]
    return np.dstack([s2, l8, relief]), ["s2", "l8", "relief"]
"""


def test_sentinel2_with_landsat_and_rasters_of_ones_own(
    sitsflow: Sitsflow, engine: dict[str, str], tmp_path: Path
) -> None:
    roots = make_products(tmp_path / "products")
    sample = next(roots["Sentinel_2"].rglob("*_FRE_B4.tif"))
    with rasterio.open(sample) as file:
        profile = {**file.profile, "dtype": "float32", "nodata": -1.0}
        heights = np.arange(file.height * file.width, dtype=np.float32).reshape(1, *file.shape)
    heights[0, 3, 4:9] = -1
    (tmp_path / "own" / TILE).mkdir(parents=True)
    with rasterio.open(tmp_path / "own" / TILE / f"ALT_{TILE}.tif", "w", **profile) as file:
        file.write(heights)
    (tmp_path / "mine.py").write_text(WITH_RASTERS)
    used = {name: PARTS[name] for name in ("Landsat8_old", "Sentinel_2")}
    sections = "".join(
        f"{sensor}: {{{DAYS}, temporal_resolution: {part.step}}}\n" for sensor, part in used.items()
    )
    config = tmp_path / "several.yaml"
    config.write_text(
        f"chain:\n  output_path: out\n  list_tile: [{TILE}]\n  s2_path: {roots['Sentinel_2']}\n"
        f"  l8_path_old: {roots['Landsat8_old']}\n  user_feat_path: own\n"
        "  proj: EPSG:32631\n  spatial_resolution: 10\n  resampling: nearest\n"
        f"userFeat: {{patterns: ALT}}\n"
        f"sensors_data_interpolation: {{auto_date: False}}\n{sections}"
        "external_features: {module: mine.py, functions: season_and_relief, concat_mode: False}\n"
    )
    ran = sitsflow("run", config, env=engine)
    assert ran.returncode == 0, ran.stderr
    with rasterio.open(OutputPaths(tmp_path / "out").map) as file:
        assert file.descriptions == ("s2", "l8", "relief")
        grid = Grid.from_affine(file.crs, file.transform, file.height, file.width)
        values = file.read()
    # Of the map of three sensors: Landsat of old, Landsat of the USGS, Sentinel-2, the sum.
    l8, _, s2, _ = expected_map(roots, grid)[-4:]
    for found, expected in zip(values[:2], (s2, l8), strict=True):
        both = (found != NODATA) & (expected != NODATA)
        assert both.mean() > 0.2
        np.testing.assert_allclose(found[both], expected[both], rtol=1e-4, atol=0.05)
    with rasterio.open(sample) as file:
        left, top = ~file.transform @ (grid.x + 5, grid.y - 5)
    rows, cols = np.indices(grid.shape) + np.floor([top, left]).astype(int).reshape(2, 1, 1)
    inside = (rows >= 0) & (cols >= 0) & (rows < heights.shape[1]) & (cols < heights.shape[2])
    wanted = np.full(grid.shape, -1.0)
    wanted[inside] = heights[0][rows[inside], cols[inside]]
    there = values[2] != NODATA
    assert there.any()
    np.testing.assert_array_equal(values[2][there], wanted[there])
    assert not there[wanted == -1].any()
