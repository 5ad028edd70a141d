"""Rasters of the user without dates: found, described, read, and given to functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.features.catalogue import describe
from sitsflow.planning.planner import make_plan
from sitsflow.products.rasters import find_rasters
from sitsflow.request import SensorRequest
from sitsflow.run.description import as_text
from tests.requests import sentinel2, tile_values, tutorial

MODULE = """
def height(self):
    altitude = self.get_interpolated_userFeatures_ALT()
    assert "userFeatures" not in self.interpolated_dates
    return altitude[:, :, 0] * 2, ["twice"]


def both(self):
    return self.get_interpolated_userFeatures_SLP(), ["one", "two"]
"""


def write(path: Path, values: np.ndarray, like, nodata=None, scale: int = 1, **changes) -> None:
    """Write (band, row, col) over the extent of a raster, with pixels `scale` times as large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    transform = from_origin(like.bounds.left, like.bounds.top, 10 * scale, 10 * scale)
    profile = {"crs": like.crs, "transform": transform, **changes}
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[1], width=values.shape[2],
        count=len(values), dtype=values.dtype, nodata=nodata, **profile,
    ) as file:  # fmt: skip
        file.write(values)


@pytest.fixture
def tile(products: Path):
    with rasterio.open(next((products / "T31TCJ").rglob("*_FRE_B4.tif"))) as file:
        yield file


@pytest.fixture
def rasters(tile, tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A root folder, altitudes of 20 m with a hole, and two bands of slopes of 10 m."""
    rng = np.random.default_rng(7)
    altitude = rng.uniform(0, 900, (1, tile.height // 2, tile.width // 2)).astype(np.float32)
    altitude[0, 3:5, 4:6] = -32768
    slopes = rng.integers(0, 250, (2, tile.height, tile.width)).astype(np.uint8)
    folder = tmp_path / "mine" / "tile_T31TCJ_2018"
    write(folder / "dem" / "ALT_T31TCJ.tif", altitude, tile, nodata=-32768, scale=2)
    write(folder / "SLP.tif", slopes, tile)
    (folder / "ALT_T31TCJ.tif.aux.xml").write_text("<PAMDataset/>")
    return tmp_path / "mine", altitude, slopes


def request(products: Path, root: Path, tmp_path: Path, *patterns: str, **changes):
    (tmp_path / "mine.py").write_text(MODULE)
    rasters = SensorRequest(
        sensor="userFeat", root=root, temporal_resolution=1, patterns=patterns or ("ALT", "SLP")
    )
    sensors = (sentinel2(products), rasters)
    return tutorial(products, tmp_path / "out", sensors=sensors, **changes)


def test_rasters_stand_last_among_native_features_without_dates(products, rasters, tmp_path):
    root, altitude, slopes = rasters
    plan, tiles = make_plan(
        request(products, root, tmp_path, concat_mode=True, functions=(), resampling="nearest")
    )
    assert plan.labels[-3:] == ("ALT_band_0", "SLP_band_0", "SLP_band_1")
    assert all(label.startswith("Sentinel2_") for label in plan.labels[:-3])
    found = tile_values(plan, tiles["T31TCJ"])
    expected = np.repeat(np.repeat(altitude[0], 2, axis=0), 2, axis=1)
    expected[expected == -32768] = -10000
    np.testing.assert_array_equal(found[-3], expected)
    np.testing.assert_array_equal(found[-2:], slopes)


def test_functions_read_rasters_and_have_nodata_in_their_holes(products, rasters, tmp_path):
    from sitsflow.request import FunctionCall

    root, altitude, slopes = rasters
    plan, tiles = make_plan(
        request(
            products, root, tmp_path, module=tmp_path / "mine.py", resampling="nearest",
            functions=(FunctionCall(name="height"), FunctionCall(name="both")),
        )
    )  # fmt: skip
    assert plan.labels == ("twice", "one", "two")
    found = tile_values(plan, tiles["T31TCJ"])
    expected = np.repeat(np.repeat(altitude[0], 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(found[0], np.where(expected == -32768, -10000, expected * 2))
    np.testing.assert_array_equal(found[1:], slopes)
    tile = tiles["T31TCJ"]
    assert tile.series[0].read == (), "no product is read"
    assert "userFeat: rasters without dates; reads ALT_band_0, SLP_band_0" in as_text(plan, tiles)
    names = {one.name: one.shape for one in describe(plan, tiles)}
    assert names["get_interpolated_userFeatures_SLP()"] == "(row, col, 2)"


def test_a_raster_in_another_system_comes_onto_the_tiles_grid(products, tile, tmp_path):
    """A plane stays a plane: its values are known at every pixel's centre."""
    west, south, east, north = rasterio.warp.transform_bounds(
        tile.crs, "EPSG:2154", *tile.bounds, densify_pts=21
    )
    size = 25.0
    cols, rows = int((east - west) / size) + 9, int((north - south) / size) + 9
    x = west - 4 * size + (np.arange(cols) + 0.5) * size
    y = north + 4 * size - (np.arange(rows) + 0.5) * size
    plane = (x[np.newaxis] / 100 + y[:, np.newaxis] / 50).astype(np.float64)[np.newaxis]
    path = tmp_path / "mine" / "T31TCJ" / "ALT.tif"
    transform = from_origin(west - 4 * size, north + 4 * size, size, size)
    write(path, plane, tile, crs="EPSG:2154", transform=transform)
    plan, tiles = make_plan(
        request(products, tmp_path / "mine", tmp_path, "ALT", concat_mode=True, functions=())
    )
    found = tile_values(plan, tiles["T31TCJ"])[-1]
    grid = tiles["T31TCJ"].grid
    xs, ys = (
        grid.x + (np.arange(grid.width) + 0.5) * 10,
        grid.y - (np.arange(grid.height) + 0.5) * 10,
    )
    px, py = rasterio.warp.transform(
        tile.crs, "EPSG:2154", np.tile(xs, grid.height), np.repeat(ys, grid.width)
    )
    expected = (np.array(px) / 100 + np.array(py) / 50).reshape(found.shape)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_what_is_wrong_is_named(products, rasters, tmp_path, tile):
    root, _, _ = rasters
    with pytest.raises(ProductError, match=r"no raster has 'ASP' of userFeat.patterns in its name"):
        make_plan(request(products, root, tmp_path, "ALT", "ASP"))
    write(root / "tile_T31TCJ_2018" / "ALT_old.tif", np.zeros((1, 2, 2), np.uint8), tile)
    with pytest.raises(ProductError, match=r"2 files have 'ALT' in their names"):
        find_rasters(root, "T31TCJ", ["ALT"])
    with pytest.raises(MissingInputError, match="no folder's name contains T31TDJ"):
        find_rasters(root, "T31TDJ", ["SLP"])
