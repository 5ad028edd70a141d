import os

import geopandas
import numpy as np
import pytest
import shapely

from sitsflow.errors import MissingInputError
from sitsflow.geo.area import inside, read_area
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking
from tests.plans import CRS, grid_at
from tests.requests import TILES, calls, computed, tutorial

GRID = grid_at(0, 0, 40, 40)
WEST, SOUTH, EAST, NORTH = GRID.bounds
SQUARE = shapely.box(WEST + 50, SOUTH + 50, EAST - 50, NORTH - 50)
LINE = shapely.LineString([(WEST, NORTH), (EAST, SOUTH)])


@pytest.fixture
def area(tmp_path):
    def write(*shapes, crs=CRS, name="area.gpkg"):
        path = tmp_path / name
        path.unlink(missing_ok=True)
        geopandas.GeoDataFrame(geometry=list(shapes), crs=crs).to_file(path)
        return path

    return write


def pixels(path):
    return int(inside(read_area(path, CRS), GRID).sum())


def test_holes_and_several_polygons(area):
    hole = shapely.box(WEST + 150, SOUTH + 150, WEST + 250, SOUTH + 250)
    other = shapely.box(WEST, SOUTH, WEST + 20, SOUTH + 30)
    assert pixels(area(SQUARE.difference(hole), other)) == 30 * 30 - 100 + 6


def test_polygons_that_cross_themselves_are_mended(area):
    x, y = WEST + 100, SOUTH + 100
    assert pixels(area(shapely.Polygon([(x, y), (x + 200, y + 200), (x + 200, y), (x, y + 200)])))


def test_points_and_lines_are_passed_over(area):
    both = shapely.GeometryCollection([SQUARE, LINE])
    assert pixels(area(both, LINE, shapely.Point(WEST + 5, SOUTH + 5), name="a.geojson")) == 900
    with pytest.raises(MissingInputError, match=r"b.gpkg: holds no polygon"):
        read_area(area(LINE, name="b.gpkg"), CRS)


def test_a_straight_edge_in_degrees_is_a_curve_in_metres(area):
    shape = read_area(area(shapely.box(0.0, 43.0, 3.0, 44.0), crs="EPSG:4326"), CRS)
    middle = geopandas.GeoSeries([shapely.Point(1.5, 43.001)], crs="EPSG:4326").to_crs(CRS)
    assert shape.contains(middle.iloc[0])


def test_a_file_that_changes_is_read_again(area):
    path = area(SQUARE)
    before = pixels(path)
    path = area(SQUARE.buffer(-30))
    os.utime(path, (1, 1))
    assert pixels(path) < before


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"none.gpkg: no such file"):
        read_area(tmp_path / "none.gpkg", CRS)


def test_fewer_rows_than_chunks_in_the_corner_of_a_tile(products, tmp_path, area):
    _, tiles = make_plan(tutorial(products, tmp_path))
    grid = tiles["T31TCJ"].grid
    corner = area(shapely.box(grid.x, grid.y - 50, grid.x + 30, grid.y), crs=grid.crs)
    request = tutorial(
        products, tmp_path, tiles=TILES, area_of_interest=corner,
        chunking=Chunking(mode="split_number", number=25),
    )  # fmt: skip
    _, tiles = make_plan(request)
    assert len(tiles["T31TCJ"].chunks) == 5


@pytest.mark.parametrize("crs", [None, pytest.param("EPSG:2154", marks=pytest.mark.slow)])
def test_padding_reaches_beyond_the_area(products, tmp_path, area, crs):
    module = tmp_path / "mine.py"
    module.write_text(
        "import numpy as np\n"
        "def f(self):\n"
        "    a = np.pad(self.get_interpolated_Sentinel2_NDVI()[:, :, 5], 1, mode='edge')\n"
        "    rows, cols = a.shape[0] - 2, a.shape[1] - 2\n"
        "    parts = [a[r:r + rows, c:c + cols] for r in range(3) for c in range(3)]\n"
        "    return sum(parts), ['f']\n"
    )
    keys = {"module": module, "functions": calls("f"), "padding": (1, 1), "crs": crs}
    _, tiles = make_plan(tutorial(products, tmp_path, **keys))
    grid = tiles["T31TCJ"].grid
    whole = computed(tutorial(products, tmp_path, **keys))["T31TCJ"]
    box = shapely.box(grid.x + 200, grid.y - 500, grid.x + 500, grid.y - 100)
    request = tutorial(products, tmp_path, area_of_interest=area(box, crs=grid.crs), **keys)
    part = computed(request)["T31TCJ"]
    row, col = make_plan(request)[1]["T31TCJ"].grid.offset_in(grid)
    cut = whole[:, row : row + part.shape[1], col : col + part.shape[2]]
    np.testing.assert_allclose(part, cut, rtol=1e-5)
