"""Kernels against slow references, and what no resampling may do to a pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.warp import Resampling, reproject

from sitsflow.geo.coordinates import node_step, source_coordinates, source_window
from sitsflow.geo.grid import Grid, Lattice, Window, bounds_in
from sitsflow.geo.resampling import MARGINS, nearest, resample
from tests.slow import mostly_slow

UTM = Grid(crs="EPSG:32631", x=300000, y=4900020, xres=10, yres=10, height=400, width=420)
LAMBERT = Lattice(crs="EPSG:2154", xres=10, yres=10).grid_over(bounds_in(UTM, "EPSG:2154"))
STEP = node_step(LAMBERT, UTM)
INSIDE = Window(row=150, col=140, height=80, width=100)
NODATA = -10000


def warp(values, target, window, source, *, valid=None, nodata=NODATA, method="bicubic"):
    """Resample `values` of the whole source onto one window, reading no more than it must."""
    step = node_step(target, source)
    part = source_window(target, window, source, step, MARGINS[method])
    assert part is not None
    places = source_coordinates(target, window, source, step)
    rows, cols = part.slices
    return resample(
        np.ascontiguousarray(values[:, rows, cols]),
        None if valid is None else np.ascontiguousarray(valid[:, rows, cols]),
        nodata,
        places,
        part,
        method,
    )


def centres(target, window, source):
    """Exact source rows and columns of every target pixel."""
    rows, cols = np.mgrid[window.slices]
    xs, ys = target.x + (cols + 0.5) * target.xres, target.y - (rows + 0.5) * target.yres
    xs, ys = Transformer.from_crs(target.crs, source.crs, always_xy=True).transform(xs, ys)
    return (source.y - ys) / source.yres - 0.5, (xs - source.x) / source.xres - 0.5


def keys(distance):
    """Keys' cubic convolution with a = -1/2, as in the paper: a function of the distance."""
    d = np.abs(distance)
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def tent(distance):
    return np.maximum(0, 1 - np.abs(distance))


def reference(layer, usable, hole, rows, cols, method):
    """Evaluate the rules one pixel at a time in float64."""
    out = np.full(rows.shape, np.nan)
    padded = np.pad(np.where(usable, layer, 0).astype(np.float64), 3)
    usable, hole = np.pad(usable, 3), np.pad(hole, 3, constant_values=True)
    for at in np.ndindex(rows.shape):
        row, col = rows[at], cols[at]
        middle = int(np.floor(row + 0.5)), int(np.floor(col + 0.5))
        if not (0 <= middle[0] < layer.shape[0] and 0 <= middle[1] < layer.shape[1]):
            continue
        if hole[middle[0] + 3, middle[1] + 3]:
            continue
        i, j = int(np.floor(row)), int(np.floor(col))
        square = slice(i + 2, i + 6), slice(j + 2, j + 6)
        down, right = row - np.arange(i - 1, i + 3), col - np.arange(j - 1, j + 3)
        out[at] = one_pixel(padded[square], usable[square], down, right, method)
    return out


def one_pixel(taps, usable, down, right, method):
    inner = np.zeros((4, 4), bool)
    inner[1:3, 1:3] = True
    kernels = [keys, tent] if method == "bicubic" else [tent]
    for kernel, least in zip(kernels, (0.25, 0) if len(kernels) == 2 else (0,), strict=True):
        weights = np.outer(kernel(down), kernel(right)) * usable
        if weights.sum() > least:
            return (weights * taps).sum() / weights.sum()
    for candidates in (usable & inner, usable & (method == "bicubic")):
        if candidates.any():
            distance = np.where(candidates, down[:, None] ** 2 + right**2, np.inf)
            return taps[np.unravel_index(distance.argmin(), (4, 4))]
    return np.nan


def rough(dtype, seed=0, layers=1, high=10000):
    values = np.random.default_rng(seed).integers(0, high, (layers, *UTM.shape), endpoint=True)
    return values.astype(dtype)


