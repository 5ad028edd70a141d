"""Sensors of one's own, as the documentation describes them, on products like theirs."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from sitsflow.errors import ConfigError, ProductError, SensorFileError
from sitsflow.io.paths import OutputPaths
from sitsflow.products.sensors.model import read_sensor
from sitsflow.simulate import simulate
from tests.reference_map import day_of, dynamic_habitat, interpolated, ndvi
from tests.requests import tile_values
from tests.serial_run import run
from tests.test_examples import DOCS, ROOT, blocks_of, planned, resolved

PAGE = DOCS / "own-sensor.md"
NODATA = -10000
SINUSOIDAL = CRS.from_proj4("+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs")
PIXEL = 231.65635826


def written(path: Path, values: np.ndarray, crs: CRS | str, west: float, north: float, size: float):
    """Write one band where it belongs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype.name, crs=crs, transform=Affine(size, 0, west, 0, -size, north),
    ) as file:  # fmt: skip
        file.write(values, 1)


def described(folder: Path, number: int) -> Path:
    """Write the description and the configuration that the page has at a place; return the file."""
    (folder / "sensors").mkdir()
    (folder / "sensors" / "mine.yaml").write_text(blocks_of(PAGE, "yaml")[number])
    (folder / "map.cfg").write_text(blocks_of(PAGE, "cfg")[number])
    return folder / "map.cfg"


def test_a_folder_a_product(tmp_path: Path) -> None:
    config = described(tmp_path, 0)
    rng = np.random.default_rng(6)
    days = [date(2023, 1, 25) + timedelta(days=5 * number) for number in range(5)]
    red, nir, masks = [], [], []
    for day in days:
        name = f"HLS.S30.T31TCJ.{day:%Y%j}T105029.v2.0"
        folder = tmp_path / "hls" / "31TCJ" / name
        bands = {
            band: rng.integers(100, 6000, (12, 12)).astype(np.int16)
            for band in ("B02", "B03", "B04", "B8A", "B11", "B12")
        }
        fmask = rng.choice([0, 2, 4, 8, 16, 32, 64], (12, 12)).astype(np.uint8)
        fmask[0] = 255
        bands = {band: np.where(fmask == 255, np.int16(-9999), one) for band, one in bands.items()}
        for band, values in {**bands, "Fmask": fmask}.items():
            written(folder / f"{name}.{band}.tif", values, "EPSG:32631", 300_000, 4_900_020, 30)
        red.append(bands["B04"])
        nir.append(bands["B8A"])
        masks.append((fmask & 0b1110) == 0)
    plan, tiles = planned(config)
    targets = np.arange(day_of("20230125"), day_of("20230214") + 1, 10)
    valid = np.stack(masks)
    series = [
        interpolated(np.stack(one), valid, [day_of(f"{day:%Y%m%d}") for day in days], targets)
        for one in (red, nir)
    ]
    expected = dynamic_habitat(ndvi(*series))[:2]
    expected[:, ~valid.any(axis=0)] = NODATA
    values = tile_values(plan, tiles["31TCJ"])
    assert (values[0, 0] == NODATA).all()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=0.02)
    seen = (tiles["31TCJ"].series[0].read, plan.notices)
    assert seen == (("B04", "B8A"), ())


MODIS_DAYS = ("2018337", "2018353", "2019001", "2019017")


def write_modis(root: Path) -> np.ndarray:
    """Write two tiles side by side over the turn of a year, and what else lies in their folders."""
    rng = np.random.default_rng(7)
    values = rng.integers(-2000, 10_000, (4, 15, 30)).astype(np.int16)
    values[0, 3, :] = -3000
    values[:, 5, 2] = -3000
    for number, tile in enumerate(("h17v04", "h18v04")):
        part, west = values[:, :, 15 * number :][:, :, :15], (number - 1) * 15 * PIXEL
        for day, one in zip(MODIS_DAYS, part, strict=True):
            name = f"MOD13Q1.A{day}.{tile}.061.2021350140341"
            path = root / tile / f"{name}_NDVI.tif"
            written(path, one, SINUSOIDAL, west, 5_559_752.6, PIXEL)
            for beside in ("_EVI.tif", "_NDVI.tif.aux.xml", "_NDVI.tif.part", ".hdf"):
                (root / tile / f"{name}{beside}").write_bytes(b"no raster")
    return values


