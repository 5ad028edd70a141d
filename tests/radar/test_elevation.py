"""Heights of map pixels: bilinear, from several files, above the geoid."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin

from sitsflow.errors import ProductError, ReadError
from sitsflow.geo.grid import Grid, Window
from sitsflow.radar.elevation import open_elevation
from tests.real_data import real_data

GRID = Grid(crs="EPSG:32631", x=400_000, y=4_900_000, xres=10, yres=10, height=60, width=80)
WEST, NORTH, STEP = 1.70, 44.28, 1 / 3600


def plane(longitudes: np.ndarray, latitudes: np.ndarray) -> np.ndarray:
    return 500 + 9000 * (longitudes - 1.75) - 7000 * (latitudes - 44.25)


def write(path: Path, values: np.ndarray, west: float, north: float, step: float = STEP,
          **options: object) -> Path:  # fmt: skip
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:4326", count=1, dtype=values.dtype.name,
        height=values.shape[0], width=values.shape[1],
        transform=from_origin(west, north, step, step), **options,
    ) as raster:  # fmt: skip
        raster.write(values, 1)
    return path


def write_plane(path: Path, west: float = WEST, width: int = 400, **options: object) -> Path:
    longitudes = west + STEP * (np.arange(width) + 0.5)
    latitudes = NORTH - STEP * (np.arange(300) + 0.5)
    values = plane(*np.meshgrid(longitudes, latitudes)).astype(np.float32)
    return write(path, values, west, NORTH, **options)


def at_pixels(window: Window) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.indices(window.shape)
    xs = GRID.x + 10 * (window.col + cols + 0.5)
    ys = GRID.y - 10 * (window.row + rows + 0.5)
    return Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(xs, ys)


def test_a_plane_stays_a_plane_in_every_window(tmp_path: Path) -> None:
    model = open_elevation([write_plane(tmp_path / "a.tif")])
    whole = model.read(GRID, GRID.whole)
    assert whole.heights == pytest.approx(plane(*at_pixels(GRID.whole)), abs=1e-3)
    assert whole.holes == 0
    part = Window(row=13, col=21, height=9, width=30)
    assert (model.read(GRID, part).heights == whole.heights[part.slices]).all()
    assert model.covered(GRID) == 1


def test_files_are_laid_over_each_other_in_order(tmp_path: Path) -> None:
    first = write_plane(tmp_path / "first.tif", width=189)  # ends within the map
    second = write(tmp_path / "second.tif", np.full((300, 400), 77, np.int16), WEST, NORTH)
    heights = open_elevation([first, second]).read(GRID, GRID.whole).heights
    longitudes, _ = at_pixels(GRID.whole)
    inside = longitudes < WEST + 189 * STEP
    assert 0.2 < inside.mean() < 0.8
    assert heights[~inside] == pytest.approx(77, abs=1e-4)
    # The outermost half pixel goes on with the height of its centre.
    error = heights[inside] - plane(*at_pixels(GRID.whole))[inside]
    assert np.abs(error).max() < 9000 * STEP / 2 + 1e-3
    assert open_elevation([second, first]).read(GRID, GRID.whole).heights == pytest.approx(77)


def test_holes_are_counted_and_lie_at_sea_level(tmp_path: Path) -> None:
    values = np.full((300, 400), 300, np.int16)
    values[:, 189:] = -32768
    path = write(tmp_path / "holes.tif", values, WEST, NORTH, nodata=-32768)
    found = open_elevation([path]).read(GRID, GRID.whole)
    holes = at_pixels(GRID.whole)[0] >= WEST + 189 * STEP
    assert found.holes == holes.sum()
    assert found.heights == pytest.approx(np.where(holes, 0, 300), abs=1e-3)
    beside = write_plane(tmp_path / "beside.tif", west=10)
    model = open_elevation([beside])
    assert model.read(GRID, GRID.whole).holes == 4800
    assert model.covered(GRID) == 0


@pytest.mark.parametrize("west", [-180.0, 0.0])
def test_the_geoid_is_added(tmp_path: Path, west: float) -> None:
    """Longitudes of a geoid go from -180 to 180 or from 0 to 360; the map lies at 1.75."""
    longitudes = (west + 0.5 * (np.arange(720) + 0.5) + 180) % 360 - 180
    undulation = np.broadcast_to(50 + longitudes, (360, 720)).astype(np.float32)
    geoid = write(tmp_path / "geoid.tif", np.ascontiguousarray(undulation), west, 90, 0.5)
    found = open_elevation([write_plane(tmp_path / "a.tif")], geoid).read(GRID, GRID.whole)
    places = at_pixels(GRID.whole)
    assert found.heights == pytest.approx(plane(*places) + 50 + places[0], abs=2e-3)
    west_of_zero = GRID.model_copy(update={"crs": "EPSG:32630"})  # at -4.25
    model = open_elevation([], geoid, 10.0)
    heights = model.read(west_of_zero, west_of_zero.whole).heights
    assert heights == pytest.approx(np.full(GRID.shape, 10 + 50 - 4.2), abs=0.1)


def test_without_a_model_all_lies_at_one_height() -> None:
    model = open_elevation([], None, 250)
    found = model.read(GRID, GRID.whole)
    assert (found.heights == 250).all()
    assert found.holes == 0
    (notice,) = model.notices()
    assert notice.startswith("no elevation model is given: all pixels are taken to lie at 250 m")


def test_a_geoid_is_missed_unless_heights_are_above_the_ellipsoid(tmp_path: Path) -> None:
    plane = write_plane(tmp_path / "a.tif")
    (notice,) = open_elevation([plane]).notices()
    assert "no geoid is given" in notice
    assert "Sentinel_1.ellipsoidal_heights" in notice
    assert open_elevation([plane]).notices(ellipsoidal=True) == ()
    geoid = write_plane(tmp_path / "geoid.tif")
    assert open_elevation([plane], geoid).notices() == ()


def test_what_cannot_be_used_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    with rasterio.open(tmp_path / "nowhere.tif", "w", driver="GTiff", count=1, dtype="int16",
                       height=3, width=3, transform=from_origin(5, 5, 1, 1)) as raster:  # fmt: skip
        raster.write(np.zeros((1, 3, 3), np.int16))
    with pytest.raises(ProductError, match=r"(?s)text\.tif: cannot be used.*nowhere\.tif: has no"):
        open_elevation([tmp_path / "text.tif", tmp_path / "nowhere.tif"])
    geoid = write_plane(tmp_path / "geoid.tif", west=10)
    with pytest.raises(ReadError, match=r"geoid\.tif: the geoid does not cover the map"):
        open_elevation([], geoid).read(GRID, GRID.whole)


def test_a_real_model_with_a_vertical_system_is_read() -> None:
    """The system of this file is WGS 84 with heights above EGM96."""
    path = real_data("sentinel1") / "Rome-30m-DEM.tif"
    rome = Grid(crs="EPSG:32633", x=290_000, y=4_655_000, xres=10, yres=10, height=600, width=600)
    model = open_elevation([path])
    window = Window(row=100, col=200, height=40, width=50)
    found = model.read(rome, window)
    with rasterio.open(path) as raster:
        values = raster.read(1).astype(float)
        west, north, step = raster.transform.c, raster.transform.f, raster.transform.a
    xs = rome.x + 10 * (window.col + np.arange(50) + 0.5)
    ys = rome.y - 10 * (window.row + np.arange(40) + 0.5)
    longitudes, latitudes = Transformer.from_crs(rome.crs, "EPSG:4326", always_xy=True).transform(
        *np.meshgrid(xs, ys)
    )
    col, row = (longitudes - west) / step - 0.5, (north - latitudes) / step - 0.5
    left, top = np.floor(col).astype(int), np.floor(row).astype(int)
    right, down = col - left, row - top
    expected = (1 - down) * (values[top, left] * (1 - right) + values[top, left + 1] * right)
    expected += down * (values[top + 1, left] * (1 - right) + values[top + 1, left + 1] * right)
    assert found.holes == 0
    assert found.heights == pytest.approx(expected, abs=1e-3)
