"""Functions over xarray: what they see, what is read for them, what they may return."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray

from sitsflow import over_xarray
from sitsflow.errors import FunctionError
from sitsflow.features.accessors import Accessors
from sitsflow.features.datasets import bands_of
from sitsflow.features.functions import load_functions
from sitsflow.features.probe import BuiltinProber
from sitsflow.features.synthetic import SyntheticObservations
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.plan import Plan, TilePlan
from sitsflow.planning import planner
from sitsflow.request import FunctionCall, Request
from sitsflow.timeseries import observations
from sitsflow.timeseries.series import Series
from tests.requests import TILES, tile_values, tutorial


class InThisProcess(BuiltinProber):
    """Tries a user's functions without a process of their own, which takes seconds to start."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._request = request

    def load(self) -> None:
        names = [one.name for one in self._request.functions]
        self._functions = load_functions(self._request.module, names)

    def snapshot(self) -> CodeSnapshot | None:  # type: ignore[override]
        return self._functions.snapshot()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def prober_of(request: Request) -> nullcontext[InThisProcess]:
        return nullcontext(InThisProcess(request))

    monkeypatch.setattr(planner, "prober_of", prober_of)


HEAD = "import numpy as np\nimport xarray as xr\nfrom sitsflow import over_xarray\n"


def planned(
    folder: Path, products: Path, code: str, *calls: FunctionCall | str, **changes: Any
) -> tuple[Plan, TilePlan]:
    module = folder / "mine.py"
    module.write_text(HEAD + code)
    functions = [FunctionCall(name=one) if isinstance(one, str) else one for one in calls]
    request = tutorial(
        products, folder / "map", module=module, functions=tuple(functions), **changes
    )
    plan, tiles = planner.make_plan(request)
    return plan, tiles[TILES[0]]


def test_a_dataset_gives_the_map_that_self_gives(products: Path, tmp_path: Path) -> None:
    code = """
@over_xarray
def by_dataset(ds, scale=1):
    ndvi = ds.NDVI.transpose("time", "y", "x")
    peak = (ndvi.max("time", skipna=False) * scale).rename("peak")
    dry = (ds["NDWI"] > 0).sum("time").rename("dry")
    clear = (ds.raw_masks == 0).mean("raw_time").rename("clear")
    return xr.merge([peak, dry, clear])

def by_self(self, scale=1):
    ndvi = self.get_interpolated_Sentinel2_NDVI()
    dry = self.get_interpolated_Sentinel2_NDWI() > 0
    clear = self.get_raw_Sentinel2_masks() == 0
    bands = [ndvi.max(axis=2) * scale, dry.sum(axis=2), clear.mean(axis=2)]
    return np.stack(bands, axis=2), ["peak2", "dry2", "clear2"]
"""
    scale = {"scale": 3}
    calls = [FunctionCall(name=name, kwargs=scale) for name in ("by_dataset", "by_self")]
    plan, tile = planned(tmp_path, products, code, *calls)
    assert plan.labels == ("peak", "dry", "clear", "peak2", "dry2", "clear2")
    assert tile.series[0].read == ("B4", "B8", "B11")
    values = tile_values(plan, tile)
    assert np.unique(values[0]).size > 100
    np.testing.assert_array_equal(values[:3], values[3:])


@pytest.mark.usefixtures("in_this_process")
def test_only_what_is_looked_at_is_read(products: Path, tmp_path: Path) -> None:
    code = """
@over_xarray
def two_dates(ds):
    assert set(ds) >= {"B2", "B4", "NDVI", "raw_B8A", "raw_masks"}  # names cost nothing
    repr(ds)
    return ds[["B5"]].isel(time=[0, -1])

@over_xarray
def raw_only(ds):
    return ds.raw_B3.where(ds.raw_masks == 0).max("raw_time", skipna=True).fillna(0)
"""
    plan, tile = planned(tmp_path, products, code, "two_dates", "raw_only")
    assert tile.series[0].read == ("B3", "B5")
    assert plan.labels == ("B5_20180101", "B5_20181227", "raw_B3")
    assert (tile_values(plan, tile) > 0).any()


