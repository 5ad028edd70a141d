"""Simulated SAFE products are what Sen2Cor's are, and show what THEIA's show."""

import re
import zipfile
from datetime import date
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio

from sitsflow.products.masks import any_in_blocks
from sitsflow.products.sensors.model import load_sensors
from sitsflow.simulate import simulate

SENSOR = load_sensors()["Sentinel_2_S2C"]
PERIOD = ["T31TCJ"], date(2022, 1, 5), date(2022, 2, 14), 20, 64, 13


def read(product, pattern):
    (path,) = product.rglob(pattern)
    with rasterio.open(path) as raster:
        return raster.read(1)


@pytest.fixture(scope="module")
def safes(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("s2c"), "Sentinel_2_S2C", *PERIOD)


@pytest.fixture(scope="module")
def theia(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("theia"), "Sentinel_2", *PERIOD)


def test_names_tell_the_baseline_of_their_day(safes):
    matches = [re.fullmatch(SENSOR.product, product.name) for product in safes]
    assert [match["version"][:5] for match in matches] == ["N0212", "N0400", "N0400"]
    assert {match["tile"] for match in matches} == {"T31TCJ"}
    assert [match["date"] for match in matches] == ["20220105", "20220125", "20220214"]


def test_files_lie_where_real_ones_lie_in_tiles_of_jpeg_2000(safes):
    product = safes[0]
    for layer in (*SENSOR.bands, *SENSOR.masks):
        (path,) = (one for one in product.rglob("*.jp2") if re.search(layer.name, one.name))
        resolution = getattr(layer, "resolution", 20)
        assert path.parent.name == f"R{resolution:.0f}m"
        assert path.parent.parent.name == "IMG_DATA"
        assert path.parents[2].name.startswith("L2A_T31TCJ_A0")
        with rasterio.open(path) as raster:
            assert raster.driver == "JP2OpenJPEG"
            assert raster.res == (resolution, resolution)
            assert raster.dtypes == ("uint8" if layer.name == "SCL" else "uint16",)
            assert raster.crs.to_epsg() == 32631
            assert tuple(raster.transform)[2::3][:2] == (300000, 4900020)
    assert not list(product.rglob("*.aux.xml"))
    assert len(list(product.rglob("*"))) == 11 + 2 + 5  # rasters, metadata, folders


def test_numbers_are_those_of_theia_plus_the_offset(safes, theia):
    n_outside = 0
    for safe, product, offset in zip(safes, theia, (0, 1000, 1000), strict=True):
        for band in SENSOR.bands:
            theirs = read(product, f"*_FRE_{band.name.replace('B0', 'B')}.tif").astype(int)
            expected = np.where(theirs == -10000, 0, theirs + offset)
            np.testing.assert_array_equal(read(safe, band.file), expected)
            n_outside += (theirs == -10000).sum()
        clouds = [read(product, f"MASKS/*_{name}_R1.tif") != 0 for name in ("CLM", "SAT", "EDG")]
        coarse = any_in_blocks(np.logical_or.reduce(clouds)[None], 2, 2)[0]
        coarse |= read(product, "MASKS/*_SAT_R2.tif") != 0
        invalid = np.isin(read(safe, "*_SCL_20m.jp2"), (0, 1, 3, 8, 9, 10))
        np.testing.assert_array_equal(invalid, coarse)
    assert n_outside > 0


def test_metadata_tell_the_offset_only_where_there_is_one(safes):
    for safe, offset in zip(safes, (None, "-1000", "-1000"), strict=True):
        root = ElementTree.parse(safe / "MTD_MSIL2A.xml").getroot()
        assert root.tag.endswith("Level-2A_User_Product")
        assert root.findtext(".//BOA_QUANTIFICATION_VALUE") == "10000"
        assert root.findtext(".//PRODUCT_URI") == safe.name
        for band in SENSOR.bands:
            assert root.findtext(f".//BOA_ADD_OFFSET[@band_id='{band.id}']") == offset
        (tile,) = safe.glob("GRANULE/*/MTD_TL.xml")
        about = ElementTree.parse(tile).getroot()
        assert about.findtext(".//HORIZONTAL_CS_CODE") == "EPSG:32631"
        assert about.findtext(".//Size[@resolution='20']/NROWS") == "32"


def test_a_baseline_may_be_forced(tmp_path):
    made = simulate(tmp_path, "Sentinel_2_S2C", *PERIOD, baseline="0400")
    assert ["_N0400_" in product.name for product in made] == [True] * 3


@pytest.mark.parametrize("sensor", ["Sentinel_2", "Sentinel_2_S2C", "Sentinel_2_L3A"])
def test_archives_hold_the_folder_that_is_else_written(tmp_path, sensor):
    tiles, start, _, every, size, seed = PERIOD
    period = tiles, start, start, every, size, seed
    (folder,) = simulate(tmp_path / "folders", sensor, *period)
    (archive,) = simulate(tmp_path / "archives", sensor, *period, zipped=True)
    assert archive.name == f"{folder.name}.zip"
    assert list(archive.parent.iterdir()) == [archive]
    zipfile.ZipFile(archive).extractall(tmp_path / "unzipped")
    files = [path for path in folder.rglob("*") if path.is_file()]
    unzipped = [path for path in (tmp_path / "unzipped").rglob("*") if path.is_file()]
    assert len(files) == len(unzipped) > 10
    for path in files:
        same = tmp_path / "unzipped" / folder.name / path.relative_to(folder)
        assert same.read_bytes() == path.read_bytes()
