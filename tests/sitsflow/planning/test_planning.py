import os
import shutil
from datetime import date

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st

from sitsflow.dates import stamp
from sitsflow.errors import ConfigError, FunctionError, GridError, MissingInputError
from sitsflow.features.probe import ProbeResult
from sitsflow.plan import load_plan, load_tile, save_plan
from sitsflow.planning.chunking import Blocks, _split, auto_size, best_size, cut, cut_along
from sitsflow.planning.estimates import bytes_per_pixel
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking
from tests.plans import grid_at
from tests.products import by_date, copy_of
from tests.requests import TILES, calls, sentinel2, tutorial
from tests.slow import mostly_slow


def test_a_plan_survives_its_files(products, tmp_path):
    plan, tiles = make_plan(tutorial(products, tmp_path, tiles=TILES))
    save_plan(plan, tiles)
    assert load_plan(tmp_path) == plan
    assert load_tile(tmp_path, "T31TDJ") == tiles["T31TDJ"]


def test_dates_as_given(products, tmp_path):
    _, tiles = make_plan(tutorial(products, tmp_path))
    days = tiles["T31TCJ"].series[0].target_days
    assert [stamp(day) for day in (days[0], days[-1])] == ["20180101", "20181227"]


def test_automatic_dates_span_all_tiles(products, tmp_path):
    root = tmp_path / "root"
    for tile in TILES:
        shutil.copytree(products / tile, root / tile)
    by_date = sorted((root / "T31TCJ").iterdir(), key=lambda path: path.name.split("_")[1])
    for product in (*by_date[:3], *by_date[-3:]):
        shutil.rmtree(product)
    _, tiles = make_plan(tutorial(root, tmp_path / "out", tiles=TILES, auto_date=True))
    both = {tile.series[0].target_days for tile in tiles.values()}
    assert len(both) == 1
    days = both.pop()
    assert stamp(days[0]) == "20180104"
    assert stamp(days[-1]) == "20181230"


def test_tiles_share_one_lattice(products, tmp_path):
    plan, tiles = make_plan(
        tutorial(products, tmp_path, tiles=TILES, crs="EPSG:2154", resolution=(20.0, 10.0))
    )
    for tile in tiles.values():
        assert (tile.grid.x % 20, tile.grid.y % 10) == (0, 0)
        assert tile.grid.offset_in(plan.mosaic_grid) is not None
        assert tile.series[0].step > 0
    assert plan.mosaic_grid.width > tiles["T31TCJ"].grid.width


def test_without_alignment_each_tile_has_the_grid_that_gdal_gives_it(products, tmp_path):
    plan, tiles = make_plan(
        tutorial(products, tmp_path, tiles=TILES, crs="EPSG:2154", grid_alignment=False)
    )
    offsets = {tile.grid.offset_in(plan.mosaic_grid) for tile in tiles.values()}
    assert None in offsets


def test_the_native_grid_is_kept_where_it_can_be(products, tmp_path):
    _, tiles = make_plan(tutorial(products, tmp_path, resolution=None))
    tile = tiles["T31TCJ"]
    assert tile.grid == tile.series[0].grids["B4"]


def test_degrees_take_a_resolution_like_the_products_own(products, tmp_path):
    _, tiles = make_plan(tutorial(products, tmp_path, crs="EPSG:4326", resolution=None))
    assert tiles["T31TCJ"].grid.xres == pytest.approx(10 / 111_000, rel=0.5)


