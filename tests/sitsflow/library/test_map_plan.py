"""`sitsflow.open`: any part of a map as a run writes it, and the series of a place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray
from rasterio.crs import CRS

import sitsflow
from sitsflow.errors import ConfigError, GridError, MissingInputError
from sitsflow.geo.grid import Window
from sitsflow.library import readers
from sitsflow.library.map_plan import MapPlan
from sitsflow.plan import load_plan, load_tile
from sitsflow.timeseries.gapfilling import fill_gaps
from sitsflow.timeseries.observations import Observations
from tests import serial_run
from tests.requests import calls, tile_values, tutorial

FUNCTIONS = calls("get_cumulative_productivity", "get_seasonal_variation", "duplicate_ndvi")
"""Sums over dates, which NumPy adds in an order of its own, and a value of each date."""
TILE = "T31TCJ"


@pytest.fixture(scope="module")
def output(products: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of one tile in Lambert 93 wrote."""
    output = tmp_path_factory.mktemp("map")
    request = tutorial(products, output, crs="EPSG:2154", functions=FUNCTIONS)
    serial_run.run(request)
    return output


@pytest.fixture(scope="module")
def opened(output: Path) -> MapPlan:
    return sitsflow.open(load_plan(output).request)


@pytest.fixture(scope="module")
def written(output: Path) -> xarray.DataArray:
    """The map's file by the words of rioxarray, which is not needed here."""
    with rasterio.open(load_plan(output).paths.map) as file:
        return xarray.DataArray(
            file.read(), dims=("band", "y", "x"), coords={"band": list(file.descriptions)},
            attrs={"crs": file.crs, "transform": file.transform, "nodata": file.nodata},
        )  # fmt: skip


def test_the_whole_tile_has_the_bytes_of_the_map(
    opened: MapPlan, written: xarray.DataArray
) -> None:
    found = opened.compute(TILE)
    assert found.dtype == np.float32
    assert found.dims == ("band", "y", "x")
    assert list(found.band.values) == list(written.band.values) == list(opened.labels)
    assert found.values.tobytes() == written.values.tobytes()


@pytest.mark.parametrize(
    "part",
    [
        (slice(10, 61), slice(3, 50)),  # across chunks
        (slice(0, 1), slice(0, 1)),
        (slice(-1, None), slice(-1, None)),
        (slice(40, 41), slice(None)),
        (slice(None), slice(7, 8)),
        Window(row=31, col=31, height=3, width=2),
    ],
    ids=str,
)
def test_any_part_has_the_bytes_of_the_map(
    opened: MapPlan, written: xarray.DataArray, part: Window | tuple[slice, slice]
) -> None:
    rows, cols = part.slices if isinstance(part, Window) else part
    found = opened.compute(TILE, part)
    assert found.values.tobytes() == written.values[:, rows, cols].tobytes()


def test_bounds_are_widened_to_whole_pixels(opened: MapPlan, written: xarray.DataArray) -> None:
    grid = opened.tiles[TILE].grid
    west, north = grid.x + 5 * grid.xres, grid.y - 8 * grid.yres
    bounds = (west + 1, north - 39, west + 21, north - 1)
    found = opened.compute(TILE, bounds)
    assert found.values.tobytes() == written.values[:, 8:12, 5:8].tobytes()
    everything = opened.compute(TILE, (-1e9, -1e9, 1e9, 1e9))
    assert everything.shape == written.shape


