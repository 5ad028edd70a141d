"""Whole computations, from product files to features, against a slow independent reference."""

import logging
import shutil

import geopandas
import numpy as np
import pytest
import rasterio
import shapely

import sitsflow.io.read as reader
from sitsflow.errors import FunctionError
from sitsflow.io.read_digests import digest_reads
from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors import load_sensors
from sitsflow.request import Chunking, FunctionCall
from sitsflow.steps.chunk import compute_chunk, write_chunk
from sitsflow.steps.common_mask import common_mask
from tests.products import by_date, copy_of, rewrite, rewrite_all
from tests.reference_map import day_of, dynamic_habitat, interpolated, ndvi, sentinel2_series
from tests.requests import TILES, calls, computed, sentinel2, tile_values, tutorial
from tests.slow import mostly_slow

TARGETS = np.arange(day_of("20180101"), day_of("20181231") + 1, 10)
NODATA = -10000


@pytest.fixture
def module(tmp_path):
    """Write a module of user functions, return its path."""

    def write(code, name="mine.py"):
        path = tmp_path / name
        path.write_text(code)
        return path

    return write


def test_every_pixel_equals_the_slow_reference(products, tmp_path):
    for tile, values in computed(tutorial(products, tmp_path, tiles=TILES)).items():
        days, valid, bands = sentinel2_series(products, tile, ["B4", "B8"])
        red, nir = (interpolated(bands[name], valid, days, TARGETS) for name in ("B4", "B8"))
        expected = dynamic_habitat(ndvi(red, nir))
        expected[:, ~valid.any(axis=0)] = NODATA
        # The variation divides by a mean NDVI that may be near 0: compare what it is made of.
        steady = np.abs(ndvi(red, nir).mean(axis=0)) > 5
        np.testing.assert_allclose(values[:2], expected[:2], rtol=1e-4, atol=0.02)
        np.testing.assert_allclose(values[2][steady], expected[2][steady], rtol=1e-3)


@pytest.mark.parametrize("crs", mostly_slow(["EPSG:2154", None], quick=1))
def test_any_chunking_gives_the_same_bits(products, tmp_path, crs):
    maps = [
        computed(tutorial(products, tmp_path, crs=crs, chunking=chunking))["T31TCJ"]
        for chunking in (
            Chunking(mode="split_number", number=1),
            Chunking(mode="split_number", number=7),
            Chunking(mode="split_number", number=25),
            Chunking(mode="user_fixed", size_x=37, size_y=50),
            Chunking(mode="auto"),
        )
    ]
    for other in maps[1:]:
        np.testing.assert_array_equal(maps[0], other)