@pytest.mark.parametrize("method", mostly_slow(["bicubic", "bilinear"], quick=1))
@pytest.mark.parametrize(
    ("dtype", "high"), [(np.int16, 32767), (np.uint16, 65535), (np.float32, 65535)]
)
def test_agrees_with_exact_evaluation_of_rough_images(dtype, high, method) -> None:
    values = rough(dtype, high=high)
    found = warp(values, LAMBERT, INSIDE, UTM, nodata=None, method=method)
    every = np.ones(UTM.shape, bool)
    rows, cols = centres(LAMBERT, INSIDE, UTM)
    expected = reference(values[0], every, ~every, rows, cols, method)
    assert np.isfinite(expected).all()
    assert found.dtype == np.float32
    assert np.abs(found[0] - expected).max() < 0.25


@pytest.mark.parametrize("method", ["bicubic", "bilinear"])
def test_agrees_with_the_rules_around_invalid_pixels(method) -> None:
    rng = np.random.default_rng(1)
    values = rough(np.int16, layers=2)
    share = np.linspace(0, 0.95, UTM.width)
    values[0, rng.random(UTM.shape) < share] = NODATA
    valid = rng.random(values.shape) >= share
    valid[:, 180:200, 180:200] = False
    found = warp(values, LAMBERT, INSIDE, UTM, valid=valid, method=method)
    rows, cols = centres(LAMBERT, INSIDE, UTM)
    for n in range(2):
        hole = values[n] == NODATA
        expected = reference(values[n], valid[n] & ~hole, hole, rows, cols, method)
        np.testing.assert_array_equal(np.isnan(found[n]), np.isnan(expected))
        assert np.nanmax(np.abs(found[n] - expected)) < 0.5
        assert np.isnan(expected).any()


def test_the_border_of_the_source_follows_the_rules() -> None:
    values = rough(np.int16)
    window = Window(row=0, col=0, height=LAMBERT.height, width=40)
    found = warp(values, LAMBERT, window, UTM)
    every = np.ones(UTM.shape, bool)
    expected = reference(values[0], every, ~every, *centres(LAMBERT, window, UTM), "bicubic")
    np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(expected))
    assert 0 < np.isnan(expected).mean() < 1
    assert np.nanmax(np.abs(found[0] - expected)) < 0.25


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, LAMBERT.height - 2),
    st.integers(0, LAMBERT.width - 2),
    st.integers(1, 140),
    st.integers(1, 140),
    st.sampled_from(["bicubic", "bilinear", "nearest"]),
)
def test_a_window_has_the_bits_of_the_whole(row, col, height, width, method) -> None:
    values, valid, whole = _whole(method)
    height, width = min(height, LAMBERT.height - row), min(width, LAMBERT.width - col)
    window = Window(row=row, col=col, height=height, width=width)
    if source_window(LAMBERT, window, UTM, STEP, MARGINS[method]) is None:
        assert np.isnan(whole[:, *window.slices]).all()
        return
    part = warp(values, LAMBERT, window, UTM, valid=valid, method=method)
    np.testing.assert_array_equal(part.view(np.int32), whole[:, *window.slices].view(np.int32))


_WHOLE: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}


def _whole(method):
    if method not in _WHOLE:
        rng = np.random.default_rng(2)
        values = rough(np.int16, seed=3)
        spoiled = np.kron(rng.random((20, 21)), np.ones((20, 20))) < 0.3
        values[0, spoiled & (rng.random(UTM.shape) < 0.4)] = NODATA
        valid = ~(spoiled & (rng.random(UTM.shape) < 0.4))[None]
        found = warp(values, LAMBERT, LAMBERT.whole, UTM, valid=valid, method=method)
        _WHOLE[method] = values, valid, found
    return _WHOLE[method]


