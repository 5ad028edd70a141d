import numpy as np
import pytest

from sitsflow.radar.lee import REFINED_RADIUS, lee, refined_lee
from tests.radar.speckle import looks_of, speckled, window

SIDES = {
    (0, 1): lambda r, c: c >= 0, (0, -1): lambda r, c: c <= 0,
    (1, 0): lambda r, c: r >= 0, (-1, 0): lambda r, c: r <= 0,
    (-1, 1): lambda r, c: c >= r, (1, -1): lambda r, c: c <= r,
    (1, 1): lambda r, c: r + c >= 0, (-1, -1): lambda r, c: r + c <= 0,
}  # fmt: skip


def estimate(value, seen, looks):
    mean, variance = np.nanmean(seen), np.nanvar(seen)
    true = max((variance - mean**2 / looks) / (1 + 1 / looks), 0)
    return mean + (value - mean) * (true / variance if true else 0)


def slow_lee(image, radius, looks):
    image = image.astype(float)
    out = np.full_like(image, np.nan)
    for row, col in np.argwhere(~np.isnan(image)):
        out[row, col] = estimate(image[row, col], window(image, row, col, radius), looks)
    return out


def slow_refined(image, looks):
    """The filter as Lee (1981) draws it: parts, gradients by templates, then one of eight sides."""
    wide = np.pad(image.astype(float), 3, constant_values=np.nan)
    out = np.full_like(image, np.nan, float)
    rows, cols = np.mgrid[-3:4, -3:4]
    for row, col in np.argwhere(~np.isnan(image)):
        seen = wide[row : row + 7, col : col + 7]
        middle = np.nanmean(seen[2:5, 2:5])
        parts = np.full((3, 3), middle)
        for i, j in np.ndindex(3, 3):
            part = seen[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            r, c = row + 2 * i - 2, col + 2 * j - 2
            inside = 0 <= r < image.shape[0] and 0 <= c < image.shape[1]
            if inside and not np.isnan(part).all():
                parts[i, j] = np.nanmean(part)
        (a, b, c), (d, _, f), (g, h, i) = parts
        edges = {
            (0, 1): c + f + i - a - d - g,
            (1, 0): g + h + i - a - b - c,
            (-1, 1): b + c + f - d - g - h,
            (1, 1): f + h + i - a - b - d,
        }
        down, right = max(edges, key=lambda way: abs(edges[way]))
        ahead, behind = parts[1 + down, 1 + right], parts[1 - down, 1 - right]
        if abs(ahead - middle) > abs(behind - middle):
            down, right = -down, -right
        side = np.where(SIDES[down, right](rows, cols), seen, np.nan)
        out[row, col] = estimate(image[row, col], side, looks)
    return out


def edge(shape=(16, 14)):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return np.where(rows + 2 * cols > shape[0] + shape[1] // 2, 0.4, 0.02)


@pytest.mark.parametrize(("radius", "gaps"), [(3, 0), (2, 0.3)])
def test_lee_agrees_with_numpy(radius, gaps):
    power = speckled(edge(), 2, 4.4, seed=1, gaps=gaps)
    found = lee(power, radius)
    for image, one in zip(power, found, strict=True):
        np.testing.assert_allclose(one, slow_lee(image, radius, 4.4), rtol=1e-5)


@pytest.mark.parametrize("gaps", [0, 0.3])
def test_refined_lee_agrees_with_numpy(gaps):
    power = speckled(edge(), 2, 4.4, seed=2, gaps=gaps)
    found = refined_lee(power)
    for image, one in zip(power, found, strict=True):
        np.testing.assert_allclose(one, slow_refined(image, 4.4), rtol=1e-5)


@pytest.mark.parametrize(("smooth", "pixels"), [(lee, 49), (refined_lee, 28)])
def test_homogeneous_areas_become_means(smooth, pixels):
    power = speckled(np.full((150, 150), 0.1), 1, 4.4, seed=3)
    found = smooth(power)
    # A part of the variance that chance adds to speckle is taken for structure.
    assert 0.3 * 4.4 * pixels < looks_of(found) < 4.4 * pixels
    assert found.mean() == pytest.approx(0.1, rel=0.02)


def test_the_refined_filter_leaves_less_speckle_beside_an_edge():
    power = speckled(edge((80, 60)), 1, 4.4, seed=4)
    rows, cols = np.mgrid[:80, :60]
    beside = (rows + 2 * cols > 111) & (rows + 2 * cols < 116)

    def error(found):
        return np.abs(found[0][beside] / 0.4 - 1).mean()

    assert error(refined_lee(power)) < 0.8 * error(lee(power))


def test_nothing_is_made_of_nothing():
    power = np.full((1, 9, 9), np.nan, np.float32)
    power[0, 4, 4] = 0.3
    for found in (lee(power), refined_lee(power)):
        np.testing.assert_array_equal(found, power)


@pytest.mark.parametrize("smooth", [lee, refined_lee])
def test_windows_with_their_margin_make_the_whole(smooth):
    power = speckled(edge((30, 40)), 1, 4.4, seed=5, gaps=0.1)
    near = REFINED_RADIUS
    part = smooth(power[:, 8 - near : 20 + near, 9 - near : 30 + near])
    np.testing.assert_array_equal(
        part[:, near:-near, near:-near], smooth(power)[:, 8:20, 9:30]
    )  # fmt: skip