def test_pixels_lie_where_the_map_has_them(opened: MapPlan, written: xarray.DataArray) -> None:
    found = opened.compute(TILE, (slice(4, 6), slice(8, 11)))
    x, y = written.transform @ (8.5, 4.5)
    np.testing.assert_allclose([found.x[0], found.y[0]], [x, y], rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.diff(found.x), written.transform.a)
    np.testing.assert_allclose(np.diff(found.y), written.transform.e)
    assert found.x.attrs["standard_name"] == "projection_x_coordinate"
    assert found.y.attrs["units"] == "metre"
    reference = found.spatial_ref.attrs
    assert CRS.from_wkt(reference["crs_wkt"]) == CRS.from_wkt(reference["spatial_ref"])
    assert CRS.from_wkt(reference["crs_wkt"]) == written.crs
    assert reference["grid_mapping_name"] == "lambert_conformal_conic"
    corner = written.transform @ (8, 4)
    expected = (corner[0], written.transform.a, 0, corner[1], 0, written.transform.e)
    assert tuple(map(float, reference["GeoTransform"].split())) == pytest.approx(expected)
    assert found.attrs["_FillValue"] == written.nodata
    assert found.attrs["long_name"] == opened.labels
    assert found.encoding["grid_mapping"] == "spatial_ref"


def test_windows_of_a_tile_align(opened: MapPlan) -> None:
    left = opened.compute(TILE, (slice(0, 2), slice(0, 33)))
    right = opened.compute(TILE, (slice(0, 2), slice(31, 40)))
    assert list(xarray.align(left, right)[0].x.values) == list(left.x.values[31:])


def test_masked_pixels_are_nan(opened: MapPlan, written: xarray.DataArray) -> None:
    found = opened.compute(TILE, masked=True)
    empty = written.values == written.nodata
    assert empty.any()
    np.testing.assert_array_equal(np.isnan(found.values), empty)
    assert "_FillValue" not in found.attrs
    assert found.encoding["_FillValue"] == written.nodata


@pytest.mark.parametrize(
    ("tile", "part", "message"),
    [
        ("T99XXX", None, "no tile 'T99XXX'; there are T31TCJ"),
        (TILE, (slice(5, 5), slice(0, 3)), "slices must hold something"),
        (TILE, (slice(0, 9, 2), slice(0, 3)), "go on by 1"),
        (TILE, Window(row=0, col=0, height=9999, width=1), "rows 0 to 9998"),
        (TILE, Window(row=-1, col=0, height=1, width=1), "rows -1 to -1"),
        (TILE, (0, 0, 1, 1), "nothing of it lies within 0, 0, 1, 1"),
        (TILE, (1234567.5, 0, 1234568.5, 1), "lies within 1234567.5, 0, 1234568.5, 1 "),
        (TILE, (1, 2, 3), "is no part of it"),
        (TILE, 3, "3 is no part of it"),
        (TILE, ("west", "south", "east", "north"), "is no part of it"),
    ],
)
def test_what_is_no_part_of_the_map_is_refused(
    opened: MapPlan, tile: str, part: object, message: str
) -> None:
    with pytest.raises((GridError, MissingInputError), match=message):
        opened.compute(tile, part)  # type: ignore[arg-type]


def test_an_area_of_interest_counts_as_in_a_run(products: Path, tmp_path: Path) -> None:
    grid = sitsflow.open(tutorial(products, tmp_path)).tiles[TILE].grid
    corners = [grid.transform @ place for place in ((10, 12), (70, 20), (40, 80))]
    area = tmp_path / "area.gpkg"
    geopandas.GeoDataFrame(geometry=[shapely.Polygon(corners)], crs=grid.crs).to_file(area)
    opened = sitsflow.open(tutorial(products, tmp_path, area_of_interest=area, padding=(3, 2)))
    tile = opened.tiles[TILE]
    expected = tile_values(opened.plan, tile)
    assert 0.2 < (expected[0] == -10000).mean() < 0.8
    np.testing.assert_array_equal(opened.compute(TILE), expected)
    np.testing.assert_array_equal(opened.compute(TILE, (slice(5, 31), slice(2, 3))),
                                  expected[:, 5:31, 2:3])  # fmt: skip