@pytest.mark.parametrize("method", ["bicubic", "bilinear"])
def test_invalid_pixels_never_bleed(method) -> None:
    rng = np.random.default_rng(4)
    values = np.full((2, *UTM.shape), 1234, np.int16)
    valid = rng.random(values.shape) > 0.5
    values[~valid] = 32000
    values[1, rng.random(UTM.shape) < 0.3] = NODATA
    found = warp(values, LAMBERT, INSIDE, UTM, valid=valid, method=method)
    np.testing.assert_allclose(found[np.isfinite(found)], 1234, rtol=2e-6)
    assert np.isnan(found[1]).mean() > 0.25


def test_a_shore_has_the_same_overshoot_at_the_edge_as_inside() -> None:
    source = Grid(crs=UTM.crs, x=0, y=0, xres=10, yres=10, height=20, width=20)
    target = source.model_copy(update={"x": 3.5, "y": 3.5})
    values = np.tile(np.where(np.arange(20) < 10, 2300, 90).astype(np.float32), (1, 20, 1))
    found = warp(values, target, target.whole, source)[0]
    np.testing.assert_allclose(found, np.tile(found[9], (20, 1)), atol=1e-3)
    assert found[0, 10] < 0  # dark water beside bright land
    warped = np.full(source.shape, NODATA, np.float32)
    reproject(
        values[0], warped, src_crs=source.crs, src_transform=source.transform,
        dst_crs=source.crs, dst_transform=target.transform, dst_nodata=NODATA,
        resampling=Resampling.cubic,
    )  # fmt: skip
    np.testing.assert_allclose(found[2:17, 2:17], warped[2:17, 2:17], atol=0.1)
    assert warped[0, 10] == 90  # GDAL is bilinear where it has not all sixteen pixels


@pytest.mark.parametrize("method", ["bicubic", "bilinear"])
def test_ramps_are_reproduced(method) -> None:
    rows, cols = np.mgrid[: UTM.height, : UTM.width]
    values = (3 * rows + 7 * cols)[None].astype(np.float32)
    found = warp(values, LAMBERT, INSIDE, UTM, nodata=None, method=method)
    at_rows, at_cols = centres(LAMBERT, INSIDE, UTM)
    np.testing.assert_allclose(found[0], 3 * at_rows + 7 * at_cols, atol=2e-3)


def test_bicubic_reproduces_parabolas() -> None:
    rows, _ = np.mgrid[: UTM.height, : UTM.width]
    found = warp((rows[None] ** 2 / 8).astype(np.float32), LAMBERT, INSIDE, UTM, nodata=None)
    np.testing.assert_allclose(found[0], centres(LAMBERT, INSIDE, UTM)[0] ** 2 / 8, atol=5e-3)


def test_holes_are_not_filled_in() -> None:
    values = rough(np.int16)
    values[0, 150:230, 150:260] = NODATA
    found = warp(values, LAMBERT, INSIDE, UTM)
    rows, cols = (np.floor(axis + 0.5).astype(int) for axis in centres(LAMBERT, INSIDE, UTM))
    np.testing.assert_array_equal(np.isnan(found[0]), values[0, rows, cols] == NODATA)


def test_floats_that_are_not_finite_are_not_used() -> None:
    values = np.full((1, *UTM.shape), 5, np.float32)
    values[0, ::7, ::5] = np.nan
    values[0, ::5, ::7] = np.inf
    found = warp(values, LAMBERT, INSIDE, UTM, nodata=None)
    assert np.isnan(found).any()
    np.testing.assert_allclose(found[np.isfinite(found)], 5, rtol=2e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.int16])
def test_nearest_takes_the_pixel_that_holds_the_centre(dtype) -> None:
    values = (rough(np.int16, high=1 if dtype is np.bool_ else 200)).astype(dtype)
    step = node_step(LAMBERT, UTM)
    places = source_coordinates(LAMBERT, LAMBERT.whole, UTM, step)
    found = nearest(values, places, UTM.whole, 1)
    rows, cols = (np.floor(a + 0.5).astype(int) for a in centres(LAMBERT, LAMBERT.whole, UTM))
    inside = (rows >= 0) & (rows < UTM.height) & (cols >= 0) & (cols < UTM.width)
    expected = np.where(inside, values[0, rows.clip(0, 399), cols.clip(0, 419)], dtype(1))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[0], expected)
    assert not inside.all()


