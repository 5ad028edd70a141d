"""What each step of a tile depends on: seen in plans alone, nothing is computed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sitsflow.geo.grid import Window
from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors import model
from sitsflow.request import Chunking, FunctionCall, Interpolation, Request
from tests.products import copy_of
from tests.requests import TILES, calls, sentinel2, tutorial
from tests.slow import mostly_slow

TILE = TILES[0]
NOTHING: frozenset[str] = frozenset()
FEATURES = frozenset({"features"})
ALL = frozenset({"preprocess", "common_mask", "features"})
NATIVE = {"concat_mode": True}
ONLY_NATIVE = NATIVE | {"functions": ()}
CUBES = {"write_outputs": True}
SPLINE = Interpolation(method="spline")


def steps_of(request: Request) -> dict[str, str]:
    """The fingerprint of each step of the tile."""
    tile = make_plan(request)[1][TILE]
    return {step: getattr(tile, step).fingerprint for step in ALL}


def changed(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    return {step for step in ALL if one[step] != other[step]}


# By name: what both requests have, what the second has besides, and the steps that differ.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], frozenset[str]]] = {
    "functions": ({}, {"functions": calls("get_minimum_productivity")}, FEATURES),
    "no data": ({}, {"no_data_value": -1.0}, FEATURES),
    "no data, NaN": ({}, {"no_data_value": np.nan}, FEATURES),
    "strictness": ({}, {"strict": True}, FEATURES),
    "padding": ({}, {"padding": (1, 0)}, FEATURES),
    "resampling": ({}, {"resampling": "nearest"}, FEATURES),
    "interpolation": ({}, {"use_gapfilling": False}, ALL - {"common_mask"}),
    "method of interpolation": ({}, {"interpolation": SPLINE}, FEATURES),
    "method of interpolation of cubes": (CUBES, {"interpolation": SPLINE}, ALL - {"common_mask"}),
    "interpolated dates": ({}, {"auto_date": True}, ALL - {"common_mask"}),
    "native features": ({}, NATIVE, FEATURES),
    "indices": (ONLY_NATIVE, {"indices": False}, FEATURES),
    "range of indices": (ONLY_NATIVE, {"clip_indices": False}, FEATURES),
    "haze": (ONLY_NATIVE, {"acor_feat": True}, FEATURES),
    "other indices": ({}, {"spectral_indices": ("EVI",)}, FEATURES),
    "relative reflectances": (NATIVE, {"rel_refl": True}, FEATURES),
    "duplicates": (NATIVE | {"rel_refl": True}, {"keep_duplicates": False}, FEATURES),
    "dates of other tiles, where there are none": ({}, {"fill_missing_dates": True}, NOTHING),
    "alignment": ({"crs": "EPSG:2154"}, {"grid_alignment": False}, ALL),
    "reflectances": (NATIVE, {"copy_input": False}, FEATURES),
    "reflectances, not made": ({}, {"copy_input": False, "rel_refl": True}, NOTHING),
    "compression": ({}, {"compression": "LZW"}, ALL),
    "resolution": ({}, {"resolution": (20.0, 20.0)}, ALL),
    "projection": ({}, {"crs": "EPSG:2154"}, ALL),
    "the projection that it was": ({}, {"crs": "EPSG:32631"}, NOTHING),
    "chunks": ({}, {"chunking": Chunking(mode="user_fixed", size_x=7, size_y=9)}, NOTHING),
    "memory": ({}, {"maximum_ram": 3.0}, NOTHING),
    "reads at once": ({}, {"concurrent_reads": 4}, NOTHING),
    "name of the map": ({}, {"output_name": "other"}, NOTHING),
    "kind of map": ({}, {"mosaic": "vrt"}, NOTHING),
    "whole chunks": ({}, {"whole_chunk": True}, FEATURES),
    "time limits": ({}, {"probe_seconds": 5.0, "timeout": 5.0}, NOTHING),
    "level of the logs": ({}, {"logger_level": "ERROR"}, NOTHING),
    "steps": ({}, {"first_step": "writing", "last_step": "writing"}, NOTHING),
    "broken products": ({}, {"skip_broken_products": True, "minimum_required_dates": 3}, NOTHING),
    "tiles that a sensor lacks": ({}, {"missing_sensor_tile": "skip"}, NOTHING),
    "files on the network": ({}, {"allow_remote": True}, NOTHING),
    "other tiles": ({}, {"tiles": TILES}, NOTHING),
    "cubes": ({}, CUBES, frozenset({"preprocess"})),
    "functions beside cubes": (CUBES, {"functions": calls("get_minimum_productivity")}, FEATURES),
    "no data in cubes": (CUBES, {"no_data_value": -1.0}, ALL - {"common_mask"}),
    "resampling of cubes": (CUBES, {"resampling": "nearest"}, ALL - {"common_mask"}),
}  # fmt: skip


ELSEWHERE = {
    "output_path", "sensors", "sensor_folders", "module", "exogenous", "area_of_interest",
}  # fmt: skip
"""Keys that have tests of their own below."""


def test_of_every_key_it_is_said_what_depends_on_it():
    """A key that `sitsflow.planning.fingerprints` forgets would leave files as they were."""
    tried = {key for _, besides, _ in CHANGES.values() for key in besides}
    assert tried | ELSEWHERE == set(Request.model_fields)


@pytest.mark.parametrize("name", mostly_slow(CHANGES, quick=14))
def test_a_key_counts_for_the_steps_that_depend_on_it(products, tmp_path, name):
    both, besides, expected = CHANGES[name]
    before = steps_of(tutorial(products, tmp_path, **both))
    assert changed(before, steps_of(tutorial(products, tmp_path, **both | besides))) == expected


def test_dates_that_are_given_count_as_far_as_they_choose_others(products, tmp_path):
    before = steps_of(tutorial(products, tmp_path))
    # The last interpolated date is the 27th in both.
    given = sentinel2(products, end=date(2018, 12, 29))
    assert not changed(before, steps_of(tutorial(products, tmp_path, sensors=(given,))))
    given = sentinel2(products, temporal_resolution=11)
    after = steps_of(tutorial(products, tmp_path, sensors=(given,)))
    assert changed(before, after) == ALL - {"common_mask"}


@pytest.mark.parametrize(
    ("both", "key", "value", "expected"),
    [
        ({}, "keep_bands", ("B4", "B8"), FEATURES),
        (CUBES, "keep_bands", ("B4", "B8"), ALL - {"common_mask"}),
        ({}, "additional_features", ("b1/b2",), NOTHING),
        (NATIVE, "additional_features", ("b1/b2",), FEATURES),
        (CUBES, "additional_features", ("b1/b2",), {"preprocess"}),
    ],
)
def test_a_key_of_a_sensor_counts_for_the_steps_that_depend_on_it(
    products, tmp_path, both, key, value, expected
):
    before = steps_of(tutorial(products, tmp_path, **both))
    after = tutorial(products, tmp_path, sensors=(sentinel2(products, **{key: value}),), **both)
    assert changed(before, steps_of(after)) == expected


@pytest.fixture
def root(products: Path, tmp_path: Path) -> Path:
    return copy_of(products, tmp_path / "products")


@pytest.mark.parametrize(
    ("pattern", "both", "expected"),
    [
        ("*_FRE_B4.tif", {}, FEATURES),
        ("*_FRE_B4.tif", CUBES, ALL - {"common_mask"}),
        ("*_FRE_B3.tif", {}, NOTHING),
        ("*_FRE_B3.tif", CUBES, {"preprocess"}),
        ("*_FRE_B3.tif", NATIVE, FEATURES),
        ("*_CLM_R1.tif", {}, FEATURES),
        ("*_CLM_R2.tif", {}, NOTHING),
        ("*_EDG_R1.tif", {}, ALL - {"preprocess"}),
        ("*_EDG_R1.tif", CUBES, ALL),
        ("*_MG2_R1.tif", CUBES, NOTHING),
    ],
)
def test_a_file_counts_for_the_steps_that_read_it(root, tmp_path, pattern, both, expected):
    request = tutorial(root, tmp_path / "out", **both)
    before = steps_of(request)
    os.utime(sorted(root.rglob(pattern))[2], (1, 1))
    assert changed(before, steps_of(request)) == expected


def test_files_are_known_by_product_and_place_not_by_folder(root, tmp_path):
    before = steps_of(tutorial(root, tmp_path / "out"))
    root.rename(tmp_path / "archive")
    assert not changed(before, steps_of(tutorial(tmp_path / "archive", tmp_path / "out")))


def test_two_files_that_change_places_are_not_the_same(root, tmp_path):
    """Of one size and time of change, as files that come out of an archive."""
    request = tutorial(root, tmp_path / "out")
    one, other = (sorted(root.rglob(f"*_FRE_{band}.tif"))[0] for band in ("B4", "B8"))
    for path in (one, other):
        path.write_bytes(path.read_bytes().ljust(50_000, b"\0"))
        os.utime(path, (1, 1))
    before = steps_of(request)
    one.rename(tmp_path / "one")
    other.rename(one)
    (tmp_path / "one").rename(other)
    assert not changed(before, steps_of(request))  # nothing can be told from the outside
    os.utime(one, (2, 2))
    assert changed(before, steps_of(request)) == FEATURES


def test_a_date_more_or_less_counts_for_all_steps(root, tmp_path):
    request = tutorial(root, tmp_path / "out")
    before = steps_of(request)
    shutil.rmtree(sorted((root / TILE).iterdir())[3])
    assert changed(before, steps_of(request)) == ALL


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    (tmp_path / "beside.py").write_text("def scaled(a):\n    return a * 2\n")
    path.write_text(
        "from beside import scaled\n"
        "def f(self):\n    return scaled(self.get_interpolated_Sentinel2_B4()[:, :, 0]), ['f']\n"
        "def raster(self):\n    return self.exogeneous_data_array[:, :, 0], ['r']\n"
    )
    return path


@pytest.mark.parametrize("name", ["mine.py", "beside.py"])
def test_code_counts_for_features_alone(products, module, tmp_path, name):
    request = tutorial(products, tmp_path / "out", module=module, functions=calls("f"))
    before = steps_of(request)
    path = tmp_path / name
    path.write_text(path.read_text() + "# a remark\n")
    assert changed(before, steps_of(request)) == FEATURES


def test_code_that_is_not_called_does_not_count(products, module, tmp_path):
    request = tutorial(products, tmp_path / "out", module=module, functions=(), **NATIVE)
    before = steps_of(request)
    module.write_text(module.read_text() + "# a remark\n")
    assert not changed(before, steps_of(request))
    moved = module.rename(tmp_path / "other.py")
    assert not changed(before, steps_of(request.model_copy(update={"module": moved})))


def test_arguments_of_functions_count_for_features(products, module, tmp_path):
    module.write_text(module.read_text().replace("f(self)", "f(self, factor=1)"))

    def of(**kwargs: Any) -> dict[str, str]:
        call = FunctionCall(name="f", kwargs=kwargs)
        return steps_of(tutorial(products, tmp_path / "out", module=module, functions=(call,)))

    assert changed(of(), of(factor=2)) == FEATURES


@pytest.mark.slow
def test_the_users_raster_counts_for_features(products, module, tmp_path):
    grid = make_plan(tutorial(products, tmp_path))[1][TILE].grid
    path = tmp_path / "classes.tif"

    def write(nodata: float) -> None:
        with rasterio.open(
            path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1,
            dtype="uint8", crs=grid.crs, transform=grid.transform, nodata=nodata,
        ) as file:  # fmt: skip
            file.write(np.ones((1, *grid.shape), np.uint8))
        os.utime(path, (1, 1))

    write(0)
    request = tutorial(
        products, tmp_path / "out", module=module, functions=calls("raster"), exogenous=path
    )
    before = steps_of(request)
    assert make_plan(request)[1][TILE].features.files[0] == "exogenous/classes.tif"
    # Of the sensor neither bands nor masks are read.
    assert len(make_plan(request)[1][TILE].features.files) == 1
    write(1)  # the header says so
    assert changed(before, steps_of(request)) == FEATURES
    write(0)
    assert not changed(before, steps_of(request))
    os.utime(path, (2, 2))
    assert changed(before, steps_of(request)) == FEATURES


def test_an_area_counts_by_its_shape(products, tmp_path):
    grid = make_plan(tutorial(products, tmp_path))[1][TILE].grid
    area = tmp_path / "area.gpkg"

    def of(*windows: Window, **fields: list[int]) -> dict[str, str]:
        area.unlink(missing_ok=True)
        shapes = [shapely.box(*grid.part(window).bounds) for window in windows]
        geopandas.GeoDataFrame(fields, geometry=shapes, crs=grid.crs).to_file(area)
        return steps_of(tutorial(products, tmp_path / "out", area_of_interest=area))

    whole = Window(row=10, col=10, height=40, width=40)
    upper, left = whole.model_copy(update={"height": 9}), whole.model_copy(update={"width": 9})
    assert not changed(of(whole), of(whole, name=[1]))
    # Another shape in the same rows and columns: pixels without features lie elsewhere.
    assert changed(of(whole), of(upper, left)) == FEATURES
    assert changed(of(whole), of(upper)) == ALL


def test_of_a_sensor_what_it_reads_counts(products, tmp_path):
    folder = tmp_path / "sensors"
    folder.mkdir()
    fields = yaml.safe_load(
        (Path(model.__file__).with_name("sentinel_2.yaml")).read_text(encoding="utf-8")
    )

    def of(**changes: Any) -> dict[str, str]:
        (folder / "mine.yaml").write_text(yaml.safe_dump(fields | changes), encoding="utf-8")
        return steps_of(tutorial(products, tmp_path / "out", sensor_folders=(folder,)))

    before = of()
    assert not changed(before, of(source="elsewhere", temporal_resolution=5, unit="percent"))
    assert changed(before, of(quantification=1000)) == FEATURES
    masks = [dict(mask) for mask in fields["masks"]]
    masks[0]["invalid"] = {"how": "bits", "values": [1]}
    assert changed(before, of(masks=masks)) == FEATURES
    masks[2]["outside"] = {"how": "bits", "values": [1]}
    assert changed(before, of(masks=masks)) == ALL - {"preprocess"}


def test_a_common_mask_of_no_mask_depends_on_no_file(products, tmp_path):
    fields = yaml.safe_load(
        (Path(model.__file__).with_name("sentinel_2.yaml")).read_text(encoding="utf-8")
    )
    del fields["masks"][2]["outside"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
    request = tutorial(products, tmp_path / "out", sensor_folders=(tmp_path,))
    tile = make_plan(request)[1][TILE]
    assert tile.common_mask.files == ()
    assert len(tile.features.files) == 13 * 5


KEYS = {
    "tiles": st.sampled_from([TILES, TILES[:1]]),
    "no_data_value": st.sampled_from([-10000.0, 0.0]),
    "concat_mode": st.booleans(),
    "write_outputs": st.booleans(),
    "copy_input": st.booleans(),
    "indices": st.booleans(),
    "resampling": st.sampled_from(["bicubic", "nearest"]),
    "auto_date": st.booleans(),
    "padding": st.sampled_from([(0, 0), (2, 1)]),
    "maximum_ram": st.sampled_from([4.0, 16.0]),
    "functions": st.sampled_from([calls("get_minimum_productivity"), ()]),
}


def makes_something(keys: Mapping[str, Any]) -> bool:
    native = keys["concat_mode"] and (keys["copy_input"] or keys["indices"])
    called = keys["functions"] and keys["indices"]  # the functions are of NDVI
    return bool(called or (native and not keys["functions"]))


REQUESTS = st.fixed_dictionaries(KEYS).filter(makes_something)
USED = {
    "preprocess": {"auto_date", "write_outputs"},
    "common_mask": set(),
    "features": {"no_data_value", "concat_mode", "resampling", "auto_date", "functions"},
}


@pytest.mark.slow
@settings(max_examples=10)
@given(REQUESTS, REQUESTS)
def test_a_fingerprint_is_the_same_only_where_all_that_its_step_uses_is(
    products, tmp_path, one, other
):
    plans = [make_plan(tutorial(products, tmp_path, **keys))[1][TILE] for keys in (one, other)]
    for step, names in USED.items():
        first, second = (getattr(plan, step) for plan in plans)
        if first.fingerprint == second.fingerprint:
            assert all(one[name] == other[name] for name in names)
            assert first.files == second.files
        assert first.fingerprint == second.fingerprint or one != other
    assert plans[0].common_mask == plans[1].common_mask  # which none of the keys is for