def test_a_map_of_several_tiles_asks_which(products: Path, tmp_path: Path) -> None:
    request = tutorial(products, tmp_path, tiles=("T31TCJ", "T31TDJ"))
    opened = sitsflow.open(request)
    with pytest.raises(MissingInputError, match="The map has T31TCJ, T31TDJ"):
        opened.compute()
    grid = opened.tiles["T31TDJ"].grid
    x, y = grid.x + 95.5 * grid.xres, grid.y - 3.5 * grid.yres
    assert len(opened.series(None, x, y)) == len(opened.series("T31TDJ", x, y))
    with pytest.raises(GridError, match="lies in none of T31TCJ, T31TDJ"):
        opened.series(None, 0, 0)
    assert "T31TDJ (96 x 96)" in repr(opened)


def test_the_series_of_a_place(opened: MapPlan, output: Path) -> None:
    tile = load_tile(output, TILE)
    (series,) = tile.series
    window = Window(row=20, col=30, height=1, width=1)
    x, y = tile.grid.transform @ (30.9, 20.1)
    table = opened.series(TILE, x, y, ["B8", "NDVI"])
    assert list(table.columns) == ["sensor", "band", "date", "raw", "valid", "interpolated"]
    assert set(table.sensor) == {"Sentinel2"}
    band = table[table.band == "B8"]
    assert list(band.date) == sorted(set(_dates(series.days)) | set(_dates(series.target_days)))
    observed = Observations(series, tile.grid, window, "bicubic")
    values, valid = observed.band("B8", clouded=True), observed.valid
    on_raw = band[band.valid.notna()]
    assert list(on_raw.date) == list(_dates(series.days))
    np.testing.assert_array_equal(on_raw.raw, values[:, 0, 0])
    np.testing.assert_array_equal(on_raw.valid, valid[:, 0, 0] & np.isfinite(values[:, 0, 0]))
    filled = fill_gaps(observed.band("B8"), valid, series.days, series.target_days)[:, 0, 0]
    on_targets = band[band.date.isin(_dates(series.target_days))]
    np.testing.assert_array_equal(on_targets.interpolated, filled)
    red = opened.series(TILE, x, y, ["B4"])
    for column in ("raw", "interpolated"):
        near, far = band[column].to_numpy(), red[column].to_numpy()
        index = table[table.band == "NDVI"][column].to_numpy()
        expected = ((near - far) / (near + far) * 1000).clip(-1000, 1000)
        np.testing.assert_allclose(index, expected, rtol=1e-4)


def _dates(days: tuple[int, ...]) -> pd.DatetimeIndex:
    return pd.to_datetime(np.asarray(days), unit="D", origin="unix")


def test_by_default_a_table_has_what_the_run_reads(opened: MapPlan) -> None:
    tile = opened.tiles[TILE]
    x, y = tile.grid.transform @ (30.5, 20.5)
    found = list(dict.fromkeys(opened.series(TILE, x, y).band))
    assert found == ["B4", "B8", "NDVI"]


def test_two_products_of_a_day_are_two_rows(
    products: Path, tmp_path: Path, opened: MapPlan
) -> None:
    tile = opened.tiles[TILE]
    (series,) = tile.series
    scenes = (series.scenes[0], *series.scenes)
    doubled = series.model_copy(update={"scenes": scenes, "raw_days": tuple(s.day for s in scenes)})
    twice = tile.model_copy(update={"series": (doubled,)})
    x, y = tile.grid.transform @ (30.5, 20.5)
    table = MapPlan(opened.plan, {TILE: twice}).series(TILE, x, y, ["B4"])
    first = table[table.date == _dates(series.days)[0]]
    assert len(first) == 2
    assert first.raw.nunique() == 1