def test_fingerprints_follow_what_pixels_depend_on(products, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(products / "T31TCJ", root / "T31TCJ")

    def of(**changes):
        plan, tiles = make_plan(tutorial(root, tmp_path / "out", **changes))
        return plan.fingerprint, tiles["T31TCJ"].fingerprint

    run, tile = of()
    assert of() == (run, tile)
    assert of(output_path=tmp_path / "elsewhere", last_step="writing") == (run, tile)
    chunked = of(chunking=Chunking(mode="split_number", number=5))
    assert chunked[0] != run
    assert chunked[1] == tile
    assert of(resampling="nearest")[1] != tile
    assert of(functions=calls("get_ndvi"))[1] != tile
    file = next(root.rglob("*_FRE_B4.tif"))
    os.utime(file, (1, 1))
    again = of()
    assert again[0] == run
    assert again[1] != tile


def test_the_users_code_is_part_of_the_fingerprint(products, tmp_path):
    module, helper = tmp_path / "mine.py", tmp_path / "neighbour.py"
    helper.write_text("FACTOR = 1\ndef scaled(a):\n    return a * FACTOR\n")
    module.write_text(
        "from neighbour import scaled\n"
        "def f(self):\n    return scaled(self.get_interpolated_Sentinel2_NDVI()[:, :, 0]), ['f']\n"
    )

    def of():
        request = tutorial(products, tmp_path, module=module, functions=calls("f"))
        return make_plan(request)[1]["T31TCJ"].fingerprint

    before = of()
    module.write_text(module.read_text() + "\n# changed\n")
    changed = of()
    assert changed != before
    helper.write_text("FACTOR = 2\ndef scaled(a):\n    return a * FACTOR\n")
    assert of() not in (before, changed)


@pytest.mark.parametrize(
    ("rows", "number", "expected"),
    [
        (7, 3, [(0, 2), (2, 2), (4, 3)]),
        (2, 4, [(0, 1), (0, 1), (1, 1), (1, 1)]),
    ],
)
def test_split_number_as_iota2(rows, number, expected):
    windows = cut(grid_at(0, 0, rows, 4), Chunking(mode="split_number", number=number))
    assert [(window.row, window.height) for window in windows] == expected
    assert sum(window.height * window.width for window in windows) == rows * 4


@pytest.mark.parametrize(
    "chunking",
    [
        Chunking(mode="split_number", number=17),
        Chunking(mode="user_fixed", size_x=7, size_y=11),
    ],
)
def test_every_pixel_lies_in_one_chunk(chunking):
    grid = grid_at(0, 0, 53, 31)
    assert _covered_once(grid.shape, cut(grid, chunking))


def _covered_once(shape, windows):
    seen = np.zeros(shape, int)
    for window in windows:
        seen[window.slices] += 1
    return (seen == 1).all()


@given(
    shape=st.tuples(st.integers(1, 1400), st.integers(1, 1400)),
    size=st.tuples(st.integers(1, 1400), st.integers(1, 1400)),
    place=st.tuples(st.integers(-600, 600), st.integers(-600, 600)),
    block=st.tuples(st.sampled_from([1, 64, 256, 700]), st.sampled_from([256, 1400])),
    margin=st.sampled_from([0, 2]),
    joined=st.booleans(),
)
def test_automatic_chunks_lie_along_the_blocks_of_the_map_for_nothing(
    shape, size, place, block, margin, joined
):
    size = tuple(min(pair) for pair in zip(size, shape, strict=True))
    sources = [Blocks(block, (margin, margin), 1)]
    made = cut_along(grid_at(0, 0, *shape), size, sources, place, joined=joined)
    assert _covered_once(shape, made.windows)
    tops, lefts = ({window.row for window in made.windows}, {one.col for one in made.windows})
    rows, cols = [*sorted(tops), shape[0]], [*sorted(lefts), shape[1]]
    if made.pass_rows:
        assert joined
        assert made.pass_rows == size[0]
        rows = _split(rows, made.pass_rows)
    assert max(np.diff(rows)) <= size[0] or not joined or size[0] >= 512
    assert max(np.diff(cols)) <= size[1]
    least = sources[0].decoded(shape, size)
    assert sources[0].decoded_between(rows, cols) <= 1.01 * least


def test_what_automatic_chunks_of_a_whole_tile_are():
    tile, strips = grid_at(0, 0, 10980, 10980), [Blocks((1, 10980), (0, 0), 1)]
    made = cut_along(tile, (147, 10980), strips, (9996, 9996), joined=True)
    assert made.pass_rows == 147
    assert {(window.row + 9996) % 512 for window in made.windows[1:]} == {0}
    assert len(made.windows) == 22
    made = cut_along(tile, (2000, 10980), strips, (0, 0), joined=False)
    assert [window.row for window in made.windows] == [0, 1536, 3072, 4608, 6144, 7680, 9216, 10752]
    # Not where tiles of the source would be decoded twice.
    made = cut_along(tile, (1024, 3072), [Blocks((1024, 1024), (0, 0), 1)], (9996, 0), joined=False)
    assert {window.row % 1024 for window in made.windows} == {0}


def test_automatic_chunks_are_whole_blocks_within_the_memory():
    assert auto_size((10980, 10980), (1024, 1024), 30_000_000) == (2048, 10980)
    assert auto_size((10980, 10980), (1024, 1024), 5_000_000) == (1024, 4096)
    assert auto_size((10980, 10980), (1024, 1024), 500_000) == (488, 1024)
    assert auto_size((96, 96), (64, 96), 30_000_000) == (96, 96)


@pytest.mark.parametrize("pixels", [600_000, 800_000, 3_000_000, 12_000_000, 30_000_000])
@pytest.mark.parametrize("coarse", [640, 1024])
def test_automatic_chunks_decode_no_more_than_those_of_the_finest_blocks(pixels, coarse):
    """Tiles of Sen2Cor: codestream tiles of 1024 pixels at 10 m, and as many or fewer at 20 m."""
    shape = 10980, 10980
    fine = Blocks((1024, 1024), (0, 0), 2)
    wide = Blocks((2 * coarse, 2 * coarse), (4, 4), 2 / 4)
    size = best_size(shape, [fine, wide], pixels)
    assert size[0] * size[1] <= pixels

    def cost(chunk):
        return sum(one.decoded(shape, chunk) for one in (fine, wide))

    assert cost(size) <= cost(auto_size(shape, (1024, 1024), pixels))


def test_blocks_that_chunks_share_are_counted_for_each():
    fine = Blocks((10, 10), (0, 0), 1)
    assert fine.decoded((40, 20), (40, 20)) == 800
    assert fine.decoded((40, 20), (10, 20)) == 800
    assert fine.decoded((40, 20), (5, 20)) == 1600
    reaching = Blocks((10, 10), (2, 2), 1)
    assert reaching.decoded((40, 10), (40, 10)) == 400
    assert reaching.decoded((40, 10), (10, 10)) == (2 + 3 + 3 + 2) * 100


def test_too_many_chunks(products, tmp_path):
    request = tutorial(products, tmp_path, chunking=Chunking(mode="split_number", number=500))
    with pytest.raises(ConfigError, match="number_of_chunks: 500 chunks of a tile of 96 rows"):
        make_plan(request)


def test_an_area_elsewhere(products, tmp_path):
    area = tmp_path / "sea.gpkg"
    geopandas.GeoDataFrame(geometry=[shapely.box(-30, 40, -29, 41)], crs="EPSG:4326").to_file(area)
    with pytest.raises(MissingInputError, match=r"sea.gpkg: the area .* touches none of the tiles"):
        make_plan(tutorial(products, tmp_path, area_of_interest=area))


def test_all_missing_tiles_are_named_at_once(products, tmp_path):
    with pytest.raises(MissingInputError) as caught:
        make_plan(tutorial(products, tmp_path, tiles=("T31TXA", "T31TCJ", "T31TXB")))
    assert "T31TXA" in str(caught.value)
    assert "T31TXB" in str(caught.value)


def test_a_function_that_needs_a_larger_window_is_tried_on_one(products, tmp_path):
    module = tmp_path / "mine.py"
    module.write_text(
        "def f(self):\n"
        "    a = self.get_interpolated_Sentinel2_NDVI()\n"
        "    assert a.shape[0] > 100\n"
        "    return a[:, :, 0], ['f']\n"
    )
    plan, _ = make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))
    assert plan.labels == ("f",)


