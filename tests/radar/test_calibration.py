import numpy as np
import pytest

from sitsflow.errors import ProductError
from sitsflow.radar.calibration import LEAST_POWER, calibrate, decibels, read_calibration
from sitsflow.radar.metadata import read_metadata
from sitsflow.radar.safe import read_product
from sitsflow.radar.thermal_noise import read_thermal_noise
from tests.radar.annotation_files import vectors, write_channel


def slow_table(vectors_, row, col, shape):
    """Interpolate in range, then in azimuth, one pixel after the other."""
    lines = [line for line, _, _ in vectors_]
    out = np.empty(shape)
    for r in range(shape[0]):
        for c in range(shape[1]):
            along = [np.interp(col + c, pixels, values) for _, pixels, values in vectors_]
            out[r, c] = np.interp(row + r, lines, along)
    return out


def real_vectors(safe, path, list_name, name):
    return [
        (one.integer("line"), one.numbers("pixel"), one.numbers(name))
        for one in read_metadata(safe, path).all(list_name)
    ]


@pytest.fixture(scope="module")
def real(real_sentinel1):
    (safe,) = real_sentinel1.glob("*.SAFE")
    return read_product(safe, ["vv"])


@pytest.mark.parametrize(
    ("quantity", "element"),
    [("sigma0", "sigmaNought"), ("beta0", "betaNought"), ("gamma0", "gamma"), ("dn", "dn")],
)
@pytest.mark.parametrize(("row", "col"), [(660, 13), (16690, 26085), (0, 0)])
def test_agrees_with_the_formula_on_real_annotation(real, quantity, element, row, col):
    path, shape = real.channels["vv"].calibration, (15, 17)
    numbers = np.random.default_rng(row).integers(0, 4, shape).astype(np.uint16) ** 5 * 9
    gains = read_calibration(real.product, path, quantity)
    found = calibrate(numbers, row, col, gains)
    listed = real_vectors(real.product, path, "*/calibrationVector", element)
    wanted = numbers.astype(float) ** 2 / slow_table(listed, row, col, shape) ** 2
    assert np.isnan(found).any()
    np.testing.assert_array_equal(np.isnan(found), numbers == 0)
    valid = numbers > 0
    np.testing.assert_allclose(found[valid], wanted[valid], rtol=1e-6)


def test_noise_of_real_annotation_is_subtracted(real):
    files, (row, col), shape = real.channels["vv"], (1999, 8880), (12, 20)
    noise = read_thermal_noise(real.product, files, real.ipf_version)
    assert noise is not None
    listed = real_vectors(real.product, files.noise, "*/noiseRangeVector", "noiseRangeLut")
    azimuth = [
        (one.numbers("line"), one.numbers("noiseAzimuthLut"))
        for one in read_metadata(real.product, files.noise).all("*/noiseAzimuthVector")
    ]
    eta = slow_table(listed, row, col, shape)
    for r in range(shape[0]):
        for c in range(shape[1]):
            # Swath IW1 ends with sample 8889.
            eta[r, c] *= np.interp(row + r, *azimuth[0 if col + c <= 8889 else 1])
    np.testing.assert_allclose(noise.over(row, col, shape), eta, rtol=1e-6)
    assert np.abs(np.diff(eta[:, 9:11])).max() > 10  # the swaths do differ

    numbers = np.full(shape, 150, np.uint16)
    gains = read_calibration(real.product, files.calibration)
    gamma = slow_table(
        real_vectors(real.product, files.calibration, "*/calibrationVector", "gamma"),
        row, col, shape,
    )  # fmt: skip
    found = calibrate(numbers, row, col, gains, noise.over(row, col, shape))
    np.testing.assert_allclose(found, (150.0**2 - eta) / gamma**2, rtol=1e-5)


def test_what_is_below_the_noise_is_dark_and_no_gap(tmp_path):
    channel = write_channel(
        tmp_path,
        calibration=vectors("calibrationVector", "gamma", [(0, [0, 9], [100, 100])]),
    )
    gains = read_calibration(tmp_path, channel.calibration)
    numbers = np.array([[0, 10, 20]], np.uint16)
    found = calibrate(numbers, 0, 0, gains, np.full((1, 3), 200, np.float32))
    np.testing.assert_allclose(found, [[np.nan, LEAST_POWER, 200 / 1e4]], rtol=1e-6)
    assert decibels(found)[0, 1] == pytest.approx(-70)


def test_windows_of_an_image_fit_together(tmp_path):
    given = [(0, [0, 4, 9], [300, 330, 310]), (7, [0, 9], [310, 350]), (30, [2, 5], [100, 90])]
    channel = write_channel(tmp_path, calibration=vectors("calibrationVector", "gamma", given))
    gains = read_calibration(tmp_path, channel.calibration)
    numbers = np.random.default_rng(1).integers(1, 900, (40, 12)).astype(np.uint16)
    whole = calibrate(numbers, 0, 0, gains)
    np.testing.assert_array_equal(whole[5:33, 3:], calibrate(numbers[5:33, 3:], 5, 3, gains))
    wanted = numbers.astype(float) ** 2 / slow_table(given, 0, 0, (40, 12)) ** 2
    np.testing.assert_allclose(whole, wanted, rtol=1e-6)


def test_decibels():
    power = np.array([1, 0.1, 0, -1, np.nan], np.float32)
    np.testing.assert_allclose(decibels(power), [0, -10, np.nan, np.nan, np.nan], atol=1e-6)


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ("", "it has no calibrationVector with gamma"),
        (vectors("calibrationVector", "gamma", [(0, [0, 1], [5])]), "1 numbers in gamma, but 2"),
        (vectors("calibrationVector", "gamma", [(0, [1, 1], [5, 5])]), "pixels .* not increase"),
        (vectors("calibrationVector", "gamma", [(0, [0, 1], [5, 0])]), "gamma is 0"),
        (vectors("calibrationVector", "gamma", [(0, [0, 1], [5, np.nan])]), "not finite numbers"),
        (vectors("calibrationVector", "gamma", [(0, [0], [5])]).replace("<line>0", "<line>a"),
         "line is 'a', not a whole number"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_gains_is_an_error(tmp_path, calibration, message):
    channel = write_channel(tmp_path, calibration=calibration)
    with pytest.raises(ProductError, match=rf"calibration\.xml: .*{message}"):
        read_calibration(tmp_path, channel.calibration)
