"""Flattened backscatter of planes, against the angles of D. Small's and L. Ulander's formulas."""

from functools import lru_cache

import numpy as np
import pytest
from pyproj import Transformer

from sitsflow.errors import GridError
from sitsflow.geo.grid import Grid, Window
from sitsflow.radar.ellipsoid import geocentric, map_coordinates
from sitsflow.radar.flattening_kernels import accumulate_facets
from sitsflow.radar.geocoding import (
    ImageGeometry,
    image_geometry,
    source_window,
)
from sitsflow.radar.terrain_flattening import Flattening, flatten, flattening_margin
from tests.radar.geometry_cases import annotation_at, real_annotation_file, solved

GRID = Grid(crs="EPSG:32633", x=300_000, y=4_700_040, xres=10, yres=10, height=10980, width=10980)
WINDOW = Window(row=5000, col=3000, height=40, width=50)


@lru_cache(maxsize=1)
def geometry() -> ImageGeometry:
    return image_geometry(annotation_at(real_annotation_file()))


def over(relief: np.ndarray, margin: int) -> Flattening:
    return flatten(geometry(), GRID, WINDOW, relief.astype(np.float32), margin)


def offsets(margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Metres east and north of the window's first pixel."""
    rows, cols = np.indices((WINDOW.height + 2 * margin, WINDOW.width + 2 * margin))
    return 10.0 * (cols - margin), -10.0 * (rows - margin)


def view() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors to the satellite, along its track, and along the normal of both."""
    x, y = GRID.x + 10 * (WINDOW.col + 25), GRID.y - 10 * (WINDOW.row + 20)
    place = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(x, y)
    point = geocentric(*(np.array([value]) for value in (*place, 500.0)))
    satellite, speed, _ = geometry().annotation.orbit.at(geometry().moments(point))
    look = (satellite - point)[0] / np.linalg.norm(satellite - point)
    track = speed[0] / np.linalg.norm(speed)
    across = np.cross(look, track)
    return look, track, across / np.linalg.norm(across)


def normal_of(east: float, north: float) -> np.ndarray:
    """Normal in ECEF of a plane on the map that rises by `east` and `north` metres a metre."""
    x, y = GRID.x + 10 * (WINDOW.col + 25), GRID.y - 10 * (WINDOW.row + 20)
    to_degrees = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
    corners = []
    for right, up in ((0, 0), (100, 0), (0, 100)):
        place = to_degrees.transform(x + right, y + up)
        height = 500 + east * right + north * up
        corners.append(geocentric(*(np.array(value) for value in (*place, height))))
    upward = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    return upward / np.linalg.norm(upward)


@pytest.mark.parametrize(
    ("east", "north"), [(0, 0), (0.2, 0.0), (-0.2, 0.1), (-0.5, 0.0), (0.45, -0.1)]
)
def test_planes_are_flattened_by_their_angles(east: float, north: float) -> None:
    """Of a plane, the ratio of both areas is that of its normal's parts along both directions."""
    margin = 12
    x, y = offsets(margin)
    found = over(500 + east * x + north * y, margin)
    look, _, across = view()
    normal = normal_of(east, north)
    expected = abs(normal @ across) / (normal @ look)
    assert not found.layover.any()
    assert not found.shadow.any()
    assert found.factor.mean() == pytest.approx(expected, rel=0.01)
    assert found.factor == pytest.approx(np.full(WINDOW.shape, expected), rel=0.04)


def ridge(margin: int, height: float, width: float, away: np.ndarray) -> np.ndarray:
    """A ridge along the track, through the middle of the window."""
    x, y = offsets(margin)
    across = (x - 250) * away[0] + (y + 200) * away[1]
    return 500 + height * np.exp(-0.5 * (across / width) ** 2)


def away_on_map() -> np.ndarray:
    """Unit vector of the waves' way over the map, east and north."""
    look, _, _ = view()
    x, y = GRID.x + 10 * (WINDOW.col + 25), GRID.y - 10 * (WINDOW.row + 20)
    place = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(x, y)
    low = geocentric(*(np.array(value) for value in (*place, 0.0)))
    high = geocentric(*(np.array(value) for value in (*place, 1.0)))
    level = -look + (look @ (high - low)) * (high - low)
    there = np.array(map_coordinates(GRID.crs, low + 50 * level))
    return (there - (x, y)) / np.linalg.norm(there - (x, y))


def test_layover_and_shadow_are_those_of_a_slow_profile() -> None:
    """Along the way of the waves, by slant ranges and by angles at the satellite alone."""
    away = away_on_map()
    margin = flattening_margin(GRID, 500, 950)
    found = over(ridge(margin, 450, 160, away), margin)
    steps = np.arange(-80, 80, 0.25)
    xs = GRID.x + 10 * (WINDOW.col + 25.5) + 10 * steps * away[0]
    ys = GRID.y - 10 * (WINDOW.row + 20.5) + 10 * steps * away[1]
    place = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(xs, ys)
    heights = 500 + 450 * np.exp(-0.5 * (10 * steps / 160) ** 2)
    points = geocentric(*place, heights)
    moments, ranges = solved(geometry().annotation, points)
    satellite, _, _ = geometry().annotation.orbit.at(moments)
    down = -satellite / np.linalg.norm(satellite, axis=-1, keepdims=True)
    cosine = ((points - satellite) * down).sum(axis=-1) / ranges
    hidden = cosine >= np.minimum.accumulate(np.append(2, cosine[:-1]))
    later = np.minimum.accumulate(ranges[::-1])[::-1]
    shared = (np.append(later[1:], np.inf) <= ranges) | (
        np.append(0, np.maximum.accumulate(ranges)[:-1]) >= ranges
    )
    assert 0.05 < hidden.mean() < 0.5
    assert 0.05 < shared.mean() < 0.8
    for mask, truth in ((found.layover, shared), (found.shadow, hidden)):
        wrong = 0
        for step in np.arange(-18, 18):
            row = 20 + round(float(-step * away[1]))
            col = 25 + round(float(step * away[0]))
            near = truth[np.abs(steps - step) <= 1.5]
            wrong += not (near == mask[row, col]).any()
        assert wrong == 0
    assert (np.isnan(found.factor) >= found.shadow).all()
    assert np.isfinite(found.factor[~found.shadow]).mean() > 0.97


def test_the_ground_of_a_ridge_is_all_counted() -> None:
    """Slopes gather the area of much ground or of little: none of it is lost between pixels."""
    relief = ridge(0, 120, 150, away_on_map()).astype(np.float32)
    image = geometry()
    nodes, frame = image.nodes(GRID, WINDOW)
    places = image.coordinates(GRID, WINDOW, relief)
    part = source_window(places, image.shape, 2)
    assert part is not None
    area, hidden = np.zeros(part.shape), np.zeros(WINDOW.shape, bool)
    about = (image.annotation.line_interval, part.row, part.col, 3)
    where = places.rows, places.cols
    accumulate_facets(nodes, frame, relief, where, image.orbit, about, hidden, area)
    x, y = offsets(0)
    xs, ys = GRID.x + 10 * (WINDOW.col + 0.5) + x, GRID.y - 10 * (WINDOW.row + 0.5) + y
    place = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(xs, ys)
    points = geocentric(*place, relief.astype(float))
    down, right = points[1:, :-1] - points[:-1, :-1], points[:-1, 1:] - points[:-1, :-1]
    up, left = points[:-1, 1:] - points[1:, 1:], points[1:, :-1] - points[1:, 1:]
    look, _, _ = view()
    seen = (np.cross(down, right) @ look).clip(0) + (np.cross(up, left) @ look).clip(0)
    assert area.sum() == pytest.approx(seen.sum() / 2, rel=1e-3)
    assert area.max() > 1.4 * np.median(area[area > 0])


def test_beside_the_image_nothing_is_flattened() -> None:
    far = GRID.model_copy(update={"x": GRID.x + 400_000})
    heights = np.full((48, 58), 100, np.float32)
    found = flatten(geometry(), far, WINDOW, heights, 4)
    assert np.isnan(found.factor).all()


def test_a_map_in_degrees_is_refused() -> None:
    degrees = Grid(crs="EPSG:4326", x=13, y=42, xres=1e-4, yres=1e-4, height=40, width=40)
    with pytest.raises(GridError, match="on a map in degrees"):
        flatten(geometry(), degrees, degrees.whole, np.zeros((48, 48), np.float32), 4)