@pytest.mark.parametrize(
    ("body", "message"),
    mostly_slow(
        [
            (
                "return self.get_interpolated_Sentinel2_B9()",
                r"there is no '.*B9'.*nearest are .*B8",
            ),
            ("return 1", r"returned an int; a function returns \(array, labels\)"),
            ("return np.zeros(3), []", r"shape \(3,\); \(row, col\) or \(row, col, band\)"),
            ("return np.zeros((3, 3)), []", r"the chunk has 256 rows and 271 columns"),
            ("return np.array([['a']]), []", "an array of numbers is needed"),
            (
                "return 1 / 0",
                r"raised ZeroDivisionError.*\n.*mine.py, line 3, in f\n +return 1 / 0",
            ),
            (
                "return self.get_interpolated_Sentinel2_B4(), [3]",
                "a label is a string or an I2Label",
            ),
        ],
        quick=4,
    ),
)
def test_functions_that_cannot_work_are_found_before_anything_is_read(
    products, tmp_path, body, message
):
    module = tmp_path / "mine.py"
    module.write_text(f"import numpy as np\ndef f(self):\n    {body}\n")
    with pytest.raises(FunctionError, match=message):
        make_plan(tutorial(products, tmp_path, module=module, functions=calls("f")))


@pytest.mark.parametrize(
    ("code", "names", "message"),
    [
        ("def f(:\n", ("f",), r"mine.py, line 1: invalid syntax"),
        ("import nothing_here\n", ("f",), r"mine.py, line 1: ModuleNotFoundError"),
        ("def cumul(self): ...\n", ("cumull",), r"no function 'cumull'; did you mean cumul\?"),
    ],
)
def test_modules_that_do_not_load(products, tmp_path, code, names, message):
    module = tmp_path / "mine.py"
    module.write_text(code)
    with pytest.raises(FunctionError, match=message):
        make_plan(tutorial(products, tmp_path, module=module, functions=calls(*names)))