def test_a_file_a_product_without_masks_in_a_system_without_a_code(tmp_path: Path) -> None:
    config = described(tmp_path, 1)
    values = write_modis(tmp_path / "modis").astype(float)
    run(resolved(config).request())
    days = [(datetime.strptime(day, "%Y%j") - datetime(1970, 1, 1)).days for day in MODIS_DAYS]
    targets = np.arange(days[0], days[-1] + 1, 16)
    expected = interpolated(values, values != -3000, days, targets)
    expected = np.concatenate([expected, expected.sum(axis=0)[None]])
    with rasterio.open(OutputPaths(tmp_path / "map").map) as file:
        assert file.crs == SINUSOIDAL
        assert file.transform.almost_equals(
            Affine(PIXEL, 0, -15 * PIXEL, 0, -PIXEL, 5_559_752.6), 1e-6
        )
        assert file.descriptions == (
            "MODIS_NDVI_20181203", "MODIS_NDVI_20181219", "MODIS_NDVI_20190104", "cumul_prod",
        )  # fmt: skip
        np.testing.assert_allclose(file.read(), np.nan_to_num(expected, nan=NODATA), rtol=1e-6)
    plan, tiles = planned(config, "chain.proj=EPSG:2154", "chain.spatial_resolution=250")
    assert tiles["h17v04"].grid.crs == "EPSG:2154"
    assert (tile_values(plan, tiles["h17v04"])[0] > -2500).mean() > 0.3


def write_planet(folder: Path) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Write four-band images and their masks; return days, red and infrared, and what is clear."""
    rng, days = (
        np.random.default_rng(8),
        [date(2023, 5, 4) + timedelta(days=5 * n) for n in range(4)],
    )
    images = rng.integers(200, 6000, (4, 4, 10, 12)).astype(np.uint16)
    masks = np.zeros((4, 8, 10, 12), np.uint8)
    masks[:, 0] = rng.integers(0, 2, (4, 10, 12))
    images[:, :, 0], masks[:, 0, 0], masks[:, 7, 0] = 0, 1, 1
    for day, image, mask in zip(days, images, masks, strict=True):
        name = f"{day:%Y%m%d}_103215_61_2455_3B"
        stack(folder / f"{name}_AnalyticMS_SR_harmonized_clip.tif", image)
        stack(folder / f"{name}_udm2_clip.tif", mask)
        (folder / f"{name}_metadata.xml").write_text("<x/>")
    clear = (masks[:, 0] == 1) & (masks[:, 7] == 0)
    return [day_of(f"{day:%Y%m%d}") for day in days], images[:, 2:].astype(float), clear


def stack(path: Path, values: np.ndarray) -> None:
    """Write a file of several bands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=10, width=12, count=len(values), crs="EPSG:32631",
        dtype=values.dtype.name, transform=Affine(3, 0, 300_000, 0, -3, 4_900_020),
    ) as file:  # fmt: skip
        file.write(values)


def test_masks_beside_single_files(tmp_path: Path) -> None:
    config = described(tmp_path, 2)
    days, bands, clear = write_planet(tmp_path / "planet" / "orchard")
    plan, tiles = planned(config)
    targets = np.arange(days[0], days[-1] + 1, 10)
    series = [interpolated(bands[:, at], clear, days, targets) for at in (0, 1)]
    expected = dynamic_habitat(ndvi(*series))[:2]
    expected[:, ~clear.any(axis=0)] = NODATA
    values = tile_values(plan, tiles["orchard"])
    assert (values[0, 0] == NODATA).all()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=0.02)
    assert (tiles["orchard"].series[0].read, plan.notices) == (("red", "nir"), ())


