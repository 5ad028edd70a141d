"""Where map pixels lie in the real image, against the product's own points and a slow solver."""

import dataclasses
from functools import lru_cache

import numpy as np
import pytest
from pyproj import Transformer

from sitsflow.geo.grid import Grid, Window
from sitsflow.radar.annotation import SPEED_OF_LIGHT
from sitsflow.radar.ellipsoid import geocentric, node_step
from sitsflow.radar.geocoding import (
    ImageGeometry,
    image_geometry,
    source_window,
)
from sitsflow.radar.grid_timing import ground_ranges, record_delay
from tests.radar.geometry_cases import annotation_at, ground_range, real_annotation_file, solved

GRID = Grid(crs="EPSG:32633", x=300_000, y=4_700_040, xres=10, yres=10, height=10980, width=10980)
WINDOW = Window(row=3000, col=1000, height=150, width=130)
STEEP = Window(row=0, col=0, height=150, width=130)


@lru_cache(maxsize=1)
def geometry() -> ImageGeometry:
    return image_geometry(annotation_at(real_annotation_file()))


def slope(window: Window) -> np.ndarray:
    """Heights with slopes of up to 45 degrees, from -50 to 3000 m."""
    rows, cols = np.mgrid[: window.height, : window.width].astype(np.float32)
    return (900 + 7 * (cols - 60) + 4 * rows + 40 * np.sin(cols / 5) * np.cos(rows / 4)).astype(
        np.float32
    )


def test_the_points_of_the_product_lie_at_their_lines() -> None:
    points = geometry().annotation.grid
    lines, _ = geometry().places(
        points.longitudes.ravel(), points.latitudes.ravel(), points.heights.ravel()
    )
    assert np.abs(lines - points.lines.ravel()).max() < 0.002


def test_the_points_of_the_product_lie_at_their_samples() -> None:
    points = geometry().annotation.grid
    places = points.longitudes.ravel(), points.latitudes.ravel(), points.heights.ravel()
    off = np.abs(geometry().places(*places)[1] - points.pixels.ravel())
    assert off.max() < 0.02
    # With the polynomials at the times that they are dated, the points are missed by more.
    as_dated = dataclasses.replace(geometry(), record_delay=0.0)
    off = np.abs(as_dated.places(*places)[1] - points.pixels.ravel())
    assert 0.5 < off.max() < 0.53
    assert np.median(off) < 0.1


def test_samples_change_smoothly_along_the_track() -> None:
    """Polynomials that follow each other differ by up to 14 samples: no line may be torn."""
    image = geometry().annotation
    points = image.grid
    ranges = points.slant_range_times[5] * SPEED_OF_LIGHT / 2
    steps = np.abs(np.diff(ground_ranges(image.conversions, ranges), axis=0)).max(axis=1) / 10
    assert steps.max() == pytest.approx(13.9, abs=0.1)
    along = np.linspace(0, 1, 4000)
    ends = [values[[0, -1], 10] for values in (points.longitudes, points.latitudes)]
    longitudes, latitudes = (start + along * (end - start) for start, end in ends)
    lines, samples = geometry().places(longitudes, latitudes, np.zeros(4000))
    assert np.ptp(lines) > 16_000
    torn = np.abs(np.diff(samples, 2))
    # Of 660 lines between polynomials, 4 lie between two of these places.
    assert torn.max() < 14 * 2 / 660 * 4.2


def test_when_polynomials_hold_is_measured_on_the_grid() -> None:
    image = geometry().annotation
    assert geometry().record_delay == pytest.approx(0.088, abs=5e-4)
    for later in (0.3, -0.45):
        dates = image.conversions.times + later
        other = dataclasses.replace(
            image, conversions=dataclasses.replace(image.conversions, times=dates)
        )
        assert record_delay(other) == pytest.approx(0.088 + later, abs=5e-4)


def test_one_polynomial_has_no_delay() -> None:
    image = geometry().annotation
    table = image.conversions
    fields = [field.name for field in dataclasses.fields(table)]
    one = type(table)(*(getattr(table, name)[5:6] for name in fields))
    equal = dataclasses.replace(
        type(table)(*(getattr(table, name)[[5, 5]] for name in fields)), times=table.times[5:7]
    )
    for conversions in (one, equal):
        assert record_delay(dataclasses.replace(image, conversions=conversions)) == 0