def test_labels(products, tmp_path):
    module = tmp_path / "mine.py"
    module.write_text(
        "import numpy as np\n"
        "from iota2.learning.utils import I2Label, I2TemporalLabel\n"
        "def named(self):\n"
        "    a = self.get_interpolated_Sentinel2_NDVI()\n"
        "    dates = self.interpolated_dates['Sentinel2']\n"
        "    return a, [I2TemporalLabel('Sentinel2', 'mine', date) for date in dates]\n"
        "def short(self):\n"
        "    return self.get_interpolated_Sentinel2_NDVI()[:, :, :2], ['one']\n"
        "def single(self):\n"
        "    return self.get_interpolated_Sentinel2_NDVI()[:, :, 0], [I2Label('a', 'b')]\n"
    )
    request = tutorial(
        products, tmp_path, module=module, functions=calls("named", "short", "single")
    )
    labels = make_plan(request)[0].labels
    assert labels[0] == "Sentinel2_mine_20180101"
    assert labels[-3:] == ("custFeat_2_b1", "custFeat_2_b2", "a_b")


def test_series_of_several_years(tmp_path):
    from sitsflow.simulate import simulate

    simulate(tmp_path, "Sentinel_2", ["T31TCJ"], date(2019, 12, 20), date(2020, 3, 5), 25, 32, 1)
    sensor = sentinel2(tmp_path, start=date(2019, 12, 25), end=date(2020, 3, 1))
    _, tiles = make_plan(tutorial(tmp_path, tmp_path / "out", sensors=(sensor,)))
    days = [stamp(day) for day in tiles["T31TCJ"].series[0].target_days]
    assert days == [
        "20191225", "20200104", "20200114", "20200124", "20200203", "20200213", "20200223",
    ]  # fmt: skip


def test_a_nodata_value_that_float32_cannot_hold(products, tmp_path):
    with pytest.raises(ConfigError, match=r"no_data_value: 1e\+40 does not fit in 32-bit floats"):
        make_plan(tutorial(products, tmp_path, no_data_value=1e40))


@pytest.mark.parametrize("value", [1e-50, -1e-46, 1e-39])
def test_a_nodata_value_that_float32_rounds_to_another(products, tmp_path, value):
    with pytest.raises(ConfigError, match=r"no_data_value: -?1e-\d\d would become 0"):
        make_plan(tutorial(products, tmp_path, no_data_value=value))


def test_a_plan_with_nan_as_nodata_survives_its_files(products, tmp_path):
    plan, tiles = make_plan(tutorial(products, tmp_path, no_data_value=float("nan")))
    save_plan(plan, tiles)
    assert np.isnan(load_plan(tmp_path).request.no_data_value)


