"""Backscatter on coarse maps: the mean of many places, against a slow twin and the theory."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer

from sitsflow.geo.grid import Grid, Window
from sitsflow.planning.estimates import placed_bytes
from sitsflow.radar.geocoded import elevation_of, geocode, ground_of
from sitsflow.radar.image import open_image
from sitsflow.radar.lee import lee, refined_lee
from sitsflow.radar.multilook import (
    PART_SHAPE,
    geocode_multilooked,
    looks_on,
    multilook_factors,
    multilooked,
    parts_of,
)
from tests.radar.test_radar_observations import SIZE, WHOLE, Simulated, simulated
from tests.sitsflow.geo.test_resampling import reference

NAN = np.nan


def coarse(grid: Grid, down: int, right: int) -> Grid:
    return grid.model_copy(
        update={
            "xres": 10.0 * right,
            "yres": 10.0 * down,
            "height": grid.height // down,
            "width": grid.width // right,
        }
    )


@pytest.fixture(scope="module")
def speckled(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return simulated(
        tmp_path_factory.mktemp("speckled"), looks=4.0, directions=("DES",), relief="slope"
    )


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return simulated(
        tmp_path_factory.mktemp("even"), looks=None, directions=("DES",), relief="slope"
    )


@pytest.mark.parametrize(
    ("crs", "size", "factors"),
    [
        ("EPSG:32631", (10.0, 10.0), (1, 1)),
        ("EPSG:2154", (14.9, 14.9), (1, 1)),
        ("EPSG:32631", (15.0, 25.0), (2, 3)),
        ("EPSG:32631", (100.0, 20.0), (10, 2)),
        ("EPSG:32631", (5.0, 2.0), (1, 1)),
        ("EPSG:2227", (100.0, 100.0), (3, 3)),  # US survey feet
        ("EPSG:4326", (0.001, 0.001), (11, 8)),  # at 45 degrees
        ("EPSG:32631", (50_000.0, 60_000.0), PART_SHAPE),
    ],
)
def test_a_pixel_has_a_place_for_each_pixel_of_the_image(
    crs: str, size: tuple[float, float], factors: tuple[int, int]
) -> None:
    yres, xres = size
    grid = Grid(crs=crs, x=1, y=45 if crs == "EPSG:4326" else 5e6, xres=xres, yres=yres,
                height=4, width=6)  # fmt: skip
    assert multilook_factors(grid) == factors
    fine = grid.subdivided(*factors)
    assert fine.bounds == pytest.approx(grid.bounds)
    assert fine.shape == (4 * factors[0], 6 * factors[1])


def test_parts_hold_every_pixel_once_and_few_places() -> None:
    window, factors = Window(row=-3, col=7, height=301, width=152), (10, 20)
    seen = np.zeros((301, 152), int)
    for part in parts_of(window, factors):
        assert part.height * factors[0] <= PART_SHAPE[0]
        assert part.width * factors[1] <= PART_SHAPE[1]
        seen[part.relative_to(window).slices] += 1
    assert (seen == 1).all()


def test_only_places_with_a_value_count() -> None:
    power = np.array([[[1, 2, NAN, NAN, 6, 1], [3, 6, NAN, NAN, NAN, NAN]]], np.float32)
    np.testing.assert_array_equal(multilooked(power, (2, 2)), [[[3, NAN, 3.5]]])
    np.testing.assert_array_equal(multilooked(power, (1, 3)), [[[1.5, 3.5], [4.5, NAN]]])


def slow(made: Simulated, grid: Grid, row: int, col: int) -> np.ndarray:
    """VV of one pixel on each date: its places one by one, by their coordinates and heights."""
    series = made.plan()
    assert series.radar is not None
    settings = series.radar.settings
    down, right = multilook_factors(grid)
    i, j = (axis.ravel() for axis in np.mgrid[:down, :right])
    xs = grid.x + (col + (j + 0.5) / right) * grid.xres
    ys = grid.y - (row + (i + 0.5) / down) * grid.yres
    longitudes, latitudes = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(
        xs, ys
    )
    # Bilinear between pixels of the elevation model, as the places are pixels of a map.
    spot = grid.part(Window(row=row, col=col, height=1, width=1))
    fine = spot.subdivided(down, right)
    heights = elevation_of(settings).read(fine, fine.whole).heights.ravel().astype(float)
    found = []
    for acquisition in series.radar.acquisitions:
        (product,) = acquisition.slices
        image = open_image(product, settings, ("vv",))
        lines, samples = image.geometry.places(longitudes, latitudes, heights)
        power = image.channels["vv"].power(0, 0, image.geometry.shape)
        missing = np.isnan(power)
        values = reference(power, ~missing, missing, lines, samples, "bicubic")
        total = [value for value in values if not np.isnan(value)]
        found.append(sum(total) / len(total) if total else NAN)
    return np.array(found)


@pytest.mark.parametrize("factors", [(4, 4), (3, 2)])
def test_pixels_have_the_mean_of_their_places(
    speckled: Simulated, factors: tuple[int, int]
) -> None:
    grid = coarse(speckled.grid, *factors)
    series = speckled.plan()
    assert series.radar is not None
    found = geocode_multilooked(
        series.radar.acquisitions, series.radar.settings, ("vv",), grid, grid.whole, "bicubic"
    )
    for row, col in ((0, 0), (2, 5), (grid.height - 1, grid.width - 1)):
        # Places lie within 0.002 pixel, which speckle makes a thousandth of the value.
        assert found[:, 1, row, col] == pytest.approx(slow(speckled, grid, row, col), rel=2e-3)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_looks_grow_with_the_places(speckled: Simulated, even: Simulated, factor: int) -> None:
    grid = coarse(speckled.grid, factor, factor)
    window = grid.whole
    noisy, still = (
        np.stack([one.observed(grid=grid, window=window, speckle_filter="none").band(band)
                  for band in ("VV", "VH")])
        for one in (speckled, even)
    )  # fmt: skip
    ratio = noisy / still
    assert ratio.mean() == pytest.approx(1, abs=0.03)
    looks = 1 / ratio.var()
    # Interpolation at the rim of a pixel takes a little of what lies around it.
    assert 0.85 < looks / (4 * factor**2) < 1.35


def test_filters_know_the_looks_of_coarse_pixels(speckled: Simulated) -> None:
    assert looks_on(speckled.grid) == 4.4
    grid = coarse(speckled.grid, 4, 4)
    assert looks_on(grid) == pytest.approx(4.4 * 1600 / 440)
    plain = speckled.observed(grid=grid, window=grid.whole, speckle_filter="none").band("VV")
    for name, expected in (("lee", lee(plain, 2, 16.0)), ("refined_lee", refined_lee(plain, 16.0))):
        found = speckled.observed(grid=grid, window=grid.whole, speckle_filter=name).band("VV")
        # What lies around the map is known there, and not here.
        inner = (slice(None), slice(3, -3), slice(3, -3))
        assert found[inner] == pytest.approx(expected[inner], rel=1e-5)


def test_a_coarse_pixel_is_the_same_in_every_window(
    speckled: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = coarse(speckled.grid, 3, 3)
    whole = speckled.observed(grid=grid, window=grid.whole).band("VV")
    monkeypatch.setattr("sitsflow.radar.multilook.PART_SHAPE", (15, 9))  # 5 x 3 pixels
    part = Window(row=3, col=2, height=9, width=7)
    assert (speckled.observed(grid=grid, window=part).band("VV") == whole[:, 3:12, 2:9]).all()


def test_the_rim_of_an_image_has_the_mean_of_what_it_shows(even: Simulated) -> None:
    """Some pixels of the map lie half outside the image; what is outside is not mixed in as 0."""
    series = even.plan()
    assert series.radar is not None
    acquisitions, settings = series.radar.acquisitions[:1], series.radar.settings
    around = Window(row=-24, col=-24, height=24, width=24)
    grid = coarse(even.grid, 8, 8)
    found = geocode_multilooked(acquisitions, settings, ("vv",), grid, around, "bicubic")[0, 1]
    fine = grid.subdivided(8, 8)
    places = Window(row=-192, col=-192, height=192, width=192)
    power = geocode(
        acquisitions[0], settings, ("vv",), ground_of(settings, fine, places), "bicubic"
    )
    seen = ~np.isnan(power[1]).reshape(24, 8, 24, 8)
    partly = seen.any(axis=(1, 3)) & ~seen.all(axis=(1, 3))
    assert partly.sum() > 3
    assert (np.isnan(found) == ~seen.any(axis=(1, 3))).all()
    least, most = np.nanmin(power[1]), np.nanmax(power[1])
    assert ((found[partly] >= least) & (found[partly] <= most)).all()


def test_on_pixels_of_the_image_nothing_is_averaged(speckled: Simulated) -> None:
    assert multilook_factors(speckled.grid) == (1, 1)
    series = speckled.plan()
    assert series.radar is not None
    settings = series.radar.settings
    ground = ground_of(settings, speckled.grid, WHOLE)
    alone = np.stack([geocode(one, settings, ("vv",), ground, "bicubic")
                      for one in series.radar.acquisitions])  # fmt: skip
    found = speckled.observed(speckle_filter="none").band("VV")
    assert np.array_equal(found, alone[:, 1], equal_nan=True)


def test_the_plan_counts_the_places_that_are_averaged_at_once(speckled: Simulated) -> None:
    series = (speckled.plan(),)
    assert placed_bytes(series, speckled.grid) == 0
    small = coarse(speckled.grid, 4, 4)
    assert placed_bytes(series, small) == 120 * SIZE**2
    large = small.model_copy(update={"height": 5000, "width": 5000})
    assert placed_bytes(series, large) == 120 * 512 * 2048