@pytest.mark.usefixtures("in_this_process")
def test_what_a_function_changes_no_other_one_sees(products: Path, tmp_path: Path) -> None:
    code = """
@over_xarray
def spoils(ds):
    ds.B4.load()
    ds.B4.values[:] = 0
    ds["B8"] = ds.B8 * 0
    return ds.B4.max("time").rename("zero")

@over_xarray
def looks(ds):
    return ds.B4.max("time").rename("red")
"""
    plan, tile = planned(tmp_path, products, code, "spoils", "looks")
    zero, red = tile_values(plan, tile)
    assert set(np.unique(zero)) <= {0, -10000}
    assert (red > 0).any()


@pytest.mark.usefixtures("in_this_process")
def test_the_users_raster(products: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raster = tmp_path / "altitude.tif"
    with rasterio.open(next((products / TILES[0]).rglob("*_FRE_B2.tif"))) as source:
        profile = {**source.profile, "dtype": "float32", "count": 2, "nodata": None}
        with rasterio.open(raster, "w", **profile) as target:
            target.write(np.full((2, source.height, source.width), 150, np.float32))
            target.descriptions = ("height", "slope")
    code = """
@over_xarray
def higher(ds, by=1):
    return (ds.exogenous.sel(exogenous_band="slope", drop=True) + by).rename("higher")
"""
    plan, tile = planned(tmp_path, products, code, "higher", exogenous=raster)
    assert tile.series[0].read == ()
    monkeypatch.delattr(observations, "read_in_turn")  # nor is any mask read
    assert set(np.unique(tile_values(plan, tile))) == {151}


@pytest.mark.usefixtures("in_this_process")
def test_bands_of_the_users_raster_without_descriptions_have_numbers(
    products: Path, tmp_path: Path
) -> None:
    raster = tmp_path / "altitude.tif"
    with rasterio.open(next((products / TILES[0]).rglob("*_FRE_B2.tif"))) as source:
        profile = {**source.profile, "count": 3}
    with rasterio.open(raster, "w", **profile) as target:
        target.descriptions = (None, "slope", None)
    code = """
@over_xarray
def raster(ds):
    return ds.exogenous.rename("raster")
"""
    plan, _ = planned(tmp_path, products, code, "raster", exogenous=raster)
    assert plan.labels == ("raster_1", "raster_slope", "raster_3")


@pytest.mark.usefixtures("in_this_process")
def test_a_named_sensor(products: Path, tmp_path: Path) -> None:
    code = """
@over_xarray("Sentinel2")
def mean_red(ds):
    assert ds.attrs == {"sensor": "Sentinel2"}
    return ds.B4.mean("time").rename("red"), ["mean_red"]

@over_xarray("Landsat8")
def of_another(ds):
    return ds.B4.mean("time")
"""
    plan, _ = planned(tmp_path, products, code, "mean_red")
    assert plan.labels == ("mean_red",)
    with pytest.raises(FunctionError, match="no sensor 'Landsat8'; there are Sentinel2"):
        planned(tmp_path, products, code, "of_another")


@pytest.mark.usefixtures("in_this_process")
def test_mistakes_show_the_users_lines(products: Path, tmp_path: Path) -> None:
    code = """
@over_xarray
def wrong_name(ds):
    return ds.B44

@over_xarray
def too_many(ds):
    return ds.B4.expand_dims("one").expand_dims("two")

@over_xarray
def no_map(ds):
    return ds.B4.mean("y")

@over_xarray
def arguments(ds, scale):
    return ds.B4
"""
    with pytest.raises(FunctionError) as caught:
        planned(tmp_path, products, code, "wrong_name", "too_many", "no_map", "arguments")
    text = str(caught.value)
    assert "return ds.B44" in text
    assert "('two', 'one', 'y', 'x', 'time')" in text
    assert "('x', 'time'); (y, x) and at most one more make bands" in text
    assert "arguments(self, /, scale)" in text


def test_with_datasets_it_is_the_plain_function() -> None:
    @over_xarray("One", "Other")
    def ratio(one: Any, other: Any, *, scale: float = 1) -> Any:
        """Divide."""
        return one.B4 / other.B4 * scale

    one = xarray.Dataset({"B4": (("y", "x"), np.full((2, 2), 6.0))})
    assert ratio(one, one, scale=3).values.tolist() == [[3, 3], [3, 3]]
    assert ratio.__doc__ == "Divide."
    assert list(inspect.signature(ratio).parameters) == ["self", "scale"]


def test_the_decorator_refuses_what_it_does_not_understand() -> None:
    with pytest.raises(TypeError, match="is written alone, or with labels"):
        over_xarray()
    with pytest.raises(TypeError, match="gets 2 dataset"):
        over_xarray("One", "Other")(lambda ds: ds)


def array(name: str | None, **coords: Any) -> xarray.DataArray:
    return xarray.DataArray(
        np.arange(12).reshape(2, 3, 2), dims=("step", "y", "x"), coords=coords, name=name
    ).isel(step=[0, 1])


@pytest.mark.parametrize(
    ("result", "labels"),
    [
        (array("a"), ["a_1", "a_2"]),
        (array(None), None),
        (array("a", step=np.array(["2018-01-02", "2018-03-04"], "datetime64[ns]")),
         ["a_20180102", "a_20180304"]),
        (array("a", step=[0.1, 0.95]), ["a_0.1", "a_0.95"]),
        (array(None, step=["p", "q"]), ["p", "q"]),
        (array("a", step=["p", "q"]), ["a_p", "a_q"]),
        (array("a").isel(step=0), ["a"]),
        (array(None).isel(step=0), None),
        ((array("a"), ["p", "q"]), ["p", "q"]),
        (array("a").to_dataset().assign(b=lambda ds: ds.a.isel(step=1)), ["a_1", "a_2", "b"]),
    ],
)  # fmt: skip
def test_bands_and_their_labels(result: Any, labels: list[str] | None) -> None:
    values, found = bands_of(result)
    assert found == labels
    assert values.shape[:2] == (3, 2)
    assert values[:, :, 0].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_other_results_are_left_alone() -> None:
    pair = (np.zeros((2, 2)), ["zero"])
    assert bands_of(pair) == pair
    assert bands_of(None) is None
    with pytest.raises(ValueError, match="without variables"):
        bands_of(xarray.Dataset())


def test_several_sensors_are_several_datasets(products: Path, tmp_path: Path) -> None:
    _, tiles = planner.make_plan(tutorial(products, tmp_path))
    (plan,) = tiles[TILES[0]].series
    series = {}
    for label, last in (("One", 4), ("Other", 7)):
        sensor = plan.sensor.model_copy(update={"label": label})
        of = plan.model_copy(update={"sensor": sensor, "target_days": plan.target_days[:last]})
        series[label] = Series(of, SyntheticObservations(of, (3, 4)), {})

    @over_xarray("Other", "One")
    def lengths(other: Any, one: Any) -> Any:
        both = [other.B4.mean("time"), one.B8.mean("time")]
        return xarray.Dataset({"dates": both[0] * 0 + other.sizes["time"] * 10 + one.sizes["time"]})

    container = Accessors(series)
    values, labels = lengths(container)
    assert labels == ["dates"]
    assert set(np.unique(values)) == {74}
    assert values.shape == (3, 4, 1)
    assert container.touched == {"Other": {"B4"}, "One": {"B8"}}
    with pytest.raises(ValueError, match="which sensor"):
        over_xarray(lambda ds: ds.B4)(container)