def test_bands_of_other_dates_are_not_laid_over_one_another(products, tmp_path):
    """As many dates in both tiles, but not the same ones."""
    root = copy_of(products, tmp_path / "root", *TILES)
    shutil.rmtree(by_date(root, TILES[0])[2])
    shutil.rmtree(by_date(root, TILES[1])[3])
    keys = {"tiles": TILES, "use_gapfilling": False, "functions": (), "concat_mode": True}
    message = r"band 21 is Sentinel2_B2_20180404 of tile T31TCJ and Sentinel2_B2_20180305 of tile"
    with pytest.raises(MissingInputError, match=message):
        make_plan(tutorial(root, tmp_path / "out", **keys))
    plan, _ = make_plan(tutorial(root, tmp_path / "out", **keys, fill_missing_dates=True))
    assert "Sentinel2_B2_20180305" in plan.labels


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"resolution": (20.0, 20.0)}, True),
        ({"resolution": (20.0, 20.0), "crs": "EPSG:2154", "resampling": "bilinear"}, True),
        ({"resolution": (20.0, 20.0), "resampling": "average"}, False),
        ({"resolution": (15.0, 30.0)}, False),
        ({}, False),
    ],
)
def test_a_much_coarser_map_brings_the_average_to_mind(products, tmp_path, changes, expected):
    notices = make_plan(tutorial(products, tmp_path, **changes))[0].notices
    assert any("'average'" in text for text in notices) == expected


def test_a_coarser_map_needs_more_memory_a_pixel(products, tmp_path):
    def needed(size):
        request = tutorial(
            products, tmp_path, resolution=(size, size),
            chunking=Chunking(mode="user_fixed", size_x=4, size_y=4),
        )  # fmt: skip
        plan, tiles = make_plan(request)
        tile, used = tiles[TILES[0]], {"Sentinel2": ("B4", "B8")}
        found = ProbeResult((), plan.functions, used, used)
        return bytes_per_pixel(tile.series, found, request, tile.grid)

    assert needed(60.0) > 2 * needed(10.0)


def test_notices(products, tmp_path):
    early = sentinel2(products, start=date(2010, 1, 1), end=date(2010, 3, 1))
    request = tutorial(
        products, tmp_path, sensors=(early,), functions=calls("get_ndvi", "get_ndvi"),
        spectral_indices=("NDWI",),
    )  # fmt: skip
    text = "\n".join(make_plan(request)[0].notices)
    assert "Sentinel2 (2010-01-01 to 2010-02-20) lie outside its products'" in text
    assert "several bands have the same name: ndvi_1, ndvi_2, ndvi_3, ..." in text
    assert "NDWI is iota2's" in text


@pytest.mark.parametrize(("most", "said"), [(0.2, "maximum_ram, 0.2 GB"), (16.0, "")])
def test_a_chunk_that_needs_more_memory_than_allowed_is_noticed(products, tmp_path, most, said):
    plan, _ = make_plan(tutorial(products, tmp_path, maximum_ram=most))
    assert plan.chunk_ram_gb > 0.2
    assert [one for one in plan.notices if said in one] == list(plan.notices)
    assert len(plan.notices) == bool(said)


@pytest.mark.parametrize(("own", "noticed"), [(-9999, True), (-10000, False), (None, False)])
def test_a_nodata_value_of_a_file_that_is_not_the_sensors_is_noticed(
    products, tmp_path, own, noticed
):
    root = copy_of(products, tmp_path / "root")
    paths = sorted(root.rglob("*_FRE_B4.tif"))[:2]
    for path in (*paths, *root.rglob("*_FRE_B12.tif")):
        with rasterio.open(path, "r+") as file:
            file.nodata = own
    text = "\n".join(make_plan(tutorial(root, tmp_path / "out"))[0].notices)
    assert (f"and 1 more file: the file's own no-data value is {own}" in text) == noticed
    assert "_FRE_B12.tif" not in text  # not read


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
@pytest.mark.parametrize("aligned", mostly_slow([True, False], quick=1))
def test_a_tile_across_180_degrees_is_refused_where_the_map_would_be_cut(
    products, tmp_path, crs, aligned
):
    root = copy_of(products, tmp_path / "root")
    for path in root.rglob("*.tif"):
        with rasterio.open(path, "r+") as file:
            # The meridian lies at about x 260,000 there.
            file.crs, corner = "EPSG:32601", (259_600, 4_890_960)
            file.transform = rasterio.Affine(
                file.transform.a, 0, corner[0], 0, file.transform.e, corner[1]
            )
    request = tutorial(root, tmp_path / "out", crs=crs, resolution=None, grid_alignment=aligned)
    with pytest.raises(GridError, match=f"tile T31TCJ: the edge of {crs} runs through it"):
        make_plan(request)
    plan, _ = make_plan(request.model_copy(update={"crs": "EPSG:32660"}))
    assert plan.mosaic_grid.width < 120
