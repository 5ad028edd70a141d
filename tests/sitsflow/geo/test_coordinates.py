"""Where target pixels fall in a source: exact, and the same in every window."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from sitsflow.geo.coordinates import Coordinates, node_step, source_coordinates, source_window
from sitsflow.geo.grid import Grid, Lattice, Window, bounds_in

UTM = Grid(crs="EPSG:32631", x=300000, y=4900020, xres=10, yres=10, height=10980, width=10980)
LAMBERT = Lattice(crs="EPSG:2154", xres=10, yres=10).grid_over(bounds_in(UTM, "EPSG:2154"))


def exact(target: Grid, window: Window, source: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Source rows and columns of every pixel, each transformed by itself."""
    rows, cols = np.mgrid[window.slices]
    xs = target.x + (cols + 0.5) * target.xres
    ys = target.y - (rows + 0.5) * target.yres
    xs, ys = Transformer.from_crs(target.crs, source.crs, always_xy=True).transform(xs, ys)
    return (source.y - ys) / source.yres - 0.5, (xs - source.x) / source.xres - 0.5


def every_pixel(places: Coordinates) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all pixels of a window, one by one, from its nodes."""
    if places.step == 0:
        return tuple(np.meshgrid(places.rows, places.cols, indexing="ij"))
    down, right = np.mgrid[
        places.row : places.row + places.height, places.col : places.col + places.width
    ]
    if places.step == 1:
        return places.rows[down, right], places.cols[down, right]
    i, v = down // places.step, down % places.step / places.step
    j, u = right // places.step, right % places.step / places.step

    def between(nodes: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            first = nodes[i, j] + v * (nodes[i + 1, j] - nodes[i, j])
            second = nodes[i, j + 1] + v * (nodes[i + 1, j + 1] - nodes[i, j + 1])
            return first + u * (second - first)

    return between(places.rows), between(places.cols)


@pytest.mark.parametrize(
    ("crs", "resolution"),
    [
        ("EPSG:2154", 10),
        ("EPSG:2154", 30),
        ("EPSG:3035", 10),
        ("EPSG:32630", 20),
        ("EPSG:4326", 1e-4),
    ],
)
def test_coordinates_are_exact(crs: str, resolution: float) -> None:
    target = Lattice(crs=crs, xres=resolution, yres=resolution).grid_over(bounds_in(UTM, crs))
    step = node_step(target, UTM)
    assert step & (step - 1) == 0
    assert 1 <= step <= 64
    for row, col in [
        (0, 0),
        (target.height // 2 + 3, 5),
        (target.height - 150, target.width - 170),
    ]:
        window = Window(row=row, col=col, height=150, width=170)
        found = every_pixel(source_coordinates(target, window, UTM, step))
        for ours, truth in zip(found, exact(target, window, UTM), strict=True):
            assert np.abs(ours - truth).max() < 3e-6


def test_conformal_projections_do_not_hide_their_curvature() -> None:
    """Rows and columns curve against each other: cell middles alone would accept any step."""
    assert node_step(LAMBERT, UTM) == 8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 90), st.integers(1, 90))
def test_a_pixel_has_the_same_place_in_every_window(
    row: int, col: int, height: int, width: int
) -> None:
    outer = Window(row=4000, col=3000, height=300, width=300)
    inner = Window(row=4000 + row, col=3000 + col, height=height, width=width)
    whole = every_pixel(source_coordinates(LAMBERT, outer, UTM, 8))
    part = every_pixel(source_coordinates(LAMBERT, inner, UTM, 8))
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_array_equal(one[inner.relative_to(outer).slices], other)


def test_same_crs_needs_no_nodes() -> None:
    fine = Grid(crs="EPSG:32631", x=300000, y=4900020, xres=10, yres=10, height=6, width=8)
    coarse = Grid(crs="EPSG:32631", x=300000, y=4900020, xres=20, yres=20, height=3, width=4)
    assert node_step(fine, coarse) == 0
    places = source_coordinates(fine, fine.whole, coarse, 0)
    assert places.rows.tolist() == [-0.25, 0.25, 0.75, 1.25, 1.75, 2.25]
    assert places.shape == (6, 8)
    assert not places.coincident
    assert source_coordinates(coarse, coarse.whole, fine, 0).cols.tolist() == [0.5, 2.5, 4.5, 6.5]


def test_coincident_grids_have_whole_places_and_no_margin() -> None:
    part = UTM.part(Window(row=7, col=9, height=30, width=40))
    window = Window(row=1, col=2, height=5, width=6)
    places = source_coordinates(part, window, UTM, 0)
    assert places.coincident
    assert places.rows.tolist() == [8, 9, 10, 11, 12]
    expected = Window(row=8, col=11, height=5, width=6)
    assert source_window(part, window, UTM, 0, 2) == expected


def test_window_holds_what_is_needed() -> None:
    window = Window(row=5000, col=5000, height=100, width=120)
    rows, cols = exact(LAMBERT, window, UTM)
    needed = source_window(LAMBERT, window, UTM, 8, 2)
    assert needed is not None
    assert needed.row <= math.floor(rows.min()) - 1
    assert needed.col <= math.floor(cols.min()) - 1
    assert needed.row + needed.height >= math.floor(rows.max()) + 3
    assert needed.col + needed.width >= math.floor(cols.max()) + 3
    assert needed.height < np.ptp(rows) + 2 * 8 + 8


def test_window_is_clipped_to_the_source_and_none_where_they_do_not_meet() -> None:
    corner = source_window(LAMBERT, LAMBERT.whole, UTM, 8, 2)
    assert corner == UTM.whole
    away = UTM.model_copy(update={"x": UTM.x + 1_000_000})
    assert source_window(LAMBERT, Window(row=0, col=0, height=50, width=50), away, 8, 2) is None


def test_places_that_do_not_transform_lie_outside() -> None:
    world = Grid(crs="EPSG:4326", x=-180, y=120, xres=1, yres=1, height=240, width=360)
    window = Window(row=0, col=175, height=10, width=10)
    places = source_coordinates(world, window, UTM, 1)
    assert not np.isfinite(places.rows).any()
    assert source_window(world, window, UTM, 1, 2) is None
    assert node_step(world, UTM) == 1
