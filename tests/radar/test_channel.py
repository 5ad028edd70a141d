import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from sitsflow.errors import ProductError
from sitsflow.radar.border_noise import WIDTH_BEFORE_29
from sitsflow.radar.channel import read_channel
from sitsflow.radar.safe import read_product
from tests.radar.annotation_files import vectors
from tests.radar.safe_product import packed, write_product

GAINS = {"vv": 500.0, "vh": 400.0}
NOISE = 2500.0
SHAPE = (20, 30)
CORNERS = [
    GroundControlPoint(row, col, 2 + col / 1e4, 44 - row / 1e4)
    for row in (0, SHAPE[0])
    for col in (0, SHAPE[1])
]


def numbers(seed):
    found = np.random.default_rng(seed).integers(60, 400, SHAPE).astype(np.uint16)
    found[:4] = 0
    return found


def write_image(path, values, dtype="uint16"):
    path.unlink()
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=dtype, gcps=CORNERS, crs="EPSG:4326",
    ) as raster:  # fmt: skip
        raster.write(values.astype(dtype), 1)


def filled_product(folder, ipf="002.91", dtype="uint16"):
    """A product of 20 x 30 pixels, whose gains and noise are the same everywhere."""
    safe = write_product(folder, ipf=ipf)
    lists = ("noiseRangeVector", "noiseRangeLut") if ipf > "002.90" else ("noiseVector", "noiseLut")
    for seed, pol in enumerate(("vv", "vh")):
        (image,) = safe.glob(f"measurement/*{pol}*")
        write_image(image, numbers(seed), dtype)
        (file,) = safe.glob(f"annotation/calibration/calibration*{pol}*")
        table = vectors("calibrationVector", "gamma", [(0, [0, 29], [GAINS[pol]] * 2)])
        file.write_text(f"<calibration>{table}</calibration>")
        (file,) = safe.glob(f"annotation/calibration/noise*{pol}*")
        file.write_text(f"<noise>{vectors(*lists, [(0, [0, 29], [NOISE] * 2)])}</noise>")
    return safe


def wanted(pol, *, noise=0.0):
    values = numbers(0 if pol == "vv" else 1).astype(float)
    return np.where(values > 0, (values**2 - noise) / GAINS[pol] ** 2, np.nan)


@pytest.mark.parametrize("pol", ["vv", "vh"])
def test_windows_are_calibrated(tmp_path, pol):
    channel = read_channel(read_product(filled_product(tmp_path)), pol)
    assert channel.shape == SHAPE
    assert channel.border is None
    found = channel.power(2, 5, (10, 9))
    np.testing.assert_allclose(found, wanted(pol, noise=NOISE)[2:12, 5:14], rtol=1e-6)
    with_noise = channel.power(2, 5, (10, 9), without_noise=False)
    np.testing.assert_allclose(with_noise, wanted(pol)[2:12, 5:14], rtol=1e-6)


def test_there_is_nothing_outside_the_image(tmp_path):
    channel = read_channel(read_product(filled_product(tmp_path)), "vv")
    found = channel.power(-3, 25, (30, 10))
    np.testing.assert_array_equal(found[3:23, :5], channel.power(0, 25, (20, 5)))
    assert np.isnan(found[:3]).all()
    assert np.isnan(found[23:]).all()
    assert np.isnan(found[:, 5:]).all()
    for row, col in ((-9, 0), (20, 0), (0, -9), (0, 30)):
        assert np.isnan(channel.power(row, col, (9, 9))).all()


def test_an_archive_is_read_as_its_folder(tmp_path):
    folder = filled_product(tmp_path / "folder")
    archive = packed(folder, tmp_path / f"{folder.stem}.zip")
    one, other = (read_channel(read_product(product), "vh") for product in (folder, archive))
    np.testing.assert_array_equal(one.power(0, 0, SHAPE), other.power(0, 0, SHAPE))


def test_the_border_of_old_products_is_that_of_the_co_polarised_image(tmp_path):
    safe = filled_product(tmp_path, ipf="002.84")
    (image,) = safe.glob("measurement/*vv*")
    dark = numbers(0)
    dark[9, :7] = 50  # as strong as the noise
    write_image(image, dark)
    product = read_product(safe)
    vh = read_channel(product, "vh")
    assert SHAPE[1] < WIDTH_BEFORE_29  # all of it may be border
    expected = wanted("vh", noise=NOISE)
    expected[9, :7] = np.nan
    np.testing.assert_allclose(vh.power(0, 0, SHAPE), expected, rtol=1e-6)
    np.testing.assert_array_equal(
        np.isnan(read_channel(product, "vv").power(0, 0, SHAPE)), np.isnan(expected)
    )
    alone = read_channel(read_product(safe, ["vh"]), "vh").power(0, 0, SHAPE)
    np.testing.assert_allclose(alone, wanted("vh", noise=NOISE), rtol=1e-6)


def test_an_image_of_another_kind_is_an_error(tmp_path):
    product = read_product(filled_product(tmp_path, dtype="float32"))
    with pytest.raises(ProductError, match=r"vv.*1 bands of float32, but amplitudes are one band"):
        read_channel(product, "vv")
    product.channels["vv"].measurement.write_bytes(b"no raster")
    with pytest.raises(ProductError, match=r"vv.*cannot be opened"):
        read_channel(product, "vv")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # it lost its GCPs
def test_a_real_image_is_read(real_sentinel1):
    (safe,) = real_sentinel1.glob("*.SAFE")
    channel = read_channel(read_product(safe, ["vv"]), "vv")
    assert channel.shape == (16705, 26102)
    assert np.isnan(channel.power(16700, 26100, (9, 9))).all()  # its numbers are all 0
