"""Means under coarser pixels against slow references, and what no mean may hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitsflow.geo.averaging import Footprints, is_coarser, samples_a_side
from sitsflow.geo.coordinates import pixel_span
from sitsflow.geo.grid import Grid, Lattice, Window, bounds_in
from tests.sitsflow.geo.test_resampling import centres

UTM = Grid(crs="EPSG:32631", x=300000, y=4900020, xres=10, yres=10, height=90, width=110)
NODATA = -10000


def coarse(xres: float, yres: float, x: float = 0, y: float = 0, crs: str = "EPSG:32631") -> Grid:
    """A grid over the source and a little beyond, its corner at (x, y) from a lattice's."""
    return Lattice(crs=crs, xres=xres, yres=yres, x=x, y=y).grid_over(bounds_in(UTM, crs))


LAMBERT = coarse(31, 24, crs="EPSG:2154")
GRIDS = {
    "whole pixels": coarse(20, 30, y=0),
    "parts of pixels": coarse(23, 37.5, x=3.3, y=-1.7),
    "another projection": LAMBERT,
}


def under(target: Grid, window: Window, source: Grid = UTM) -> Footprints:
    return Footprints(target, window, source)


def mean(target, window, values, valid=None, nodata=NODATA):
    """The mean of one window, reading no more than it must."""
    found = under(target, window)
    if found.window is None:
        return np.full((len(values), *window.shape), np.nan, np.float32)
    rows, cols = found.window.slices
    part = None if valid is None else valid[:, rows, cols]
    return found.mean(values[:, rows, cols], part, nodata)


def shares(target: Grid, row: int, col: int) -> np.ndarray:
    """What part of each source pixel counts for one target pixel, and no more than is asked."""
    if target.crs == UTM.crs:

        def overlap(low, high, edges):
            return np.clip(np.minimum(high, edges + 1) - np.maximum(low, edges), 0, None)

        top, left = target.y - row * target.yres, target.x + col * target.xres
        down = (UTM.y - np.array([top, top - target.yres])) / UTM.yres
        right = (np.array([left, left + target.xres]) - UTM.x) / UTM.xres
        return np.outer(
            overlap(*down, np.arange(UTM.height)), overlap(*right, np.arange(UTM.width))
        )
    side = samples_a_side(target, UTM)
    fine = Grid(
        crs=target.crs, x=target.x, y=target.y, xres=target.xres / side, yres=target.yres / side,
        height=target.height * side, width=target.width * side,
    )  # fmt: skip
    window = Window(row=row * side, col=col * side, height=side, width=side)
    rows, cols = (np.floor(at + 0.5).astype(int).ravel() for at in centres(fine, window, UTM))
    found = np.zeros(UTM.shape)
    inside = (rows >= 0) & (rows < UTM.height) & (cols >= 0) & (cols < UTM.width)
    np.add.at(found, (rows[inside], cols[inside]), 1)
    return found


def rough(dtype=np.int16, layers=2, seed=3):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 10000, (layers, *UTM.shape)).astype(dtype)
    values[rng.random(values.shape) < 0.1] = NODATA if dtype != np.uint16 else 0
    return values, rng.random(values.shape) < np.linspace(0.05, 1, UTM.width)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32])
def test_agrees_with_the_slow_reference(name, dtype) -> None:
    target, (values, valid) = GRIDS[name], rough(dtype)
    nodata = 0 if dtype == np.uint16 else NODATA
    if dtype == np.float32:
        values[0, :40:7, ::3], values[1, ::5] = np.nan, np.inf
    found = mean(target, target.whole, values, valid, nodata)
    half = under(target, target.whole)
    covered = half.covered(valid[:, *half.window.slices])
    places = np.random.default_rng(0).integers(0, target.shape, (60, 2)).tolist()
    for row, col in [[0, 0], [target.height - 1, target.width - 1], *places]:
        weights = shares(target, row, col)
        area = (
            np.prod(pixel_span(target, UTM))
            if target.crs == UTM.crs
            else samples_a_side(target, UTM) ** 2
        )
        for layer in range(2):
            usable = valid[layer] & np.isfinite(values[layer]) & (values[layer] != nodata)
            total = (weights * usable).sum()
            if total < 1e-5:
                assert np.isnan(found[layer, row, col])
            else:
                expected = (weights * usable * np.where(usable, values[layer], 0)).sum() / total
                assert found[layer, row, col] == pytest.approx(expected, rel=1e-4, abs=0.01)
            share = (weights * valid[layer]).sum() / area
            if abs(share - 0.5) > 1e-4:
                assert covered[layer, row, col] == (share > 0.5)