def test_pixels_of_a_steep_slope_lie_where_a_slow_solver_finds_them() -> None:
    heights = slope(WINDOW)
    found = geometry().coordinates(GRID, WINDOW, heights)
    rows, cols = np.indices(WINDOW.shape)
    xs = GRID.x + (WINDOW.col + cols.ravel() + 0.5) * 10
    ys = GRID.y - (WINDOW.row + rows.ravel() + 0.5) * 10
    longitudes, latitudes = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(
        xs, ys
    )
    image = geometry().annotation
    points = geocentric(longitudes, latitudes, heights.ravel().astype(float))
    moments, ranges = solved(image, points)
    moments -= geometry().azimuth_shift + geometry().shift_rate * ranges
    assert np.abs(found.rows.ravel() - moments / image.line_interval).max() < 1e-4
    samples = ground_range(image, moments + geometry().record_delay, ranges) / image.range_spacing
    assert np.abs(found.cols.ravel() - samples).max() < 0.002


def test_pixels_do_not_depend_on_the_window() -> None:
    heights = slope(WINDOW)
    whole = geometry().coordinates(GRID, WINDOW, heights)
    assert node_step(GRID) == 32
    part = Window(row=3033, col=1041, height=60, width=41)
    inside = part.relative_to(WINDOW)
    found = geometry().coordinates(GRID, part, heights[inside.slices])
    assert (found.rows == whole.rows[inside.slices]).all()
    assert (found.cols == whole.cols[inside.slices]).all()


def test_large_pixels_are_solved_one_by_one() -> None:
    coarse = Grid(crs="EPSG:32633", x=300_000, y=4_700_040, xres=640, yres=640, height=9, width=9)
    assert node_step(coarse) == 1
    found = geometry().coordinates(coarse, coarse.whole, np.zeros((9, 9), np.float32))
    fine = coarse.model_copy(update={"xres": 10.0, "yres": 10.0, "height": 576, "width": 576})
    there = geometry().coordinates(fine, Window(row=31, col=31, height=2, width=2),
                                   np.zeros((2, 2), np.float32))  # fmt: skip
    # The centre of the first large pixel is the corner of four small ones.
    assert found.rows[0, 0] == pytest.approx(there.rows.mean(), abs=1e-3)
    assert found.cols[0, 0] == pytest.approx(there.cols.mean(), abs=1e-3)


def test_a_hole_of_the_heights_has_no_place() -> None:
    heights = slope(WINDOW)
    heights[7, 9] = np.nan
    found = geometry().coordinates(GRID, WINDOW, heights)
    missing = np.isnan(found.rows)
    assert missing[7, 9]
    assert missing.sum() == 1
    assert (np.isnan(found.cols) == missing).all()


def test_the_source_window_is_what_is_needed() -> None:
    heights = slope(WINDOW)
    found = geometry().coordinates(GRID, WINDOW, heights)
    window = source_window(found, geometry().shape, 2)
    assert window is not None
    assert window.row == np.floor(found.rows.min() + 0.5) - 2
    assert window.col + window.width - 1 == np.floor(found.cols.max() + 0.5) + 2
    bound = geometry().reach(GRID, WINDOW, float(heights.min()), float(heights.max()))
    assert bound is not None
    assert bound.row <= window.row
    assert bound.col <= window.col
    assert bound.row + bound.height >= window.row + window.height
    assert bound.col + bound.width >= window.col + window.width
    # Not much more either.
    assert bound.height * bound.width < 1.3 * window.height * window.width


def test_a_map_beside_the_image_needs_none_of_it() -> None:
    for east in (-400_000.0, 400_000.0, 3_000_000.0):
        far = GRID.model_copy(update={"x": GRID.x + east, "height": 64, "width": 64})
        assert geometry().reach(far, far.whole, 0, 1000) is None
        found = geometry().coordinates(far, far.whole, np.zeros((64, 64), np.float32))
        assert source_window(found, geometry().shape, 2) is None


def test_points_left_of_the_track_are_not_seen() -> None:
    """A point that far on the other side has the same moment and the same distance."""
    image = geometry().annotation
    place, speed, _ = image.orbit.at(np.array([12.0]))
    right = geocentric(np.array([13.5]), np.array([41.8]), np.array([0.0]))
    moment = geometry().moments(right)[0]
    place, speed, _ = image.orbit.at(np.array([moment]))
    across = np.cross(speed[0], place[0])
    across /= np.linalg.norm(across)
    away = right[0] - place[0]
    left = away - 2 * (away @ across) * across + place[0]
    assert np.isfinite(moment)
    assert np.isnan(geometry().moments(left[None])[0])
