import io
from base64 import b64decode

import geopandas
import matplotlib.image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from sitsflow.dates import stamp
from sitsflow.planning.planner import make_plan
from sitsflow.report.axes import TimeAxis, round_values
from sitsflow.report.colours import scale_of
from sitsflow.report.figures import (
    MINUS,
    NONE,
    THIN,
    duration,
    memory,
    number,
    percent,
    period,
    rate,
)
from sitsflow.report.picture import data_uri
from sitsflow.report.pixels import read_overview
from sitsflow.report.places import spread
from sitsflow.request import Chunking
from sitsflow.steps.chunk import write_chunk
from sitsflow.timeseries.observations import Observations
from tests.requests import TILES, tutorial
from tests.sitsflow.report.made import made


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (0.31344, "0.3134"), (-0.5, "-0.5"), (1234.56, "1 235"),
        (-66_120_752.0, "-66 120 752"), (3e-7, "3.000e-07"), (float("nan"), NONE), (None, NONE),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert number(value).replace(THIN, " ").replace(MINUS, "-") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (1, "100"), (0.5, "50"), (0.4213, "42.1"), (1e-6, "< 0.1"), (0.99999, "> 99.9")],
)
def test_percentages(share, text):
    assert percent(share) == f"{text}{THIN}%"


def test_units():
    words = [duration(0.26), duration(59), duration(61), duration(7260), memory(281.2),
             memory(1940), rate(2.34e6), rate(16_300), rate(114)]  # fmt: skip
    assert [word.replace(THIN, " ") for word in words] == [
        "0.26 s", "59 s", "1 min 01 s", "2 h 01 min", "281 MB", "1.94 GB", "2.34 M", "16.3 k",
        "114",
    ]  # fmt: skip


def test_periods():
    assert period(17532, 17532) == "1 Jan 2018"
    assert period(17532, 17892) == "1 Jan to 27 Dec 2018"


@given(st.integers(10_000, 20_000), st.integers(0, 9000))
def test_time_axes_have_few_ticks_within_them(first, length):
    axis = TimeAxis(first, first + length)
    ticks = axis.ticks()
    assert len(ticks) <= 14
    assert ticks or length < 800
    assert all(0 <= tick.at <= 1 for tick in ticks)
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    assert len({tick.at for tick in ticks}) == len(ticks)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_round_values_lie_within(low, span):
    values = round_values(low, low + span)
    assert 2 <= len(values) <= 9
    assert all(low - 1e-6 * span <= value <= low + span * (1 + 1e-6) for value in values)


def test_pictures_are_transparent_without_a_value():
    values = np.array([[0.0, 10.0, np.nan], [5.0, -50.0, 50.0]], np.float32)
    scale = scale_of(np.linspace(0, 10, 101, dtype=np.float32))
    uri = data_uri(values, scale)
    picture = matplotlib.image.imread(io.BytesIO(b64decode(uri.partition(",")[2])))
    np.testing.assert_array_equal(picture[..., 3], [[1, 1, 0], [1, 1, 1]])
    first, last = scale.palette(255)[[0, -1]] / 255
    np.testing.assert_allclose(picture[0, 0, :3], first, atol=0.01)
    np.testing.assert_allclose(picture[1, 1, :3], first, atol=0.01)
    np.testing.assert_allclose(picture[1, 2, :3], last, atol=0.01)


@pytest.mark.parametrize(
    ("values", "ends"),
    [([], (0, 1)), ([7, 7, 7], (3.5, 10.5)), ([0, 0], (-0.5, 0.5)), ([-4, 4], (-3.84, 3.84))],
)
def test_ends_of_colours(values, ends):
    scale = scale_of(np.array(values, np.float32))
    assert (scale.low, scale.high) == pytest.approx(ends)


@given(st.integers(1, 6), st.integers(0, 1000))
def test_places_are_apart_and_have_values(count, seed):
    seen = np.random.default_rng(seed).random((12, 9)) < 0.2
    found = list(spread(seen, count))
    assert len(found) == len(set(found)) == min(count, seen.sum())
    assert all(seen[place] for place in found)
    assert list(spread(seen, count)) == found


@pytest.mark.parametrize("whole", [True, False])
def test_the_map_is_averaged_where_it_has_values(tmp_path, whole):
    values = np.full((1, 1400, 900), 3.0, np.float32)
    values[:, :, :450] = 1
    values[:, :700:2] += 2
    values[:, 700:, :90] = np.nan
    plan, tiles = made(tmp_path, ["one"], values, None if whole else {"mosaic": "no room"})
    overview = read_overview(plan, tiles, [0])
    assert overview is not None
    assert overview.whole is whole
    assert bool(overview.tags) is whole
    _, height, width = overview.values.shape
    assert max(height, width) == 600
    middle = overview.values[0, height // 4, [width // 4, 3 * width // 4]]
    np.testing.assert_allclose(middle, [2, 4], atol=0.5)
    assert np.isnan(overview.values[0, 400:, : width // 11]).all()
    assert np.isfinite(overview.values[0, : height // 2 - 2]).all()
    np.testing.assert_allclose(np.nanmean(overview.values), np.nanmean(values), rtol=0.01)


def _counted(plan, tile):
    records = [write_chunk(plan, tile, index) for index in range(len(tile.chunks))]
    days = records[0].valid_pixels["Sentinel2"]
    totals = {d: sum(r.valid_pixels.get("Sentinel2", {}).get(d, 0) for r in records) for d in days}
    return totals, sum(record.pixels for record in records)


def _valid(plan, tile):
    series = tile.series[0]
    return Observations(series, tile.grid, tile.grid.whole, plan.request.resampling).valid


def test_chunks_count_their_valid_pixels(products, tmp_path):
    changes = {"chunking": Chunking(mode="split_number", number=2), "padding": (3, 3)}
    plan, tiles = make_plan(tutorial(products, tmp_path, **changes))
    tile = tiles[TILES[0]]
    totals, pixels = _counted(plan, tile)
    valid = _valid(plan, tile)
    assert pixels == tile.grid.height * tile.grid.width
    assert totals == {
        stamp(day): int(valid[at].sum()) for at, day in enumerate(tile.series[0].days)
    }


def test_outside_the_area_of_interest_nothing_counts(products, tmp_path):
    plan, tiles = make_plan(tutorial(products, tmp_path))
    grid = tiles[TILES[0]].grid
    area = tmp_path / "area.gpkg"
    part = box(grid.x + 100, grid.y - 300, grid.x + 400, grid.y - 200)
    geopandas.GeoDataFrame(geometry=[part], crs=grid.crs).to_file(area)
    plan, tiles = make_plan(tutorial(products, tmp_path, area_of_interest=area))
    tile = tiles[TILES[0]]
    totals, pixels = _counted(plan, tile)
    assert pixels == 300
    assert max(totals.values()) <= 300


def test_days_seen_twice_count_once(products, tmp_path):
    plan, tiles = make_plan(tutorial(products, tmp_path))
    tile = tiles[TILES[0]]
    series = tile.series[0]
    day = series.days[0]
    second = series.scenes[1].model_copy(update={"day": day})
    changed = series.model_copy(
        update={
            "scenes": (series.scenes[0], second, *series.scenes[2:]),
            "raw_days": (day, day, *series.days[2:]),
        }
    )
    tile = tile.model_copy(update={"series": (changed,)})
    totals, _ = _counted(plan, tile)
    assert totals[stamp(day)] == int(_valid(plan, tile)[:2].any(axis=0).sum())
    assert len(totals) == len(series.scenes) - 1
