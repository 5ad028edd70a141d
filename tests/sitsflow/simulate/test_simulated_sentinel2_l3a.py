"""Simulated syntheses are what THEIA's are: few clouds, flags as classes, one a month."""

import re
from datetime import date

import numpy as np
import pytest
import rasterio

from sitsflow.products.sensors.model import load_sensors
from sitsflow.simulate import simulate

SENSOR = load_sensors()["Sentinel_2_L3A"]
PERIOD = ["T31TCJ"], date(2018, 1, 15), date(2018, 12, 31)


@pytest.fixture(scope="module")
def syntheses(tmp_path_factory):
    out = tmp_path_factory.mktemp("l3a")
    return simulate(out, "Sentinel_2_L3A", *PERIOD, every=None, size=64, seed=23)


def read(product, pattern):
    (path,) = product.glob(pattern)
    with rasterio.open(path) as raster:
        return raster.read(1)


def test_products_match_the_description(syntheses):
    assert len(syntheses) == 12
    for product in syntheses:
        assert re.fullmatch(SENSOR.product, product.name)
        assert product.name.startswith("SENTINEL2X_")
        for layer in (*SENSOR.bands, *SENSOR.masks):
            assert len(list(product.glob(layer.file))) == 1


def test_flags_say_where_there_is_no_data(syntheses):
    flags = np.stack([read(product, "MASKS/*_FLG_R1.tif") for product in syntheses])
    red = np.stack([read(product, "*_FRC_B4.tif") for product in syntheses])
    assert {0, 1, 4} <= set(np.unique(flags)) <= {0, 1, 3, 4}
    np.testing.assert_array_equal(flags == 0, red == -10000)
    for fine, product in zip(flags, syntheses, strict=True):
        coarse = read(product, "MASKS/*_FLG_R2.tif")
        four = fine.reshape(32, 2, 32, 2)
        np.testing.assert_array_equal(coarse == 1, (four == 1).any((1, 3)) & (coarse != 0))


def test_syntheses_have_fewer_clouds_than_the_pictures_they_are_made_of(syntheses, tmp_path):
    pictures = simulate(tmp_path, "Sentinel_2", *PERIOD, every=30, size=64, seed=23)
    cloudy = np.mean([(read(one, "MASKS/*_CLM_R1.tif") != 0).mean() for one in pictures])
    hidden = np.mean([(read(one, "MASKS/*_FLG_R1.tif") == 1).mean() for one in syntheses])
    assert 0 < hidden < cloudy / 2
