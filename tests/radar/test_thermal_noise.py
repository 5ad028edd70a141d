import numpy as np
import pytest

from sitsflow.errors import ProductError
from sitsflow.radar.thermal_noise import read_thermal_noise
from tests.radar.annotation_files import block, vectors, write_channel

FLAT = vectors("noiseRangeVector", "noiseRangeLut", [(0, [0, 9], [100, 100])])
DONE = (
    "<imageAnnotation><processingInformation><thermalNoiseCorrectionPerformed>{}"
    "</thermalNoiseCorrectionPerformed></processingInformation></imageAnnotation>"
)


def slow_factor(line, pixel, blocks):
    """The factor of the block that holds a pixel, or of the one at the least distance."""
    far = []
    for (top, bottom, left, right), lines, lut in blocks:
        down = max(top - line, line - bottom, 0)
        across = max(left - pixel, pixel - right, 0)
        far.append((down**2 + across**2, np.interp(line, lines, lut)))
    return min(far, key=lambda one: one[0])[1]


def test_blocks_of_azimuth_scale_their_rectangle_and_the_gaps_beside_it(tmp_path):
    # Ends are part of a block; between them and after the last there are gaps; one has one line.
    blocks = [
        ((0, 5, 0, 3), [0, 4], [1, 2]),
        ((0, 5, 4, 8), [0], [3]),
        ((8, 11, 0, 8), [8, 11], [5, 8]),
    ]
    listed = "".join(block(*one) for one in blocks)
    noise = f"{FLAT}<noiseAzimuthVectorList>{listed}</noiseAzimuthVectorList>"
    found = read_thermal_noise(tmp_path, write_channel(tmp_path, noise=noise), (2, 91))
    assert found is not None
    wanted = [[100 * slow_factor(r, c, blocks) for c in range(12)] for r in range(14)]
    np.testing.assert_allclose(found.over(0, 0, (14, 12)), wanted, rtol=1e-6)
    np.testing.assert_array_equal(
        found.over(3, 2, (8, 5)), found.over(0, 0, (14, 12))[3:11, 2:7]
    )  # fmt: skip


def test_before_2_9_vectors_of_noise_may_have_other_pixels_each(tmp_path):
    given = [(0, [0, 4, 8], [10, 30, 20]), (10, [1, 8], [40, 60])]
    channel = write_channel(tmp_path, noise=vectors("noiseVector", "noiseLut", given))
    found = read_thermal_noise(tmp_path, channel, (2, 84))
    assert found is not None
    along = np.arange(9)
    first, last = (np.interp(along, pixels, lut) for _, pixels, lut in given)
    wanted = [first + (last - first) * min(row / 10, 1) for row in range(13)]
    np.testing.assert_allclose(found.over(0, 0, (13, 9)), wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("version", "unit"), [((2, 50), 1), ((2, 49), 75088.7 * 25), ((2, 33), 75088.7 * 5)]
)
def test_old_processors_wrote_noise_in_other_units(tmp_path, version, unit):
    channel = write_channel(
        tmp_path,
        noise=vectors("noiseVector", "noiseLut", [(0, [0, 9], [2, 2])]),
        calibration=vectors("calibrationVector", "dn", [(0, [0, 9], [5, 6])]),
    )
    found = read_thermal_noise(tmp_path, channel, version)
    assert found is not None
    np.testing.assert_allclose(found.over(0, 0, (2, 3)), 2 * unit, rtol=1e-6)


def test_noise_is_not_subtracted_twice(tmp_path):
    channel = write_channel(tmp_path, noise=FLAT, annotation=DONE.format("true"))
    assert read_thermal_noise(tmp_path, channel, (3, 40)) is None
    channel = write_channel(tmp_path, noise=FLAT, annotation=DONE.format("false"))
    assert read_thermal_noise(tmp_path, channel, (3, 40)) is not None


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ("", "it has no noiseRangeVector and no noiseVector"),
        (FLAT + "<noiseAzimuthVectorList>" + block((0, 1, 0, 1), [1, 0], [1, 1])
         + "</noiseAzimuthVectorList>", "lines of a noiseAzimuthVector do not increase"),
        (FLAT + "<noiseAzimuthVectorList>" + block((0, 1, 0, 1), [0, 1], [1])
         + "</noiseAzimuthVectorList>", "1 numbers in noiseAzimuthLut"),
    ],
)  # fmt: skip
def test_what_is_no_noise_is_an_error(tmp_path, noise, message):
    channel = write_channel(tmp_path, noise=noise)
    with pytest.raises(ProductError, match=rf"noise\.xml: .*{message}"):
        read_thermal_noise(tmp_path, channel, (2, 91))
