import numpy as np
import pytest
from scipy.ndimage import binary_opening

from sitsflow.radar.border_noise import (
    MARGIN,
    RADIUS,
    THRESHOLD,
    border_mask,
    has_border_noise,
    side_mask,
)
from sitsflow.radar.disk_opening import open_by_disk
from sitsflow.radar.lookup_table import LookupTable
from sitsflow.radar.thermal_noise import ThermalNoise


def scene(seed, shape=(70, 80)):
    """Land with speckle, single dark pixels, a dark lake, a dark side and a corner without data."""
    rng = np.random.default_rng(seed)
    power = rng.gamma(4, 0.02, shape).astype(np.float32)
    power[rng.random(shape) < 0.05] = 1e-4
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    power[(rows - 45) ** 2 + (cols - 50) ** 2 < 81] = 1e-4
    power[cols < 12 + rows // 9] = 1e-4
    power[rows + cols > 135] = np.nan
    return power


def slow_border(power):
    """A pixel is border if it lies in some disk that holds nothing but dark pixels."""
    down, right = np.ogrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1]
    disk = down**2 + right**2 <= 30.25
    dark = np.pad(~(power >= THRESHOLD), 2 * RADIUS, constant_values=True)
    mask = np.zeros_like(dark)
    for row in range(RADIUS, dark.shape[0] - RADIUS):
        for col in range(RADIUS, dark.shape[1] - RADIUS):
            here = np.s_[row - RADIUS : row + RADIUS + 1, col - RADIUS : col + RADIUS + 1]
            if dark[here][disk].all():
                mask[here] |= disk
    inner = np.s_[2 * RADIUS : -2 * RADIUS]
    return mask[inner, inner] | np.isnan(power)


def test_agrees_with_disks_moved_over_the_image():
    power = scene(1)
    found = border_mask(power)
    np.testing.assert_array_equal(found, slow_border(power))
    assert found[30, 3]
    assert found[45, 50]  # a lake this dark is border to iota2's rule
    assert found[69, 79]
    assert 0.2 < found.mean() < 0.4
    land = power[:25, 40:]
    assert (land < THRESHOLD).sum() > 30
    assert not found[:25, 40:].any()


@pytest.mark.parametrize("radius", [0, 1, 2, 5])
@pytest.mark.parametrize("shape", [(40, 50), (3, 30), (1, 1)])
def test_opening_is_that_of_scipy(shape, radius):
    rng = np.random.default_rng(radius)
    mask = rng.random(shape) > 0.02
    down, right = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = down**2 + right**2 <= (radius + 0.5) ** 2
    around = np.pad(mask, 2 * radius, constant_values=True)
    inner = np.s_[2 * radius : 2 * radius + shape[0], 2 * radius : 2 * radius + shape[1]]
    np.testing.assert_array_equal(
        open_by_disk(mask, radius), binary_opening(around, disk)[inner]
    )  # fmt: skip


@pytest.mark.parametrize(("rows", "cols"), [(23, 31), (70, 8)])
def test_windows_with_their_margin_make_the_mask_of_the_whole(rows, cols):
    power = scene(2)
    whole = border_mask(power)
    for top in range(0, power.shape[0], rows):
        for left in range(0, power.shape[1], cols):
            first_row, first_col = max(top - MARGIN, 0), max(left - MARGIN, 0)
            seen = power[first_row : top + rows + MARGIN, first_col : left + cols + MARGIN]
            part = border_mask(seen)[top - first_row :, left - first_col :][:rows, :cols]
            np.testing.assert_array_equal(part, whole[top : top + rows, left : left + cols])


def test_without_a_margin_the_mask_would_be_another():
    power = np.ones((40, 40), np.float32)
    power[:, 5:15] = 0  # too narrow for a disk, which is 11 pixels wide
    inside = np.s_[10:30]
    assert not border_mask(power)[inside].any()
    assert border_mask(power[:, 6:])[inside, :9].all()


def test_no_radius_leaves_each_dark_pixel():
    power = scene(3)
    np.testing.assert_array_equal(border_mask(power, radius=0), ~(power >= THRESHOLD))


def test_only_old_processors_leave_noise():
    assert [has_border_noise(one) for one in ((2, 36), (2, 84), (2, 90), (3, 40))] == [
        True, True, False, False,
    ]  # fmt: skip


def test_what_is_no_stronger_than_the_noise_is_border_at_the_sides():
    ends = np.array([0.0, 9.0])
    noise = ThermalNoise(LookupTable(ends, ends, np.full((2, 2), 1600.0)), ())
    numbers = np.array([[0, 29, 40, 41, 25, 0, 40, 30, 41, 90]], np.uint16)
    expected = [[True, True, True, False, False, True, False, True, False, False]]
    found = side_mask(numbers, 0, 0, (1, 10), noise, width=3)
    np.testing.assert_array_equal(found, expected)
    for left in range(10):  # no window depends on what it does not hold
        part = side_mask(numbers[:, left : left + 2], 0, left, (1, 10), noise, width=3)
        np.testing.assert_array_equal(part, found[:, left : left + 2])
    without = side_mask(numbers, 0, 0, (1, 10), None, width=3)
    np.testing.assert_array_equal(without, (numbers == 0) | (numbers == 29))
