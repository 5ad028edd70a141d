"""Simulated Sentinel-2 products are what THEIA's are, as far as a reader can tell."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio

from sitsflow.products.sensors.model import load_sensors

SENSOR = load_sensors()["Sentinel_2"]
FINE, COARSE = ("B2", "B3", "B4", "B8"), ("B5", "B6", "B7", "B8A", "B11", "B12")


def read(product: Path, pattern: str) -> np.ndarray:
    (path,) = product.glob(pattern)
    with rasterio.open(path) as raster:
        return raster.read(1)


def test_products_match_the_description(sentinel2):
    assert len(sentinel2) == 2 * 13
    satellites = set()
    for product in sentinel2:
        match = re.fullmatch(SENSOR.product, product.name)
        assert match is not None
        assert match["tile"] == product.parent.name
        satellites.add(product.name[9])
        for layer in (*SENSOR.bands, *SENSOR.masks):
            assert len(list(product.glob(layer.file))) == 1
    assert satellites == {"A", "B"}


def test_rasters_have_the_declared_grid_and_type(sentinel2):
    product = sentinel2[0]
    for band in SENSOR.bands:
        (path,) = product.glob(band.file)
        with rasterio.open(path) as raster:
            assert raster.res == (band.resolution, band.resolution)
            assert raster.shape == (1000 / band.resolution, 1000 / band.resolution)
            assert raster.dtypes == ("int16",)
            assert raster.crs.to_epsg() == 32631
            assert tuple(raster.transform)[2::3][:2] == (300000, 4900020)
    for name in ("CLM", "MG2", "EDG", "SAT"):
        for group, metres in (("R1", 10), ("R2", 20)):
            (path,) = product.glob(f"MASKS/*_{name}_{group}.tif")
            with rasterio.open(path) as raster:
                assert raster.res == (metres, metres)
                assert raster.dtypes == ("uint8",)


def test_nothing_but_whole_products_is_left(sentinel2):
    for tile in {product.parent for product in sentinel2}:
        assert set(tile.iterdir()) <= set(sentinel2)
        assert not list(tile.rglob("*.aux.xml"))


def test_nodata_lies_exactly_outside_the_swath(sentinel2):
    n_outside = 0
    for product in sentinel2:
        for group, bands in (("R1", FINE), ("R2", COARSE)):
            outside = read(product, f"MASKS/*_EDG_{group}.tif") == 1
            n_outside += outside.sum()
            for band in bands:
                numbers = read(product, f"*_FRE_{band}.tif")
                np.testing.assert_array_equal(numbers == -10000, outside)
                assert (numbers[~outside] >= 1).all()
            assert not read(product, f"MASKS/*_CLM_{group}.tif")[outside & (group == "R1")].any()
    assert n_outside > 0


def test_cloud_bits_agree_with_each_other(sentinel2):
    seen = 0
    for product in sentinel2:
        cloud, ground = read(product, "MASKS/*_CLM_R1.tif"), read(product, "MASKS/*_MG2_R1.tif")
        seen |= int(np.bitwise_or.reduce(cloud, axis=None))
        every, thick, thin, shadow = (cloud & bit > 0 for bit in (1, 2, 16, 32 | 64))
        np.testing.assert_array_equal(every, thick | shadow)
        assert not (thick & (thin | shadow)).any()
        np.testing.assert_array_equal(ground & 2 > 0, thick | thin)
        np.testing.assert_array_equal(ground & 8 > 0, shadow)
    assert seen & 0b10111111 == 0b10111111


@pytest.mark.parametrize("name", ["CLM", "MG2", "EDG"])
def test_coarse_masks_have_the_bits_of_their_four_pixels(sentinel2, name):
    for product in sentinel2:
        fine = read(product, f"MASKS/*_{name}_R1.tif")
        rows, cols = fine.shape
        four = fine.reshape(rows // 2, 2, cols // 2, 2)
        np.testing.assert_array_equal(
            read(product, f"MASKS/*_{name}_R2.tif"), np.bitwise_or.reduce(four, axis=(1, 3))
        )


def test_clouds_are_bright_and_shadows_dark(sentinel2):
    clear, cloudy, shaded = [], [], []
    for product in sentinel2:
        red, cloud = read(product, "*_FRE_B4.tif"), read(product, "MASKS/*_CLM_R1.tif")
        seen = red != -10000
        clear.append(red[seen & (cloud == 0)])
        cloudy.append(red[seen & (cloud & 2 > 0)])
        shaded.append(red[seen & (cloud & 0b1110010 >= 32) & (cloud & 0b10010 == 0)])
    clear, cloudy, shaded = (np.median(np.concatenate(part)) for part in (clear, cloudy, shaded))
    assert cloudy > 4 * clear > 4 * shaded > 0


@pytest.mark.parametrize(("group", "bands"), [("R1", FINE), ("R2", COARSE)])
def test_saturated_bits_are_in_the_order_of_bands(sentinel2, group, bands):
    n_saturated = 0
    for product in sentinel2:
        bits = read(product, f"MASKS/*_SAT_{group}.tif")
        assert bits.max() < 1 << len(bands)
        for k, band in enumerate(bands):
            saturated = bits >> k & 1 == 1
            numbers = read(product, f"*_FRE_{band}.tif")
            np.testing.assert_array_equal(numbers == 16000, saturated)
            n_saturated += saturated.sum()
    assert n_saturated > 0


def test_seasons_show(sentinel2):
    means = []
    for product in sentinel2:
        red, nir = (read(product, f"*_FRE_{band}.tif").astype(float) for band in ("B4", "B8"))
        clear = (read(product, "MASKS/*_CLM_R1.tif") == 0) & (red != -10000)
        if clear.sum() > 500:
            means.append(((nir - red) / (nir + red))[clear].mean())
    assert max(means) - min(means) > 0.15


def test_metadata_tell_what_the_files_say(sentinel2):
    product = sentinel2[-1]
    (path,) = product.glob("*_MTD_ALL.xml")
    root = ElementTree.parse(path).getroot()
    assert root.tag == "Muscate_Metadata_Document"
    assert root.findtext(".//PRODUCT_ID") == product.name
    assert root.findtext(".//PLATFORM") == product.name.split("_")[0]
    assert root.findtext(".//GEOGRAPHICAL_ZONE") == "T31TDJ"
    assert root.findtext(".//HORIZONTAL_CS_CODE") == "32631"
    assert root.findtext(".//REFLECTANCE_QUANTIFICATION_VALUE") == "10000"
    assert root.findtext(".//SPECIAL_VALUE[@name='nodata']") == "-10000"
    stamp = product.name.split("_")[1]
    assert root.findtext(".//ACQUISITION_DATE").startswith(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}")
    for group, band in (("R1", "B2"), ("R2", "B5")):
        (path,) = product.glob(f"*_FRE_{band}.tif")
        entry = root.find(f".//Group_Geopositioning[@group_id='{group}']")
        with rasterio.open(path) as raster:
            told = [float(entry.findtext(tag)) for tag in ("XDIM", "ULX", "YDIM", "ULY")]
            assert told == [raster.transform[k] for k in (0, 2, 4, 5)]
