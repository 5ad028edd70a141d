"""Products out of the ordinary, through whole computations: types, masks, sensors, rasters."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml

import sitsflow.io.read as reader
from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors import load_sensors
from sitsflow.request import Chunking, Request, SensorRequest
from sitsflow.steps.chunk import compute_chunk
from tests.products import copy_of, rewrite_all
from tests.requests import calls, computed, sentinel2, tile_values, tutorial

NODATA = -10000
WHOLE = Chunking(mode="split_number", number=1)


@pytest.fixture
def module(tmp_path):
    """Write a module of user functions, return its path."""

    def write(code):
        path = tmp_path / "mine.py"
        path.write_text(code)
        return path

    return write


def test_two_sensors_of_other_masks_and_dates(products, tmp_path, module):
    """The second one's masks are classes, on 20 m grids: the first one's are bits, on 10 m."""
    sensor = load_sensors()["Sentinel_2"].model_dump(mode="json")
    sensor |= {"name": "Mine", "label": "Mine"}
    classes = {"how": "classes", "values": list(range(1, 256))}
    sensor["masks"] = [{"name": "CLM", "file": "MASKS/*_CLM_R2.tif", "invalid": classes}]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(sensor))
    path = module(
        "def f(self):\n"
        "    first = self.get_interpolated_Sentinel2_B11().sum(2)\n"
        "    second = self.get_interpolated_Mine_NDVI().sum(2)\n"
        "    return first + second, ['f']\n"
        "def g(self): return self.get_interpolated_Mine_NDVI().sum(2), ['g']\n"
    )
    mine = sentinel2(products, sensor="Mine", temporal_resolution=20)
    # The last columns of the tile are chunks 1 pixel wide.
    narrow = Chunking(mode="user_fixed", size_x=96, size_y=60)
    whole, cut = (
        computed(
            tutorial(
                products, tmp_path / "out", sensors=(sentinel2(products), mine), module=path,
                sensor_folders=(tmp_path,), functions=calls("f", "g"), crs="EPSG:2154",
                chunking=chunking,
            )
        )["T31TCJ"]
        for chunking in (WHOLE, narrow)
    )  # fmt: skip
    assert whole.shape[2] == 97
    np.testing.assert_array_equal(whole, cut)
    assert (whole[0] > whole[1]).mean() > 0.9


def test_masks_are_read_once_for_bands_of_all_resolutions(products, tmp_path, monkeypatch):
    read = []
    real = reader.read_in_turn
    monkeypatch.setattr(
        "sitsflow.timeseries.observations.read_in_turn",
        lambda layers, window: read.extend(one.path for one in layers) or real(layers, window),
    )
    request = tutorial(
        products, tmp_path, crs="EPSG:2154", concat_mode=True, functions=(), chunking=WHOLE
    )
    plan, tiles = make_plan(request)
    tile_values(plan, tiles["T31TCJ"])
    assert len(read) == len(set(read)) == 3 * len(tiles["T31TCJ"].series[0].scenes)


def test_a_file_of_all_bands_is_opened_once(real_landsat, tmp_path, monkeypatch):
    opened = []
    real = rasterio.DatasetReader
    sensor = SensorRequest(sensor="Landsat8_old", root=real_landsat, temporal_resolution=16)
    request = Request(
        output_path=tmp_path, tiles=("D0005H0002",), sensors=(sensor,), chunking=WHOLE
    )
    plan, tiles = make_plan(request)
    monkeypatch.setattr(
        rasterio, "DatasetReader",
        lambda path, driver: opened.append(Path(path).name) or real(path, driver),
    )  # fmt: skip
    values = tile_values(plan, tiles["D0005H0002"])
    monkeypatch.undo()
    assert len(opened) == len(set(opened)) == 2 * (1 + 3)
    stack = next((real_landsat / "D0005H0002").glob("*20160330*/*_PENTE_*.TIF"))
    np.testing.assert_array_equal(values[:7], rasterio.open(stack).read())


def test_a_band_without_data_where_masks_are_clear_is_nodata_and_no_fault(products, tmp_path):
    def spoil(values):
        values[0, 5, 7] = NODATA
        return values

    root = copy_of(products, tmp_path / "root")
    rewrite_all(root, "*_FRE_B4.tif", spoil)
    plan, tiles = make_plan(tutorial(root, tmp_path / "out", strict=True))
    result = compute_chunk(plan, tiles["T31TCJ"], 0)
    assert result.undefined == {}
    assert (result.values[:, 5, 7] == NODATA).all()
    assert (result.values != NODATA).any()


@pytest.mark.parametrize(
    ("pattern", "change"),
    [
        ("*_FRE_B4.tif", lambda values: values.astype("float64")),
        ("*_FRE_B8.tif", lambda values: np.maximum(values, 0).astype("uint16")),
        ("*_CLM_R1.tif", lambda values: np.where(values != 0, np.nan, 0).astype("float32")),
        ("*_SAT_R1.tif", lambda values: values.astype("int16")),
    ],
)
def test_products_encoded_again_in_other_types(products, tmp_path, pattern, change):
    root = copy_of(products, tmp_path / "root")
    rewrite_all(root, pattern, change)
    np.testing.assert_array_equal(
        computed(tutorial(root, tmp_path / "out"))["T31TCJ"],
        computed(tutorial(products, tmp_path))["T31TCJ"],
    )


def test_uint16_above_32767(products, tmp_path):
    root = copy_of(products, tmp_path / "root")
    rewrite_all(root, "*_FRE_B2.tif", lambda values: np.full_like(values, 40000, "uint16"))
    values = computed(tutorial(root, tmp_path / "out", functions=calls("get_identity")))["T31TCJ"]
    assert (values[values != NODATA] == 40000).all()


@pytest.mark.parametrize("nodata", [float("nan"), 0.0, -9999.9])
def test_any_nodata_value(products, tmp_path, nodata):
    root = copy_of(products, tmp_path / "root")
    rewrite_all(root, "*_EDG_R1.tif", np.ones_like)
    values = computed(tutorial(root, tmp_path / "out", no_data_value=nodata))["T31TCJ"]
    np.testing.assert_array_equal(values, np.full_like(values, nodata))


def test_the_users_raster_may_keep_its_nodata_and_names_beside_it(products, tmp_path, module):
    """On a grid of its own: where it has nothing, functions see NaN."""
    _, tiles = make_plan(tutorial(products, tmp_path))
    grid = tiles["T31TCJ"].grid
    raster = tmp_path / "own.tif"
    with rasterio.open(
        raster, "w", driver="GTiff", dtype="int32", count=2, height=8, width=10, crs=grid.crs,
        transform=rasterio.Affine(60, 0, grid.x - 30, 0, -60, grid.y),
    ) as file:  # fmt: skip
        file.write(np.stack([np.full((8, 10), 5), np.full((8, 10), 7)]).astype("int32"))
    raster.with_name("own.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><Description>soil</Description>'
        "<NoDataValue>5</NoDataValue></PAMRasterBand></PAMDataset>"
    )
    path = module(
        "def f(self):\n"
        "    assert self.exogeneous_data_name == ['soil', '']\n"
        "    return self.exogeneous_data_array, ['a', 'b']\n"
    )
    request = tutorial(products, tmp_path, module=path, functions=calls("f"), exogenous=raster)
    values = computed(request)["T31TCJ"]
    assert (values[0] == NODATA).all()
    assert (values[1, :48, :57] == 7).all()
    assert (values[1, 48:] == NODATA).all()


def test_relative_reflectances_and_their_duplicate(products, tmp_path):
    def labels(**changes):
        request = tutorial(
            products, tmp_path, concat_mode=True, functions=(), rel_refl=True, **changes
        )
        return make_plan(request)[0].labels

    def has_ndvi(names):
        return any("NDVI" in name for name in names)

    assert has_ndvi(labels())
    assert not has_ndvi(labels(keep_duplicates=False))
    assert has_ndvi(labels(keep_duplicates=False, copy_input=False))
