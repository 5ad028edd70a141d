import pytest

from sitsflow.errors import GridError
from sitsflow.geo.grid import Grid, bounds_in
from sitsflow.geo.seam import refuse_cut


def tile(crs: str, x: float, y: float, size: int = 109_800) -> Grid:
    return Grid(crs=crs, x=x, y=y, xres=size / 100, yres=size / 100, height=100, width=100)


# The meridian of 180 degrees lies at about x 166,000 in UTM zone 1 at the equator.
CUT = tile("EPSG:32701", 120_000, 9_900_000)
NARROW = tile("EPSG:32701", 166_021.4 - 400, 9_999_000, 9_000)
POLAR = tile("EPSG:3995", -50_000, 50_000, 100_000)


@pytest.mark.parametrize("grid", [CUT, NARROW, POLAR], ids=["cut", "narrow", "polar"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:4258", "EPSG:6933"])
def test_a_grid_that_the_edge_of_a_system_cuts_is_refused(grid, crs):
    with pytest.raises(GridError, match=f"the edge of {crs} runs through it.* such as {grid.crs}"):
        refuse_cut(grid, crs)


@pytest.mark.parametrize(
    ("grid", "crs"),
    [
        (CUT, "EPSG:32701"),
        (CUT, "EPSG:32760"),
        (CUT, "EPSG:3832"),  # Mercator around 150 degrees east
        (tile("EPSG:32701", 300_000, 9_900_000), "EPSG:4326"),
        (tile("EPSG:32660", 560_000, 6_000_000), "EPSG:3857"),
        (tile("EPSG:32631", 300_000, 4_900_000), "EPSG:4326"),
        (tile("EPSG:32631", 300_000, 4_900_000), "EPSG:2154"),
        (tile("EPSG:32633", 500_000, 9_290_000), "EPSG:4326"),  # at 83 degrees north
    ],
)
def test_a_grid_in_one_piece_is_not(grid, crs):
    refuse_cut(grid, crs)
    west, south, east, north = bounds_in(grid, crs)
    assert west < east
    assert south < north
