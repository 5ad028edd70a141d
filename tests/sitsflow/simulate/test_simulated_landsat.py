"""Simulated Landsat products are what THEIA's and the USGS's are, as far as a reader can tell."""

from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner

from flows.cli.command import app
from sitsflow.geo.mgrs import BadTileError
from sitsflow.products.scenes import find_scenes
from sitsflow.products.sensors.model import load_sensors
from sitsflow.simulate import SIMULATORS, simulate
from sitsflow.simulate.wrs2 import centre, tile_corner

SENSORS = load_sensors()
TILES = {
    "old": ("D0005H0002", "D0005H0003"),
    "usgs": ("tile199029", "tile199030"),
    "": ("T31TCJ", "T31TDJ"),
}
NAMES = [name for name in SIMULATORS if name.startswith("Landsat")]


def tiles_of(sensor: str) -> tuple[str, str]:
    return next(tiles for part, tiles in TILES.items() if part in sensor)


@pytest.fixture(scope="session")
def landsat(tmp_path_factory):
    """Return the products of a sensor, made at the first call: two tiles, eight dates."""
    made: dict[int, list[Path]] = {}

    def of(sensor: str) -> list[Path]:
        simulator = id(SIMULATORS[sensor])  # some sensors share one
        if simulator not in made:
            out, days = tmp_path_factory.mktemp(sensor), (date(2022, 1, 1), date(2022, 9, 1))
            made[simulator] = simulate(out, sensor, tiles_of(sensor), *days, 32, 40, 9)
        return made[simulator]

    return of


def read(product: Path, pattern: str) -> np.ndarray:
    (path,) = product.glob(pattern)
    with rasterio.open(path) as raster:
        return raster.read(1)


@pytest.mark.parametrize("name", NAMES)
def test_products_match_the_description(landsat, name):
    made = landsat(name)
    for tile in tiles_of(name):
        found = find_scenes(SENSORS[name], made[0].parents[1], tile)
        assert (len(found.scenes), found.broken, found.notices) == (8, [], ())
    with rasterio.open(found.scenes[0].bands[SENSORS[name].bands[0].name].path) as raster:
        assert raster.res == (30, 30)
        assert raster.dtypes[0] == ("uint16" if "usgs" in name else "int16")


@pytest.mark.parametrize("name", ["Landsat5_old", "Landsat8", "Landsat8_usgs"])
def test_neighbours_agree_where_they_overlap(landsat, name):
    first, second = landsat(name)[0], landsat(name)[8]
    pattern = SENSORS[name].bands[0].file
    (one,), (two,) = first.glob(pattern), second.glob(pattern)
    with rasterio.open(one) as left, rasterio.open(two) as right:
        west, south = (max(left.bounds[at], right.bounds[at]) for at in (0, 1))
        east, north = (min(left.bounds[at], right.bounds[at]) for at in (2, 3))
        assert west < east
        assert south < north
        here, there = (r.read(1, window=r.window(west, south, east, north)) for r in (left, right))
    np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize(
    ("name", "bands", "bits"),
    [
        ("Landsat5", ("B1", "B2", "B3", "B4", "B5", "B7"), 0b01111111),
        ("Landsat7", ("B1", "B2", "B3", "B4", "B5", "B7"), 0b01111111),
        ("Landsat8", ("B1", "B2", "B3", "B4", "B5", "B6", "B7"), 0b11111111),
    ],
)
def test_masks_of_theia_agree_with_the_pixels(landsat, name, bands, bits):
    seen = n_outside = 0
    for product in landsat(name):
        outside = read(product, "MASKS/*_EDG_XS.tif") == 1
        cloud, saturated = (read(product, f"MASKS/*_{kind}_XS.tif") for kind in ("CLM", "SAT"))
        n_outside += outside.sum()
        seen |= int(np.bitwise_or.reduce(cloud, axis=None))
        for at, band in enumerate(bands):
            numbers = read(product, f"*_FRE_{band}.tif")
            np.testing.assert_array_equal(numbers == -10000, outside)
            np.testing.assert_array_equal(numbers == 16000, saturated >> at & 1 == 1)
        assert not cloud[outside].any()
    assert n_outside > 0
    assert seen & ~bits == 0
    assert (seen & 0b10010011) == (bits & 0b10010011)