def test_a_mask_that_is_not_beside_its_file_is_missed(tmp_path: Path) -> None:
    config = described(tmp_path, 2)
    write_planet(tmp_path / "planet" / "orchard")
    (mask,) = (tmp_path / "planet" / "orchard").glob("20230509*_udm2_clip.tif")
    mask.unlink()
    with pytest.raises(ProductError, match=r"no file is called 20230509_103215_61_2455_3B_udm2\*"):
        planned(config)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("*_udm2.tif", r"told by groups of `product`, .*it has the groups acquisition, date"),
        ("{acqu}_udm2.tif", "told by groups of `product`"),
        ("../{acquisition}.tif", "in the same folder"),
    ],
)
def test_a_file_beside_a_single_one_that_its_name_does_not_tell(
    tmp_path: Path, file: str, words: str
) -> None:
    described(tmp_path, 2)
    path = tmp_path / "sensors" / "mine.yaml"
    path.write_text(path.read_text().replace("{acquisition}_udm2*.tif", file))
    with pytest.raises(SensorFileError, match=words):
        read_sensor(path)


def test_all_faults_of_all_descriptions_are_named(tmp_path: Path) -> None:
    config = described(tmp_path, 2)
    good = (tmp_path / "sensors" / "mine.yaml").read_text()
    first = good.replace("nodata: 0", "nodatta: 0").replace("?P<date>", "?P<day>")
    (tmp_path / "sensors" / "first.yaml").write_text(first)
    (tmp_path / "sensors" / "second.yaml").write_text("just text")
    with pytest.raises(ConfigError) as raised:
        planned(config)
    said = raised.value.faults[0].message
    lines = (
        "first.yaml: not a sensor description", "\n  product: lacks the named group date",
        "\n  nodata: missing", "\n  nodatta: no such key", "second.yaml: not a sensor description",
    )  # fmt: skip
    assert [line in said for line in lines] == [True] * len(lines)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: PlanetScope", "name: chain", "name: chain is a section"),
        (
            "path_key: planetscope_path",
            "path_key: list_tile",
            "list_tile, of PlanetScope, is a key",
        ),
        ("path_key: planetscope_path", "path_key: planet path", r"\(given: 'planet path'\)"),
        ("'%Y%m%d'", "'%Q'", "'%Q' is no format of a date"),
        ("'%Y%m%d'", "'%Y'", "'%Y' does not tell year, month and day"),
        ("label: PlanetScope", "label: Planet_Scope", "letters and digits only"),
    ],
)
def test_names_and_formats_that_mean_something_else(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    config = described(tmp_path, 2)
    path = tmp_path / "sensors" / "mine.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=words) as raised:
        planned(config)
    assert raised.value.faults[0].place == "chain.sensor_folders"


def test_a_band_without_a_size_is_one_fault(tmp_path: Path) -> None:
    described(tmp_path, 2)
    path = tmp_path / "sensors" / "mine.yaml"
    path.write_text(path.read_text().replace("resolution: 3", "resolution: 0", 1))
    with pytest.raises(SensorFileError) as raised:
        read_sensor(path)
    assert [line.split(":")[0] for line in str(raised.value).splitlines()[1:]] == [
        "  bands.0.resolution"
    ]


def test_side_files_of_single_files_are_no_products_whatever_the_pattern(tmp_path: Path) -> None:
    config = described(tmp_path, 1)
    write_modis(tmp_path / "modis")
    for path in (tmp_path / "modis").rglob("*.tif"):
        if "_EVI" in path.name:
            path.unlink()
        else:
            path.with_name(f"{path.name}.zip").write_bytes(b"PK")
    for path in (tmp_path / "modis").rglob("*.hdf"):
        path.unlink()
    sensor = tmp_path / "sensors" / "mine.yaml"
    open_ended = sensor.read_text().replace(r"\..*_NDVI\.tif$", r"\.")
    assert open_ended != sensor.read_text()
    sensor.write_text(open_ended)
    _, tiles = planned(config)
    assert [len(tile.series[0].scenes) for tile in tiles.values()] == [4, 4]


def test_a_file_of_the_users_replaces_a_built_in_sensor(tmp_path: Path) -> None:
    """As the page says: reflectances without slope correction, by a copy with SRE for FRE."""
    days = date(2018, 6, 1), date(2018, 6, 11)
    made = simulate(tmp_path / "s2", "Sentinel_2", ["T31TCJ"], *days, 10, 16, 3)
    for path in made[0].parent.rglob("*_FRE_*.tif"):
        path.rename(path.with_name(path.name.replace("_FRE_", "_SRE_")))
    builtin = ROOT / "sitsflow" / "products" / "sensors" / "sentinel_2.yaml"
    (tmp_path / "sensors").mkdir()
    mine = tmp_path / "sensors" / "flat.yaml"
    mine.write_text(builtin.read_text().replace("_FRE_", "_SRE_"))
    config = tmp_path / "map.yaml"
    config.write_text(
        "chain: {output_path: map, list_tile: T31TCJ, s2_path: s2, sensor_folders: [sensors]}\n"
        "Sentinel_2: {temporal_resolution: 5}\n"
        "external_features: {functions: get_ndvi, concat_mode: false}\n"
    )
    plan, tiles = planned(config)
    (series,) = tiles["T31TCJ"].series
    assert "_SRE_B4.tif" in series.scenes[0].bands["B4"].path.name
    assert len(series.target_days) == 3
    assert tile_values(plan, tiles["T31TCJ"]).shape == (3, 16, 16)
    # Under another name alone it would be a second sensor on the same folder.
    mine.write_text(mine.read_text().replace("name: Sentinel_2", "name: Flat").replace(
        "label: Sentinel2", "label: Flat"))  # fmt: skip
    with pytest.raises(ConfigError, match=r"Sentinel_2 and Flat have the same path_key"):
        resolved(config)


def write_orchard(root: Path) -> None:
    """Products of the sensor that the documentation imagines, on two tiles."""
    rng = np.random.default_rng(4)
    common = {"driver": "GTiff", "height": 20, "width": 20, "crs": "EPSG:2154", "dtype": "uint8"}
    for east, tile in enumerate(("north", "south")):
        transform = rasterio.transform.from_origin(500_000 + 40 * east, 6_300_000, 2, 2)
        for number in range(3):
            day = date(2023, 5, 14) + timedelta(days=6 * number)
            product = root / tile / f"ORCHARD_{day}_{tile}"
            (product / "masks").mkdir(parents=True)
            image = rng.integers(1, 256, (3, 20, 20), np.uint8)
            quality = np.zeros((20, 20), np.uint8)
            quality[number, :] = 2  # bit 1: a cloud on one date of three
            quality[:, -1] = 1  # bit 0: never seen
            with rasterio.open(
                product / "a_image.tif", "w", count=3, transform=transform, **common
            ) as file:
                file.write(image)
            with rasterio.open(
                product / "masks" / "a_quality.tif", "w", count=1, transform=transform, **common
            ) as file:
                file.write(quality, 1)


def test_the_sensor_with_every_key(tmp_path: Path) -> None:
    (tmp_path / "sensors").mkdir()
    (tmp_path / "sensors" / "orchard.yaml").write_text(blocks_of(PAGE, "yaml")[3])
    (tmp_path / "map.cfg").write_text(
        "chain : {output_path : 'map', list_tile : 'north south', sensor_folders : ['sensors'],\n"
        "  orchard_path : 'orchard'}\n"
        "Orchard : {temporal_resolution : 7}\n"
        "external_features : {module : 'mine.py', functions : 'mean_ndvi', concat_mode : False}\n"
    )
    (tmp_path / "mine.py").write_text(
        "def mean_ndvi(self):\n"
        "    return self.get_interpolated_Orchard_NDVI().mean(axis=2), ['mean_ndvi']\n"
    )
    write_orchard(tmp_path / "orchard")
    plan, tiles = planned(tmp_path / "map.cfg")
    (series,) = tiles["north"].series
    assert series.read == ("red", "nir")
    assert len(series.target_days) == 2  # 12 days, every 7
    values = tile_values(plan, tiles["north"])[0]
    assert (values[:, -1] == -10000).all()
    assert (np.abs(values[:, :-1]) <= 1000).all()
