from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from sitsflow.geo.coordinates import Coordinates
from sitsflow.geo.grid import Window
from sitsflow.geo.resampling import resample
from sitsflow.radar.channel import Channel
from sitsflow.radar.lookup_table import LookupTable
from sitsflow.radar.safe import Sentinel1Product
from sitsflow.radar.slices import (
    NEIGHBOUR_LINES,
    PlacedChannel,
    group_slices,
    joined_power,
    line_offset,
    own_pixels,
)

NAN = np.nan


def product(start, mission="S1A", orbit=30, take="0220F2", direction="DESCENDING"):
    when = datetime.fromisoformat(start)
    return Sentinel1Product(
        product=Path(f"/{mission}_{start}_{take}.SAFE"), mission=mission, start=when,
        stop=when + timedelta(seconds=25), absolute_orbit=1, relative_orbit=orbit,
        data_take=take, orbit_pass=direction, ipf_version=(2, 91),
        corners=((0, 0), (1, 0), (1, 1)), channels={},
    )  # fmt: skip


def test_slices_of_a_day_satellite_and_orbit_are_one_acquisition():
    later = product("2018-01-03T05:51:46")
    earlier = product("2018-01-03T05:51:21")
    apart = product("2018-01-03T05:53:00", take="0220F3")
    others = [
        product("2018-01-09T05:51:21", mission="S1B", take="000001"),
        product("2018-01-15T05:51:21", take="0230F2"),
        product("2018-01-03T17:40:00", orbit=37, take="0220F9", direction="ASCENDING"),
    ]
    groups = group_slices([later, *others, apart, earlier])
    assert [len(group.slices) for group in groups] == [3, 1, 1, 1]
    assert groups[0].slices == (earlier, later, apart)
    assert (groups[0].day, groups[0].relative_orbit) == (date(2018, 1, 3), 30)
    assert [group.day.day for group in groups] == [3, 3, 9, 15]


def test_midnight_and_the_equator_do_not_part_a_data_take():
    slices = [
        product("2018-01-03T23:59:40", orbit=30),
        product("2018-01-04T00:00:05", orbit=30),
        product("2018-01-04T00:00:30", orbit=31),
    ]
    (group,) = group_slices(slices)
    assert (group.day, group.relative_orbit) == (date(2018, 1, 3), 30)


def test_a_data_take_of_the_same_number_years_later_is_another():
    groups = group_slices([product("2018-01-03T23:59:40"), product("2023-01-04T00:00:05")])
    assert [group.day for group in groups] == [date(2018, 1, 3), date(2023, 1, 4)]


def test_a_slice_begins_where_the_clock_says():
    first = datetime(2021, 12, 23, 5, 11, 22, 594441)
    interval = 1.496569996245720e-03
    last = first + timedelta(seconds=16704 * interval)
    assert line_offset(first, last, interval) == 16704
    assert line_offset(last, first, interval) == -16704


def channel_of(folder, power):
    """A channel whose image holds a field: numbers are 1000 times the square root of its power."""
    path = folder / f"{len(list(folder.iterdir()))}.tiff"
    points = [GroundControlPoint(0, 0, 2, 44), GroundControlPoint(9, 9, 2.1, 44.1)]
    with rasterio.open(path, "w", driver="GTiff", height=power.shape[0], width=power.shape[1],
                       count=1, dtype="uint16", gcps=points, crs="EPSG:4326") as image:  # fmt: skip
        image.write(np.nan_to_num(1000 * np.sqrt(power)).round().astype(np.uint16), 1)
    nodes = np.zeros(1)
    gains = LookupTable(nodes, nodes, np.full((1, 1), 1000.0))
    return Channel(path, power.shape, (1, power.shape[1]), gains, None, None)


@pytest.mark.parametrize("window", [(0, 0, 7, 5), (-2, -1, 4, 9), (3, 2, 2, 2), (20, 0, 2, 3)])
def test_neighbours_are_read_with_a_slice_in_any_window(tmp_path, window):
    row, col, height, width = window
    rng = np.random.default_rng(1)
    a, b = (rng.integers(1, 2000, (4, 6)) ** 2 / 1e6 for _ in range(2))
    a[3, 1] = NAN
    slices = [PlacedChannel(channel_of(tmp_path, one), at) for one, at in ((a, 0), (b, 3))]
    out = np.full((40, 40), NAN)  # from row -10 and column -10 on
    out[10:14, 10:16] = a
    out[13:17, 10:16] = np.fmax(out[13:17, 10:16], b)
    np.testing.assert_allclose(
        joined_power(slices, row, col, (height, width)),
        out[row + 10 : row + 10 + height, col + 10 : col + 10 + width],
        rtol=1e-6,
    )


def projected(image, rows, cols):
    """Interpolate an image at some places, as images are brought onto maps."""
    places = Coordinates(rows, cols, 1, 0, 0, *rows.shape)
    window = Window(row=0, col=0, height=image.shape[0], width=image.shape[1])
    return resample(image[None], None, None, places, window, "bicubic")[0]


def test_slices_that_abut_leave_no_seam(tmp_path):
    lines, pixels = np.mgrid[:40, :30]
    field = 2 + np.sin(lines / 3) * np.cos(pixels / 4)
    cut, more = 19, NEIGHBOUR_LINES
    upper, lower = (channel_of(tmp_path, part) for part in (field[:cut], field[cut:]))
    # The map's rows lie between the lines of the image, and obliquely to them.
    rows, cols = np.mgrid[3:36:0.9, 3:26:0.9]
    rows = rows + 0.1 * (cols - 15)

    alone, together = [], []
    for channel, first, other, offset in ((upper, 0, lower, cut), (lower, cut, upper, -cut)):
        count = channel.shape[0]
        alone.append(projected(channel.power(0, 0, channel.shape), rows - first, cols))
        slices = [PlacedChannel(channel, 0), PlacedChannel(other, offset)]
        wider = joined_power(slices, -more, 0, (count + 2 * more, 30))
        on_map = projected(wider, rows - first + more, cols)
        together.append(np.where(own_pixels(rows - first, count), on_map, NAN))
    whole = projected(channel_of(tmp_path, field).power(0, 0, field.shape), rows, cols)
    assert not np.isnan(whole).any()
    np.testing.assert_allclose(np.fmax(*together), whole, rtol=1e-6)
    assert np.nanmax(np.abs(np.fmax(*alone) - whole)) > 0.01