def test_metadata_of_theia_tell_what_the_files_say(landsat):
    product = landsat("Landsat5")[-1]
    (path,) = product.glob("*_MTD_ALL.xml")
    root = ElementTree.parse(path).getroot()
    assert root.findtext(".//PLATFORM") == "LANDSAT5"
    assert root.findtext(".//REFLECTANCE_QUANTIFICATION_VALUE") == "10000"
    assert [one.text for one in root.iter("BAND_ID")] == ["B1", "B2", "B3", "B4", "B5", "B7"]
    assert root.findtext(".//XDIM") == "30"


def test_bits_of_the_usgs_agree_with_the_pixels(landsat):
    satellites, seen, n_fill, clear = set(), 0, 0, False
    for product in landsat("Landsat8_usgs"):
        satellites.add(product.name[:4])
        quality, saturated = read(product, "*_QA_PIXEL.TIF"), read(product, "*_QA_RADSAT.TIF")
        fill = quality & 1 == 1
        n_fill += fill.sum()
        seen |= int(np.bitwise_or.reduce(quality, axis=None))
        clear |= bool((quality == 21824).any())  # that of most clear land in real products
        assert (quality[fill] == 1).all()
        cloudy = quality & 0b1010 > 0
        np.testing.assert_array_equal(quality & 64 > 0, ~(cloudy | fill))
        np.testing.assert_array_equal(quality >> 8 & 3 == 3, quality & 8 > 0)
        for at in range(7):
            numbers = read(product, f"*_SR_B{at + 1}.TIF")
            np.testing.assert_array_equal(numbers == 0, fill)
            np.testing.assert_array_equal(numbers == 65455, saturated >> at & 1 == 1)
        np.testing.assert_array_equal(read(product, "*_ST_B10.TIF") == 0, fill)
    assert satellites == {"LC08", "LC09"}
    assert n_fill > 0
    assert seen & 0b11011 == 0b11011
    assert clear


def test_two_thermal_bands_of_two_satellites_have_one_temperature(landsat):
    """Radiances differ by a satellite's constants, and the temperatures of both levels agree."""
    for product in landsat("Landsat8_usgs_infrared"):
        (other,) = [
            one for one in landsat("Landsat8_usgs")
            if one.name[17:25] == product.name[17:25] and one.parent.name == product.parent.name
        ]  # fmt: skip
        surface = read(other, "*_ST_B10.TIF") * 0.00341802 + 149
        root = ElementTree.parse(next(product.glob("*_MTL.xml"))).getroot()
        constants = {
            ("08", 10): (774.8853, 1321.0789), ("08", 11): (480.8883, 1201.1442),
            ("09", 10): (799.0284, 1329.2405), ("09", 11): (475.6581, 1198.3494),
        }  # fmt: skip
        for band in (10, 11):
            scale, added = (
                float(root.findtext(f".//RADIANCE_{kind}_BAND_{band}")) for kind in ("MULT", "ADD")
            )
            numbers = read(product, f"*_T1_B{band}.TIF")
            k1, k2 = constants[product.name[2:4], band]
            kelvin = k2 / np.log(k1 / (numbers * scale + added) + 1)
            seen = numbers > 0
            np.testing.assert_allclose(kelvin[seen], surface[seen], atol=0.02)
    assert surface[surface > 149].min() > 230


@pytest.mark.parametrize(
    ("tile", "longitude", "latitude"),
    # About the real centres: the Pyrenees, San Francisco, Rio de Janeiro.
    [("tile198030", 1.8, 43.2), ("044034", -122.2, 37.5), ("tile217076", -43.3, -23.1)],
)
def test_scenes_lie_near_where_real_ones_do(tile, longitude, latitude):
    assert centre(tile) == pytest.approx((longitude, latitude), abs=0.4)
    corner = tile_corner(tile)
    assert (corner.x % 30, corner.y % 30) == (15, 15)


@pytest.mark.parametrize("tile", ["T31TCJ", "tile1990", "tile234001", "199123", "tile199000"])
def test_what_is_no_scene_is_refused(tile):
    with pytest.raises(BadTileError, match="tile199029"):
        tile_corner(tile)


def test_the_help_lists_all_sensors():
    said = CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "300"}).stdout
    assert not [name for name in SIMULATORS if name not in said]