def test_half_of_the_area_is_enough_and_less_is_not() -> None:
    target = Grid(**UTM.model_dump() | {"xres": 20, "yres": 20, "height": 1, "width": 3})
    valid = np.zeros((1, *UTM.shape), bool)
    valid[0, :2, :6] = [[1, 1, 1, 0, 1, 0], [0, 0, 1, 1, 0, 0]]
    part = under(target, target.whole)
    assert part.window == Window(row=0, col=0, height=2, width=6)
    assert part.covered(valid[:, :2, :6])[0, 0].tolist() == [True, True, False]


def test_what_lies_outside_the_source_is_not_covered() -> None:
    target = Grid(**UTM.model_dump() | {"x": UTM.x - 12, "xres": 20, "height": 1, "width": 2})
    part = under(target, target.whole)
    found = part.covered(np.ones((1, *part.window.shape), bool))
    assert found[0, 0].tolist() == [False, True]


windows = st.tuples(st.integers(0, 28), st.integers(0, 34), st.integers(1, 9), st.integers(1, 9))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(GRIDS)), windows, st.sampled_from([np.int16, np.float32]))
def test_a_window_has_the_bits_of_the_whole(name, numbers, dtype) -> None:
    target, (values, valid) = GRIDS[name], rough(dtype)
    row, col = min(numbers[0], target.height - 1), min(numbers[1], target.width - 1)
    window = Window(
        row=row, col=col, height=min(numbers[2], target.height - row),
        width=min(numbers[3], target.width - col),
    )  # fmt: skip
    whole = WHOLE.setdefault((name, dtype), mean(target, target.whole, values, valid))
    np.testing.assert_array_equal(mean(target, window, values, valid), whole[:, *window.slices])


WHOLE: dict[tuple[str, type], np.ndarray] = {}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(GRIDS)),
    st.floats(-20000, 20000, width=32).filter(lambda value: value != NODATA),
    st.integers(0, 2**32 - 1),
)
def test_equal_values_stay_and_nothing_of_masked_pixels_enters(name, value, seed) -> None:
    target = GRIDS[name]
    rng = np.random.default_rng(seed)
    valid = rng.random((1, *UTM.shape)) < rng.random()
    values = np.where(valid, np.float32(value), np.float32(1e30))
    values[~valid & (rng.random(values.shape) < 0.3)] = np.nan
    found = mean(target, target.whole, values, valid)
    assert (found[~np.isnan(found)] == np.float32(value)).all()


def test_means_lie_between_the_least_and_the_most() -> None:
    values, _ = rough(np.float32)
    for target in GRIDS.values():
        found = mean(target, target.whole, values)
        assert np.nanmin(found) >= values[values != NODATA].min()
        assert np.nanmax(found) <= values.max()


@pytest.mark.parametrize(
    ("grid", "coarser"),
    [
        (UTM, False),
        (coarse(10, 10, x=5), False),
        (coarse(10, 10, crs="EPSG:2154"), False),  # 0.1 % of distortion
        (coarse(10.6, 10), True),
        (coarse(5, 5), False),
        (coarse(20, 20, crs="EPSG:2154"), True),
        (coarse(0.00018, 0.00018, crs="EPSG:4326"), True),  # 20 m by 14 m
    ],
)
def test_which_grids_are_coarser(grid, coarser) -> None:
    assert is_coarser(grid, UTM) == coarser