def test_a_run_that_does_not_interpolate(products: Path, tmp_path: Path) -> None:
    opened = sitsflow.open(tutorial(products, tmp_path, use_gapfilling=False))
    x, y = opened.tiles[TILE].grid.transform @ (3.5, 3.5)
    table = opened.series(TILE, x, y, ["B4"])
    assert table.interpolated.isna().all()
    assert len(table) == 13
    dataset = opened.dataset(TILE, (slice(3, 4), slice(3, 4)))
    assert dataset.sizes["time"] == dataset.sizes["raw_time"] == 13


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["B44"], "did you mean B4"),
        (["ndvi"], r"did you mean NDVI\?"),
        ("B4", r"give a list of names, \['B4'\]"),
    ],
)
def test_unknown_names_of_bands(opened: MapPlan, names: list[str], message: str) -> None:
    x, y = opened.tiles[TILE].grid.transform @ (3.5, 3.5)
    with pytest.raises(MissingInputError, match=message):
        opened.series(TILE, x, y, names)


def test_a_place_outside(opened: MapPlan) -> None:
    with pytest.raises(GridError, match="T31TCJ: x 1, y 2 lies outside"):
        opened.series(TILE, 1, 2)
    with pytest.raises(GridError, match=r"x 4899512\.5, y 2 lies outside"):
        opened.series(TILE, 4899512.5, 2)
    with pytest.raises(GridError, match="x nan"):
        opened.series(TILE, float("nan"), 2)


def test_a_dataset_reads_what_is_looked_at(opened: MapPlan, tmp_path: Path) -> None:
    dataset = opened.dataset(TILE, (slice(10, 12), slice(20, 23)))
    assert dict(dataset.sizes)["y"] == 2
    values = dataset.NDVI.transpose("time", "y", "x").values
    features = opened.compute(TILE, (slice(10, 12), slice(20, 23)))
    named = [label for label in opened.labels if label.startswith("dupndvi_")]
    np.testing.assert_array_equal(values, features.sel(band=named).values)
    assert list(dataset.y.values) == list(features.y.values)
    with pytest.raises(ValueError, match="no sensor 'Landsat8'; there are Sentinel2"):
        opened.dataset(TILE, sensor="Landsat8")


def test_configurations_as_files_and_as_mappings(
    products: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = {
        "chain": {"output_path": "map", "list_tile": "T31TCJ", "s2_path": str(products)},
        "external_features": {"functions": "get_ndvi", "concat_mode": False},
    }
    path = tmp_path / "map.yaml"
    path.write_text(str(raw).replace("'", '"').replace("False", "false"))
    monkeypatch.chdir(tmp_path)
    overrides = {"external_features.functions": "get_minimum_productivity"}
    from_file = sitsflow.open("map.yaml", overrides)
    assert from_file.labels == ("min_prod",)
    assert sitsflow.open(raw, overrides).plan.request == from_file.plan.request
    assert from_file.plan.request.output_path == tmp_path / "map"
    with pytest.raises(ConfigError, match=r"overrides\n  chain.no_such_key: no such key"):
        sitsflow.open(path, {"chain.no_such_key": 1})
    with pytest.raises(ConfigError, match=r"no_such_file\.cfg"):
        sitsflow.open("no_such_file.cfg")
    ignored = sitsflow.open(
        raw, {"external_features.chunk_size_x": 7, "Sentinel_2.keep_bands": "B2"}
    )
    assert ignored.notices
    with pytest.raises(ConfigError, match="a request takes no overrides"):
        sitsflow.open(from_file.plan.request, overrides)
    assert not (tmp_path / "map").exists()


def test_without_a_reader_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "GROUP", "sitsflow.nobody")
    with pytest.raises(ConfigError, match="install sitsflow again, or give a"):
        sitsflow.open("map.cfg")


def test_a_notebook_needs_no_engine_and_the_command_line_no_xarray() -> None:
    code = """
import sys, flows.cli, sitsflow.planning.planner, sitsflow.steps.chunk, sitsflow.run.jobs
print("xarray" in sys.modules)
import sitsflow, blocks.reader, sitsflow.library.features
sitsflow.open
print({"prefect", "distributed"} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "set()"]