def test_nearest_bands_are_float_with_nan_for_nodata() -> None:
    values = rough(np.int16, high=3)
    values[values == 3] = NODATA
    found = warp(values, LAMBERT, INSIDE, UTM, method="nearest")
    rows, cols = (np.floor(axis + 0.5).astype(int) for axis in centres(LAMBERT, INSIDE, UTM))
    picked = values[0, rows, cols].astype(np.float32)
    np.testing.assert_array_equal(found[0], np.where(picked == NODATA, np.nan, picked))


@pytest.mark.parametrize("method", ["bicubic", "nearest"])
def test_coincident_grids_copy(method) -> None:
    values = rough(np.int16, layers=2)
    values[1, 10, 10] = NODATA
    target = UTM.model_copy(update={"x": UTM.x - 50, "y": UTM.y - 30})
    window = Window(row=2, col=0, height=20, width=30)
    found = warp(values, target, window, UTM, method=method)
    expected = np.full((2, 20, 30), np.nan, np.float32)
    expected[:, :, 5:] = values[:, 5:25, :25]
    expected[1, 5, 15] = np.nan
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("resolution", [5, 20, 30, 60])
def test_other_resolutions_of_one_crs_interpolate_at_the_centres(resolution) -> None:
    target = Lattice(crs=UTM.crs, xres=resolution, yres=resolution, x=UTM.x, y=UTM.y).grid_over(
        UTM.bounds
    )
    values = rough(np.int16)
    window = Window(row=1, col=0, height=min(70, target.height - 1), width=69)
    found = warp(values, target, window, UTM)
    every = np.ones(UTM.shape, bool)
    expected = reference(values[0], every, ~every, *centres(target, window, UTM), "bicubic")
    np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(expected))
    assert np.nanmax(np.abs(found[0] - expected)) < 0.25


def test_result_goes_where_asked_and_inputs_are_left_alone() -> None:
    values, out = rough(np.int16), np.zeros((1, 4, 5), np.float32)
    before = values.copy()
    window = Window(row=200, col=200, height=4, width=5)
    places = source_coordinates(LAMBERT, window, UTM, STEP)
    assert resample(values, None, NODATA, places, UTM.whole, out=out) is out
    assert (out != 0).all()
    np.testing.assert_array_equal(values, before)
    # Whatever part of the source is given, a pixel keeps its bits.
    np.testing.assert_array_equal(out, warp(values, LAMBERT, window, UTM))


def test_pixels_that_are_not_wanted_may_be_left_out_and_the_others_stay_as_they_are() -> None:
    rng = np.random.default_rng(5)
    shape = (2, 80, 150)  # more than a block both ways
    source = Grid(crs="EPSG:32631", x=500_000, y=4_800_000, xres=10, yres=10, height=80, width=150)
    target = source.model_copy(update={"x": 500_003.0})
    values = rng.integers(1, 9000, shape).astype(np.int16)
    valid = rng.random(shape) > 0.4
    wanted = rng.random(shape) > 0.4
    wanted[0, :64, 64:128] = wanted[1, 20:40] = False  # a whole block; whole rows
    coordinates = source_coordinates(target, target.whole, source, 0)
    every = resample(values, valid, None, coordinates, source.whole)
    some = resample(values, valid, None, coordinates, source.whole, wanted=wanted)
    np.testing.assert_array_equal(some[wanted], every[wanted])
    assert np.isnan(some[~wanted]).mean() > 0.9
    assert np.isnan(some[0, :64, 64:128]).all()
    assert np.isnan(some[1, 20:40]).all()
