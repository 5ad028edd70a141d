"""The files of the first two steps: cubes of `write_outputs`, and the common mask."""

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
import yaml

from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors import load_sensors
from sitsflow.request import FunctionCall
from sitsflow.steps.common_mask import write_common_mask
from sitsflow.steps.preprocess import prepare_tile
from tests.products import copy_of, rewrite_all
from tests.reference_map import day_of, interpolated, sentinel2_series
from tests.requests import calls, sentinel2, tutorial

TARGETS = np.arange(day_of("20180101"), day_of("20181231") + 1, 10)


def opened(path):
    with rasterio.open(path) as file:
        return file.read(), file.descriptions, file.nodata


def test_cubes_hold_the_series_under_iota2s_names(products, tmp_path):
    plan, tiles = make_plan(tutorial(products, tmp_path, write_outputs=True))
    record = prepare_tile(plan, tiles["T31TCJ"])
    folder = plan.paths.features("T31TCJ")
    assert {path.name for path in record.outputs} == {path.name for path in folder.iterdir()}
    days, valid, bands = sentinel2_series(products, "T31TCJ", ["B2", "B8"])
    raw, names, nodata = opened(folder / "Sentinel2_T31TCJ_TS.tif")
    assert (raw.dtype, names[0], nodata) == (np.int16, "Sentinel2_B2_20180104", -10000)
    np.testing.assert_array_equal(raw[::10], bands["B2"])
    masks, names, _ = opened(folder / "Sentinel2_T31TCJ_MASKS.tif")
    assert (masks.dtype, names[0]) == (np.uint8, "Sentinel2_mask_20180104")
    np.testing.assert_array_equal(masks == 0, valid)
    filled, names, _ = opened(folder / "Sentinel2_T31TCJ_TSG.tif")
    assert (filled.dtype, len(names)) == (np.int16, 10 * len(TARGETS))
    expected = np.nan_to_num(interpolated(bands["B8"], valid, days, TARGETS), nan=-10000)
    assert np.abs(filled[6::10] - np.trunc(expected)).max() <= 1
    features, names, _ = opened(folder / "Sentinel2_T31TCJ_Features.tif")
    assert (features.dtype, names[-1]) == (np.float32, "Sentinel2_Brightness_20181227")
    whole, same, _ = opened(folder / "T31TCJ_Features.tif")
    assert same == names
    np.testing.assert_array_equal(whole, features)


def test_without_indices_native_features_are_the_reflectances(products, tmp_path):
    """As in iota2, which leaves its feature extraction out then, whatever `copy_input` says."""
    request = tutorial(
        products, tmp_path, write_outputs=True, copy_input=False, indices=False,
        functions=(FunctionCall(name="get_ndvi"),),
    )  # fmt: skip
    plan, tiles = make_plan(request)
    prepare_tile(plan, tiles["T31TCJ"])
    folder = plan.paths.features("T31TCJ")
    with (
        rasterio.open(folder / "Sentinel2_T31TCJ_TSG.tif") as series,
        rasterio.open(folder / "Sentinel2_T31TCJ_Features.tif") as features,
    ):
        assert features.descriptions == series.descriptions
        filled, native = series.read(), features.read()
    seen = native != plan.request.no_data_value
    np.testing.assert_array_equal(np.trunc(native[seen]), filled[seen])


@pytest.mark.parametrize(
    ("change", "dtype", "nodata"),
    [({"nodata": 65535.0}, "int16", -32768), ({"quantification": 1.0}, "float32", -10000)],
)
def test_a_sensor_whose_numbers_do_not_fit_int16(products, tmp_path, change, dtype, nodata):
    sensor = load_sensors()["Sentinel_2"].model_dump(mode="json")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(sensor | change))
    root = copy_of(products, tmp_path / "root")
    missing = change.get("nodata", -10000)

    def spoil(values):
        values = values.astype("uint16" if missing > 0 else "int16")
        values[0, 0, 0] = missing
        return values

    rewrite_all(root, "*_FRE_B2.tif", spoil)
    request = tutorial(
        root, tmp_path / "out", write_outputs=True, sensor_folders=(tmp_path,),
        sensors=(sentinel2(root, keep_bands=("B2",)),), indices=False,
        functions=calls("get_identity"),
    )  # fmt: skip
    plan, tiles = make_plan(request)
    prepare_tile(plan, tiles["T31TCJ"])
    values, _, found = opened(plan.paths.features("T31TCJ") / "Sentinel2_T31TCJ_TS.tif")
    assert (values.dtype.name, found) == (dtype, nodata)
    assert (values[:, 0, 0] == nodata).all()


def test_the_common_mask_of_a_tile_never_seen_is_empty(products, tmp_path):
    root = copy_of(products, tmp_path / "root")
    rewrite_all(root, "*_EDG_R1.tif", np.ones_like)
    plan, tiles = make_plan(tutorial(root, tmp_path / "out"))
    write_common_mask(plan, tiles["T31TCJ"])
    path = plan.paths.common_mask("T31TCJ")
    assert not opened(path)[0].any()
    assert geopandas.read_file(path.with_suffix(".shp")).empty
    endings = {part.suffix for part in path.parent.glob("MaskCommunSL.*")}
    assert endings == {".tif", ".shp", ".shx", ".dbf", ".prj"}


@pytest.mark.parametrize("outside", [0, 7])
def test_the_common_mask_is_outlined(products, tmp_path, outside):
    """As GDAL outlines it, also where it is 1 all over, and is not looked at for that."""
    root = copy_of(products, tmp_path / "root")

    def edges(values):
        values[...] = 0
        values[..., :outside, :outside] = 1
        return values

    rewrite_all(root, "*_EDG_R1.tif", edges)
    plan, tiles = make_plan(tutorial(root, tmp_path / "out"))
    write_common_mask(plan, tiles["T31TCJ"])
    path = plan.paths.common_mask("T31TCJ")
    with rasterio.open(path) as file:
        band = file.read(1)
        [(found, _)] = rasterio.features.shapes(band, mask=band == 1, transform=file.transform)
    [outline] = geopandas.read_file(path.with_suffix(".shp")).geometry
    assert outline.equals(shapely.geometry.shape(found))
    assert np.count_nonzero(band) == band.size - outside**2


def test_a_sensor_without_edges_saw_what_its_files_cover(products, tmp_path):
    sensor = load_sensors()["Sentinel_2"].model_dump(mode="json")
    sensor["masks"] = [sensor["masks"][0]]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(sensor))
    request = tutorial(products, tmp_path / "out", sensor_folders=(tmp_path,), crs="EPSG:2154")
    plan, tiles = make_plan(request)
    write_common_mask(plan, tiles["T31TCJ"])
    mask = opened(plan.paths.common_mask("T31TCJ"))[0]
    assert 0.9 < mask.mean() < 1
    assert mask[0, 48, 48] == 1
    assert mask[0, 0, 0] == 0
