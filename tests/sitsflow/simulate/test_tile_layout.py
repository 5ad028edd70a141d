"""Simulated tiles lie where real ones do, and overlap by the same share."""

import pytest

from sitsflow.geo.mgrs import BadTileError, tile_corner
from sitsflow.simulate import SIMULATORS


@pytest.mark.parametrize(
    ("tile", "crs", "x", "y"),
    [
        ("T31TCJ", "EPSG:32631", 300000, 4900020),
        ("T31TDJ", "EPSG:32631", 399960, 4900020),
        ("T31TCH", "EPSG:32631", 300000, 4800000),
        ("T30TYN", "EPSG:32630", 699960, 4800000),
        ("T33XVP", "EPSG:32633", 399960, 9400020),
        ("T49SBB", "EPSG:32649", 199980, 4200000),
    ],
)
def test_corners_of_known_tiles(tile, crs, x, y):
    assert tile_corner(tile) == (crs, x, y)


def test_southern_corners_count_from_the_equator():
    assert tile_corner("T56HLH") == ("EPSG:32756", 300000, 10_000_000 - 61666 * 60)


@pytest.mark.parametrize("tile", ["31TCJ", "T31TCI", "T31TJJ", "T61TCJ", "T31TCA", "t31tcj", ""])
def test_what_is_no_tile_is_refused(tile):
    with pytest.raises(BadTileError, match="is not a Sentinel-2 tile"):
        tile_corner(tile)


@pytest.mark.parametrize("size", [16, 18, 60, 500, 2048, 10980])
def test_neighbours_overlap_on_one_lattice(size):
    grids = SIMULATORS["Sentinel_2"].layout(["T31TCJ", "T31TDJ", "T31TCH"], size)
    first, east, south = grids.values()
    assert (first.x, first.y) == (300000, 4900020)
    assert first.shape == (size, size)
    shared = [first.x + size * 10 - east.x, south.y - (first.y - size * 10)]
    # Real tiles share 9.8 km, more or less what their corners are moved to multiples of 60 m.
    for metres, real in zip(shared, (9840, 9780), strict=True):
        assert metres > 0
        assert metres == pytest.approx(size * 10 * real / 109800, abs=10.001)
    for grid in (east, south):
        assert (grid.x - first.x) % 20 == 0
        assert (grid.y - first.y) % 20 == 0


def test_tiles_of_real_size_have_their_real_corners():
    for tile, grid in SIMULATORS["Sentinel_2"].layout(["T31TCJ", "T31TDJ"], 10980).items():
        assert (grid.x, grid.y) == tile_corner(tile)[1:]


def test_each_utm_zone_keeps_a_real_corner():
    grids = SIMULATORS["Sentinel_2"].layout(["T31TCJ", "T30TYN", "T31TDJ"], 500)
    assert (grids["T30TYN"].x, grids["T30TYN"].y) == (699960, 4800000)
    assert grids["T31TDJ"].x == 300000 + 4560


def test_landsat_rows_count_northwards():
    grids = SIMULATORS["Landsat8_old"].layout(["D0005H0002", "D0005H0003"], 100)
    south, north = grids.values()
    assert south.x == north.x
    assert south.y < north.y < south.y + 3000
    assert (north.y - south.y) % 30 == 0