def _blocks(values):
    """Each 2 x 2 pixels as a last axis of four: (..., row, col, 4)."""
    *first, rows, cols = values.shape
    cut = values[..., : rows // 2 * 2, : cols // 2 * 2]
    cut = cut.reshape(*first, rows // 2, 2, cols // 2, 2)
    return np.moveaxis(cut, -3, -2).reshape(*first, rows // 2, cols // 2, 4)


def test_an_average_is_of_clear_pixels_and_half_of_them_make_a_date(products, tmp_path):
    request = tutorial(
        products, tmp_path, resampling="average", resolution=(20.0, 20.0), concat_mode=True,
        functions=(), indices=False, sensors=(sentinel2(products, keep_bands=("B4", "B5")),),
    )  # fmt: skip
    plan, tiles = make_plan(request)
    tile = tiles["T31TCJ"]
    source = tile.series[0].grids["B4"]
    assert (tile.grid.x, tile.grid.y, tile.grid.xres) == (source.x, source.y, 2 * source.xres)
    days, valid, bands = sentinel2_series(products, "T31TCJ", ["B4", "B5"])
    clear, red = _blocks(valid), _blocks(bands["B4"])
    half = clear.sum(axis=-1) >= 2
    assert (half & ~clear.all(axis=-1)).any()
    with np.errstate(invalid="ignore"):
        mean = np.where(clear, red, 0).sum(axis=-1) / clear.sum(axis=-1)
    values = tile_values(plan, tile)
    rows, cols = half.shape[1:]  # the last pixels may reach beyond the source
    for at, (band, usable) in enumerate(
        ((mean, half), (bands["B5"][:, :rows, :cols], half & clear.all(axis=-1)))
    ):
        expected = np.nan_to_num(interpolated(band, usable, days, TARGETS), nan=NODATA)
        found = values[at::2, :rows, :cols]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("size", [25.0, 60.0])
def test_averages_have_the_same_bits_in_any_chunking(products, tmp_path, size):
    maps = [
        computed(
            tutorial(
                products, tmp_path, crs="EPSG:2154", resampling="average", resolution=(size, size),
                functions=calls("duplicate_ndvi"), chunking=chunking,
            )
        )["T31TCJ"]
        for chunking in (
            Chunking(mode="split_number", number=1),
            Chunking(mode="user_fixed", size_x=7, size_y=3),
        )
    ]  # fmt: skip
    assert (maps[0] != NODATA).any()
    np.testing.assert_array_equal(maps[0], maps[1])


def test_only_two_bands_and_three_masks_are_read(products, tmp_path, monkeypatch):
    read = []
    real = reader.opened
    monkeypatch.setattr(
        reader, "opened", lambda path, drivers: read.append(path) or real(path, drivers)
    )
    plan, tiles = make_plan(tutorial(products, tmp_path))
    read.clear()
    tile_values(plan, tiles["T31TCJ"])
    kinds = {path.stem.split("_", 5)[-1].split("_", 1)[1] for path in read}
    assert kinds == {"FRE_B4", "FRE_B8", "CLM_R1", "SAT_R1", "EDG_R1"}
    chunks, dates = 3, len(tiles["T31TCJ"].series[0].scenes)
    assert len(read) == 5 * dates * chunks
    assert len(set(read)) == 5 * dates


def test_concat_mode_stacks_native_features_in_iota2s_order_then_functions(products, tmp_path):
    plan, tiles = make_plan(tutorial(products, tmp_path, concat_mode=True))
    sensor = load_sensors()["Sentinel_2"]
    n_dates = len(TARGETS)
    assert len(plan.labels) == 13 * n_dates + 3
    assert plan.labels[:2] == ("Sentinel2_B2_20180101", "Sentinel2_B3_20180101")
    assert plan.labels[10] == "Sentinel2_B2_20180111"
    assert plan.labels[10 * n_dates] == "Sentinel2_NDVI_20180101"
    assert plan.labels[11 * n_dates] == "Sentinel2_NDWI_20180101"
    assert plan.labels[-4:] == (
        "Sentinel2_Brightness_20181227", "cumul_prod", "min_prod", "var_prod",
    )  # fmt: skip
    values = tile_values(plan, tiles["T31TCJ"])
    days, valid, bands = sentinel2_series(products, "T31TCJ", ["B2", "B3", "B4", "B8"])
    for name in bands:
        at = list(sensor.band_names).index(name)
        expected = interpolated(bands[name], valid, days, TARGETS)
        expected[:, ~valid.any(axis=0)] = NODATA
        found = values[at : 10 * n_dates : 10]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-3)


def test_no_function_and_concat_mode_is_the_plain_stack(products, tmp_path):
    plan, tiles = make_plan(
        tutorial(products, tmp_path, concat_mode=True, functions=(), indices=False)
    )
    assert len(plan.labels) == 10 * len(TARGETS)
    assert np.isfinite(tile_values(plan, tiles["T31TCJ"])).all()


def test_without_gapfilling_the_raw_series_is_given(products, tmp_path):
    request = tutorial(
        products, tmp_path, use_gapfilling=False, concat_mode=True, functions=(), indices=False
    )
    plan, tiles = make_plan(request)
    values = tile_values(plan, tiles["T31TCJ"])
    days, _, bands = sentinel2_series(products, "T31TCJ", ["B2"])
    assert (
        plan.labels[0] == f"Sentinel2_B2_{tiles['T31TCJ'].series[0].scenes[0].product.name[11:19]}"
    )
    assert len(plan.labels) == 10 * len(days)
    np.testing.assert_array_equal(values[::10], bands["B2"])


def test_additional_and_spectral_features(products, tmp_path):
    sensor = sentinel2(products, additional_features=("b7 - b3", "max(b1, b2)"))
    plan, tiles = make_plan(
        tutorial(
            products, tmp_path, sensors=(sensor,), concat_mode=True, functions=(),
            copy_input=False, indices=False, spectral_indices=("EVI",),
        )
    )  # fmt: skip
    n_dates = len(TARGETS)
    assert plan.labels[0] == "Sentinel2_EVI_20180101"
    assert plan.labels[n_dates] == "USER_Features_1_20180101"
    values = tile_values(plan, tiles["T31TCJ"])
    days, valid, bands = sentinel2_series(products, "T31TCJ", ["B4", "B8"])
    red, nir = (interpolated(bands[name], valid, days, TARGETS) for name in ("B4", "B8"))
    seen = valid.any(axis=0)
    found = values[n_dates : 2 * n_dates][:, seen]
    np.testing.assert_allclose(found, (nir - red)[:, seen], rtol=1e-4, atol=1e-2)


def test_two_products_of_one_day(products, tmp_path):
    """The second datatake of a day fills the first one's clouds."""
    root = tmp_path / "twice"
    shutil.copytree(products / "T31TCJ", root / "T31TCJ")
    first = sorted((root / "T31TCJ").iterdir())[0]
    second = first.with_name(first.name.replace("-105", "-115").replace("SENTINEL2A", "SENTINEL2B"))
    shutil.copytree(first, second)
    for path in [path for path in second.rglob("*") if path.is_file()]:
        path.rename(path.with_name(path.name.replace(first.name, second.name)))
    plan, tiles = make_plan(tutorial(root, tmp_path / "out"))
    series = tiles["T31TCJ"].series[0]
    assert series.days[0] == series.days[1]
    np.testing.assert_array_equal(
        tile_values(plan, tiles["T31TCJ"]), computed(tutorial(products, tmp_path))["T31TCJ"]
    )


def test_area_of_interest_computes_only_what_is_inside(products, tmp_path):
    whole = computed(tutorial(products, tmp_path))["T31TCJ"]
    plan, tiles = make_plan(tutorial(products, tmp_path))
    grid = tiles["T31TCJ"].grid
    west, south = grid.x + 205, grid.y - 702
    area = tmp_path / "area.gpkg"
    shape = shapely.Point(west + 150, south + 150).buffer(140)
    geopandas.GeoDataFrame(geometry=[shape], crs=grid.crs).to_crs("EPSG:4326").to_file(area)
    request = tutorial(products, tmp_path, tiles=TILES, area_of_interest=area)
    plan, tiles = make_plan(request)
    assert plan.tile_names == ("T31TCJ",)
    assert "T31TDJ" in plan.notices[0]
    tile = tiles["T31TCJ"]
    assert tile.grid.height <= 30
    assert tile.grid.width <= 30
    row, col = tile.grid.offset_in(grid)
    values = tile_values(plan, tile)
    inside = values[0] != NODATA
    assert 0.7 < inside.mean() < 0.85  # a disc in its square
    cut = whole[:, row : row + tile.grid.height, col : col + tile.grid.width]
    np.testing.assert_array_equal(values[:, inside], cut[:, inside])


def test_exogenous_raster_padding_and_arguments(products, tmp_path, module):
    _, tiles = make_plan(tutorial(products, tmp_path))
    grid = tiles["T31TCJ"].grid
    own = np.arange(grid.height * grid.width, dtype="float32").reshape(1, *grid.shape)
    raster = tmp_path / "own_T31TCJ.tif"
    with rasterio.open(
        raster, "w", driver="GTiff", dtype="float32", count=1, height=grid.height,
        width=grid.width, crs=grid.crs, transform=grid.transform,
    ) as file:  # fmt: skip
        file.write(own)
    code = (
        "import numpy as np\n"
        "def smooth(self, factor=1):\n"
        "    own = self.exogeneous_data_array[:, :, 0]\n"
        "    padded = np.pad(own, 1, mode='edge')\n"
        "    mean = sum(padded[r:r + own.shape[0], c:c + own.shape[1]]\n"
        "               for r in range(3) for c in range(3)) / 9\n"
        "    return mean * factor, ['smooth']\n"
    )
    request = tutorial(
        products, tmp_path, module=module(code), padding=(1, 1),
        functions=(FunctionCall(name="smooth", kwargs={"factor": 2}),),
        exogenous=tmp_path / "own_$TILE.tif",
    )  # fmt: skip
    values = computed(request)["T31TCJ"][0]
    padded = np.pad(own[0], 1, mode="edge").astype(float)
    rows, cols = grid.shape
    expected = sum(padded[r : r + rows, c : c + cols] for r in range(3) for c in range(3)) / 9 * 2
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_raw_series_masks_and_missing_dates(products, tmp_path, module):
    root = tmp_path / "uneven"
    for tile in TILES:
        shutil.copytree(products / tile, root / tile)
    gone = sorted((root / "T31TDJ").iterdir(), key=lambda path: path.name.split("_")[1])[2]
    shutil.rmtree(gone)
    code = (
        "import numpy as np\n"
        "def raw(self):\n"
        "    values, masks = self.get_raw_Sentinel2_B4(), self.get_raw_Sentinel2_masks()\n"
        "    assert values.shape == masks.shape\n"
        "    dates = self.raw_dates['Sentinel2']\n"
        "    names = [f'{what}_{date}' for what in ('b4', 'mask') for date in dates]\n"
        "    return np.concatenate([values, masks], axis=2), names\n"
    )
    request = tutorial(
        root, tmp_path / "out", tiles=TILES, module=module(code), functions=calls("raw"),
        fill_missing_dates=True,
    )  # fmt: skip
    plan, tiles = make_plan(request)
    n_dates = len(tiles["T31TCJ"].series[0].scenes)
    assert len(plan.labels) == 2 * n_dates
    assert plan.labels[0] == "b4_20180104"
    values = tile_values(plan, tiles["T31TDJ"])
    assert (values[2] == NODATA).all()
    assert (values[n_dates + 2] == 2).all()
    assert set(np.unique(values[n_dates])) <= {0, 1}
    with pytest.raises(Exception, match="fill_missing_dates: True"):
        make_plan(request.model_copy(update={"fill_missing_dates": False}))


def test_raw_values_under_clouds_are_the_products_own(products, tmp_path, module):
    code = "def raw(self):\n    return self.get_raw_Sentinel2_B4(), []\n"
    request = tutorial(
        products, tmp_path, crs="EPSG:2154", module=module(code), functions=calls("raw")
    )
    plan, tiles = make_plan(request)
    values = tile_values(plan, tiles["T31TCJ"])
    near = request.model_copy(update={"resampling": "nearest"})
    nearest = tile_values(make_plan(near)[0], make_plan(near)[1]["T31TCJ"])
    seen = nearest[0] != NODATA
    cloudy = np.argmax([np.mean(date[seen]) for date in nearest])
    found, expected = values[cloudy][seen], nearest[cloudy][seen]
    has = (found != NODATA) & (expected != NODATA)
    assert has.mean() > 0.95
    assert np.corrcoef(found[has], expected[has])[0, 1] > 0.9


CLOUDY = (
    "import numpy as np\n"
    "def f(self):\n"
    "    a = np.array(self.get_Sentinel2_NDVI().min(axis=2))\n"
    "    if a.shape[1] > 40:\n"
    "        {}\n"
    "    return a, ['a']\n"
)


def test_undefined_pixels_become_nodata_and_are_counted(products, tmp_path, module, caplog):
    path = module(CLOUDY.format("a[1, 2:5] = np.nan; a[2, 0] = np.inf"))
    plan, tiles = make_plan(tutorial(products, tmp_path, module=path, functions=calls("f")))
    result = compute_chunk(plan, tiles["T31TCJ"], 0)
    assert result.undefined == {"a": 4}
    assert (result.values[0, 1, 2:5] == NODATA).all()
    strict = tutorial(products, tmp_path, module=path, functions=calls("f"), strict=True)
    plan, tiles = make_plan(strict)
    with pytest.raises(
        FunctionError, match=r"f \(tile T31TCJ, chunk 1\): a is .* row 33, column 2"
    ):
        compute_chunk(plan, tiles["T31TCJ"], 1)


def test_parts_computed_in_turn_are_as_the_whole_chunk(products, tmp_path):
    _, tiles = make_plan(tutorial(products, tmp_path))
    west, _, _, north = tiles["T31TCJ"].grid.bounds
    area = tmp_path / "area.gpkg"
    shape = shapely.Point(west + 300, north - 400).buffer(280)
    geopandas.GeoDataFrame(geometry=[shape], crs=tiles["T31TCJ"].grid.crs).to_file(area)
    request = tutorial(
        products, tmp_path, padding=(1, 2), area_of_interest=area,
        chunking=Chunking(mode="split_number", number=2),
    )  # fmt: skip
    plan, tiles = make_plan(request)
    tile = tiles["T31TCJ"]
    for read, rows, index in ((None, 7, 0), (None, 500, 1), (21, 7, 0), (500, 5, 1), (24, 24, 1)):
        turned = tile.model_copy(update={"pass_rows": rows, "read_rows": read})
        assert len(turned.reads(index)) == -(-tile.chunks[index].height // (read or rows))
        one, other = (compute_chunk(plan, each, index) for each in (tile, turned))
        np.testing.assert_array_equal(one.values, other.values)
        assert one[1:] == other[1:]


def test_files_read_at_once_give_the_same_bits(products, tmp_path):
    """Masks and bands of other grids, which are read and which stay open from part to part."""
    found = []
    for number in (1, 4):
        request = tutorial(
            products, tmp_path, crs="EPSG:2154", concat_mode=True, functions=(),
            concurrent_reads=number,
        )  # fmt: skip
        plan, tiles = make_plan(request)
        tile = tiles["T31TCJ"].model_copy(update={"pass_rows": 10, "read_rows": 17})
        with digest_reads() as digests:
            chunk = compute_chunk(plan, tile, 1)
            mask = common_mask(plan, tile, tile.chunks[1])
        found.append((chunk, mask, digests.by_file()))
    (one, its_mask, its_reads), (other, mask, reads) = found
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(its_mask, mask)
    assert one[1:] == other[1:]
    assert its_reads == reads
    assert len(reads) == 13 * len(tile.series[0].scenes)


@pytest.mark.parametrize("whole", [False, True])
def test_functions_see_parts_of_a_chunk_or_all_of_it(
    products, tmp_path, module, monkeypatch, whole
):
    monkeypatch.setattr("sitsflow.planning.chunking._PART_BYTES", 1.0)
    monkeypatch.setattr("sitsflow.planning.estimates._FEWEST", 96 * 10)
    code = (
        "import numpy as np\n"
        "def rows(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()\n"
        "    return np.full(red.shape[:2], red.shape[0]), ['rows']\n"
    )
    request = tutorial(
        products, tmp_path, module=module(code), functions=calls("rows"), whole_chunk=whole,
        chunking=Chunking(mode="split_number", number=2),
    )  # fmt: skip
    plan, tiles = make_plan(request)
    values = compute_chunk(plan, tiles["T31TCJ"], 0).values
    assert {*values[values != NODATA]} == ({48} if whole else {10, 8})


def test_a_chunk_in_parts_opens_each_file_once(products, tmp_path, monkeypatch):
    opened = []
    reader = rasterio.DatasetReader

    def counted(name, **keys):
        opened.append(name)
        return reader(name, **keys)

    plan, tiles = make_plan(tutorial(products, tmp_path))
    turned = tiles["T31TCJ"].model_copy(update={"pass_rows": 5})
    monkeypatch.setattr("sitsflow.io.opening.rasterio.DatasetReader", counted)
    compute_chunk(plan, turned, 0)
    assert len(opened) == len({*opened}) > 5


def _with_negative_red(products, root):
    """Red is below 0 in the first nine columns, as at the edge of a corrected shadow."""

    def change(values):
        first = np.arange(values.shape[2]) < 9
        return np.where(first & (values > 0), -values, values)

    copy_of(products, root)
    rewrite_all(root, "*_FRE_B4.tif", change)
    return root


@pytest.mark.parametrize("clip", [True, False])
def test_native_features_and_accessors_hold_ndvi_and_count_its_pixels(products, tmp_path, clip):
    root = _with_negative_red(products, tmp_path / "dark")
    days, valid, bands = sentinel2_series(root, "T31TCJ", ["B4", "B8"])
    red, nir = (interpolated(bands[name], valid, days, TARGETS) for name in ("B4", "B8"))
    free = ndvi(red, nir, clip=False)
    assert np.nanmax(free) > 2000
    expected = np.nan_to_num(free.clip(-1000, 1000) if clip else free, nan=NODATA)
    beyond = int((np.abs(free) > 1000).any(axis=0).sum()) if clip else 0
    steady = np.abs(red + nir) > 20  # float32 says little of a quotient by almost 0
    for how, padding in ((Chunking(mode="split_number", number=1), (0, 0)), (Chunking(), (3, 2))):
        request = tutorial(
            root, tmp_path / "out", concat_mode=True, functions=calls("duplicate_ndvi"),
            clip_indices=clip, chunking=how, padding=padding,
        )  # fmt: skip
        plan, tiles = make_plan(request)
        tile = tiles["T31TCJ"]
        native = [at for at, label in enumerate(plan.labels) if "_NDVI_" in label]
        for found in (native, slice(-len(TARGETS), None)):
            values = tile_values(plan, tile)[found]
            where = steady | np.isnan(free)
            np.testing.assert_allclose(values[where], expected[where], rtol=1e-4, atol=0.02)
            if clip:
                assert np.abs(values[values != NODATA]).max() == 1000
        counts = [compute_chunk(plan, tile, at).held for at in range(len(tile.chunks))]
        assert sum(one.get("Sentinel2_NDVI", 0) for one in counts) == beyond


def test_held_pixels_are_in_the_log_and_in_the_record_of_a_chunk(products, tmp_path, caplog):
    root = _with_negative_red(products, tmp_path / "dark")
    plan, tiles = make_plan(tutorial(root, tmp_path / "out"))
    with caplog.at_level("INFO", logger="sitsflow"):
        record = write_chunk(plan, tiles["T31TCJ"], 0)
    count = record.held_counts["Sentinel2_NDVI"]
    assert count > 0
    assert f"Sentinel2_NDVI: {count} pixel(s) beyond -1000 or 1000" in caplog.text


def test_a_failing_function_shows_the_users_own_lines(products, tmp_path, module):
    path = module(CLOUDY.format("raise KeyError('no such crop')"))
    plan, tiles = make_plan(tutorial(products, tmp_path, module=path, functions=calls("f")))
    with pytest.raises(FunctionError) as caught:
        tile_values(plan, tiles["T31TCJ"])
    text = str(caught.value)
    assert text.startswith("f (tile T31TCJ, chunk 0) raised KeyError: 'no such crop'")
    assert f"{path}, line 5, in f\n    raise KeyError('no such crop')" in text
    assert "sitsflow/" not in text.replace(str(path), "")


def test_a_band_read_only_on_some_pixels_is_read_late_with_a_warning(
    products, tmp_path, module, caplog
):
    path = module(CLOUDY.format("a = a + self.get_interpolated_Sentinel2_B12()[:, :, 0]"))
    plan, tiles = make_plan(tutorial(products, tmp_path, module=path, functions=calls("f")))
    assert tiles["T31TCJ"].series[0].read == ("B4", "B8")
    with caplog.at_level(logging.WARNING, "sitsflow"):
        tile_values(plan, tiles["T31TCJ"])
    assert "Sentinel2 B12 is read late" in caplog.text


def test_a_function_that_works_in_place_does_not_spoil_the_next(products, tmp_path, module):
    code = (
        "def one(self):\n"
        "    a = self.get_interpolated_Sentinel2_NDVI(); a[:] = 0\n"
        "    return a[:, :, 0], ['one']\n"
        "def two(self):\n"
        "    return self.get_interpolated_Sentinel2_NDVI().sum(axis=2), ['two']\n"
    )
    request = tutorial(products, tmp_path, module=module(code), functions=calls("one", "two"))
    sums = computed(request)["T31TCJ"][1]
    np.testing.assert_array_equal(sums, computed(tutorial(products, tmp_path))["T31TCJ"][0])


@pytest.mark.parametrize("crs", [None, "EPSG:2154"])
@pytest.mark.parametrize("value", mostly_slow([np.inf, -np.inf, np.nan], quick=1))
def test_a_value_that_is_not_finite_counts_as_no_data_of_its_date(products, tmp_path, crs, value):
    def spoiled(name, with_value):
        def change(values):
            values = values.astype(np.float32)
            values[0, 30:40, 30:40] = with_value
            return values

        root = copy_of(products, tmp_path / name)
        rewrite(next(by_date(root)[4].glob("*_FRE_B4.tif")), change)
        request = tutorial(root, tmp_path / f"{name}_out", crs=crs, functions=calls("get_ndvi"))
        return computed(request)["T31TCJ"]

    found, expected = spoiled("found", value), spoiled("expected", -10000)
    np.testing.assert_array_equal(found, expected)
    # Other dates fill the hole.
    intact = computed(tutorial(products, tmp_path, crs=crs, functions=calls("get_ndvi")))["T31TCJ"]
    np.testing.assert_array_equal(found == NODATA, intact == NODATA)
    assert (found != intact).any()
