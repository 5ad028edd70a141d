"""The edges of what a run may be asked: extreme values, dates, places and shapes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import transform

from sitsflow.errors import MissingInputError
from sitsflow.io.paths import OutputPaths
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, Request
from sitsflow.simulate import simulate
from sitsflow.steps.chunk import compute_chunk
from tests.products import by_date, rewrite_all
from tests.reference_map import read
from tests.requests import calls, computed, sentinel2, tutorial
from tests.serial_run import run

NODATA, SIZE, TILE = -10000, 32, "T31TCJ"
BANDS = ("B2", "B4")
FIRST, LAST = date(2018, 6, 1), date(2018, 6, 25)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three dates of a tile of 32 x 32 pixels."""
    root = tmp_path_factory.mktemp("small")
    simulate(root, "Sentinel_2", [TILE], FIRST, LAST, 12, SIZE, seed=7)
    return root


@pytest.fixture
def root(small: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may change."""
    shutil.copytree(small, tmp_path / "products")
    return tmp_path / "products"


def cleared(root: Path) -> None:
    """Remove all clouds: no mask says a word."""
    rewrite_all(root, "MASKS/*.tif", np.zeros_like)


def bands_of(root: Path, **changes: Any) -> Request:
    """Ask for two bands as they are, at their own dates, on their own grid."""
    given = {
        "sensors": (sentinel2(root, keep_bands=BANDS, start=FIRST, end=LAST,
                              temporal_resolution=12),),
        "functions": (), "concat_mode": True, "indices": False,
    }  # fmt: skip
    return tutorial(root, root.parent / "out", **given | changes)


def series_of(root: Path, band: str, tile: str = TILE) -> np.ndarray:
    """The files of a band, by date."""
    return np.stack([read(next(one.glob(f"*_FRE_{band}.tif"))) for one in by_date(root, tile)])


@pytest.mark.parametrize(
    ("kind", "extremes"),
    [
        ("int16", (-32768, -9999, -1, 0, 32767)),
        ("uint16", (0, 1, 32768, 65535)),
        ("int32", (-(2**24), 2**24)),
        ("float32", (-(2.0**120), 2.0**-140, 2.0**120)),
    ],
)
def test_numbers_at_the_limits_of_their_type_come_through(root, kind, extremes):
    """The sensor's no-data value, -10000, is the only one that is no value."""
    cleared(root)
    rng = np.random.default_rng(3)
    for band in BANDS:
        rewrite_all(
            root, f"*_FRE_{band}.tif", lambda old: rng.choice(extremes, old.shape).astype(kind)
        )
    values = computed(bands_of(root))[TILE]
    expected = np.stack([series_of(root, band) for band in BANDS], axis=1)
    np.testing.assert_array_equal(values, expected.reshape(-1, SIZE, SIZE).astype(np.float32))


def test_one_date_makes_a_constant_series_where_one_is_enough(root):
    cleared(root)
    for product in by_date(root)[1:]:
        shutil.rmtree(product)
    with pytest.raises(MissingInputError, match="minimum_required_dates is 2"):
        make_plan(bands_of(root))
    values = computed(bands_of(root, minimum_required_dates=1))[TILE]
    assert (values != NODATA).any()
    for part in values.reshape(3, 2, SIZE, SIZE):
        np.testing.assert_array_equal(part, values[:2])


@pytest.mark.parametrize(("year", "nearest"), [(2017, 0), (2019, -1)])
def test_no_date_in_the_period_is_a_constant_series_and_a_notice(root, year, nearest):
    cleared(root)
    rewrite_all(root, "*_FRE_B[24].tif", lambda values: np.maximum(values, 1))
    days = {"start": date(year, 1, 1), "end": date(year, 1, 31), "temporal_resolution": 30}
    request = bands_of(root, sensors=(sentinel2(root, keep_bands=BANDS, **days),))
    (notice,) = make_plan(request)[0].notices
    assert "all interpolated dates of Sentinel2" in notice
    assert "the series is constant" in notice
    expected = [series_of(root, band)[nearest] for band in BANDS] * 2
    np.testing.assert_array_equal(computed(request)[TILE], expected)


def test_names_in_another_order_than_dates_change_nothing(root):
    before = computed(bands_of(root))[TILE]
    first, second, third = by_date(root)
    for product, platform in ((first, "C"), (second, "B"), (third, "A")):
        product.rename(
            product.with_name(re.sub("^SENTINEL2.", f"SENTINEL2{platform}", product.name))
        )
    names = sorted(path.name for path in (root / TILE).iterdir())
    assert names == [path.name for path in reversed(by_date(root))]
    np.testing.assert_array_equal(computed(bands_of(root))[TILE], before)


def other_tile(root: Path, name: str, change: Callable[[Path], None]) -> None:
    """Copy the tile to another one, whose files `change` may write again."""
    shutil.copytree(root / TILE, root / name)
    for path in sorted((root / name).rglob("*"), reverse=True):
        if path.suffix == ".tif":
            change(path)
        path.rename(path.with_name(path.name.replace(TILE, name)))


def test_of_tiles_that_cover_the_same_ground_the_first_with_a_value_wins(root):
    other_tile(root, "T31TDJ", lambda path: None)
    rewrite_all(root / "T31TDJ", "*_FRE_B*.tif", lambda values: np.full_like(values, 7))
    rewrite_all(root / "T31TDJ", "MASKS/*.tif", np.zeros_like)

    def hide(values: np.ndarray) -> np.ndarray:
        values[:, :5] = 1
        return values

    rewrite_all(root / TILE, "MASKS/*_EDG_R1.tif", hide)
    request = bands_of(root, tiles=(TILE, "T31TDJ"))
    run(request)
    with rasterio.open(OutputPaths(request.output_path).map) as file:
        values = file.read()
    first = computed(request)[TILE]
    assert values.shape == first.shape
    assert (first[:, :5] == NODATA).all()
    assert (first[:, 5:] != NODATA).any()
    np.testing.assert_array_equal(values, np.where(first == NODATA, 7, first))


def ramp(x: np.ndarray, y: np.ndarray, left: float, top: float) -> np.ndarray:
    """Numbers that say where in the map's own system a pixel lies, in metres."""
    return np.stack([x - left + 5000, top - y + 5000])


def place(path: Path, crs: str, x: float, y: float, to: str, corner: tuple[float, float]) -> None:
    """Write a file again elsewhere; B2 and B4 then hold their pixels' coordinates in `to`."""
    with rasterio.open(path) as file:
        values, profile, res = file.read(), file.profile, file.res[0]
    where = Affine(res, 0, x, 0, -res, y)
    profile |= {"crs": crs, "transform": where, "predictor": 1}
    for number, band in enumerate(BANDS):
        if path.name.endswith(f"_FRE_{band}.tif"):
            rows, cols = np.indices(values.shape[1:])
            xs, ys = where @ (cols.ravel() + 0.5, rows.ravel() + 0.5)
            xs, ys = transform(crs, to, xs, ys)
            values = ramp(np.array(xs), np.array(ys), *corner)[number].reshape(values.shape)
            profile["dtype"] = "float32"
    with rasterio.open(path, "w", **profile) as file:
        file.write(values.astype(profile["dtype"]))


def check_ramp(path: Path, to: str, corner: tuple[float, float]) -> np.ndarray:
    """Assert that pixels of a map say where they lie; return where there are any.

    To a centimetre, and at the borders of tiles, where bicubic weights lack neighbours, to a pixel.
    """
    with rasterio.open(path) as file:
        values, where = file.read(), file.transform
        assert file.crs == rasterio.crs.CRS.from_string(to)
    rows, cols = np.indices(values.shape[1:])
    xs, ys = where @ (cols + 0.5, rows + 0.5)
    known = values[0] != NODATA
    expected = ramp(xs, ys, *corner)
    for found in values.reshape(-1, 2, *known.shape):
        off = np.abs(found[:, known] - expected[:, known])
        assert off.max() < 10
        assert (off < 0.01).mean() > 0.75
    return known


@pytest.mark.parametrize(
    ("crs", "x", "y", "to"),
    [
        ("EPSG:32731", 500_000, 6_100_000, "EPSG:32731"),
        ("EPSG:32733", 300_000, 6_200_000, "EPSG:3857"),
        ("EPSG:32721", 600_000, 9_999_900, "EPSG:32621"),
        ("EPSG:32633", 500_000, 9_320_000, "EPSG:3995"),
        ("EPSG:32633", 500_000, 9_320_000, "EPSG:32633"),
        ("EPSG:32701", 500_000, 1_120_000, "EPSG:3031"),
    ],
    ids=["south", "south-mercator", "equator", "north-pole", "far-north", "south-pole"],
)
def test_places_everywhere(root, crs, x, y, to):
    cleared(root)
    (left,), (top,) = transform(crs, to, [x], [y])
    for path in root.rglob("*.tif"):
        place(path, crs, x, y, to, (left, top))
    request = bands_of(root, crs=to)
    run(request)
    known = check_ramp(OutputPaths(request.output_path).map, to, (left, top))
    assert np.count_nonzero(known) > 0.6 * SIZE**2


def test_tiles_of_two_utm_zones_fit_on_one_map(root):
    """The same ground west of 6 degrees east, and beside it the next tile in the other zone."""
    cleared(root)
    to, x, y = "EPSG:2154", 735_000, 4_900_000
    (left,), (top,) = transform("EPSG:32631", to, [x], [y])
    (there,), (north,) = transform("EPSG:32631", "EPSG:32632", [x + 250], [y])
    other_tile(
        root, "T32TLP",
        lambda path: place(path, "EPSG:32632", there, north, to, (left, top)),
    )  # fmt: skip
    for path in (root / TILE).rglob("*.tif"):
        place(path, "EPSG:32631", x, y, to, (left, top))
    request = bands_of(root, tiles=(TILE, "T32TLP"), crs=to, resolution=(10.0, 10.0))
    run(request)
    known = check_ramp(OutputPaths(request.output_path).map, to, (left, top))
    # Together they are about 57 pixels wide, and leave no gap between them.
    assert np.count_nonzero(known[known.shape[0] // 2]) > 1.6 * SIZE
    columns = np.flatnonzero(known[known.shape[0] // 2])
    assert columns[-1] - columns[0] + 1 == columns.size


def test_chunks_of_one_pixel_have_the_bits_of_the_whole(root):
    request = bands_of(root, crs="EPSG:2154")
    ones = Chunking(mode="user_fixed", size_x=1, size_y=1)
    plan, tiles = make_plan(request.model_copy(update={"chunking": ones}))
    tile = tiles[TILE]
    assert len(tile.chunks) == np.prod(tile.grid.shape)
    whole = computed(request)[TILE]
    for index in range(0, len(tile.chunks), 29):
        rows, cols = tile.chunks[index].slices
        pixel = compute_chunk(plan, tile, index).values
        np.testing.assert_array_equal(pixel, whole[:, rows, cols])
        assert pixel.shape[1:] == (1, 1)


def test_three_hundred_bands(root):
    module = root.parent / "many.py"
    module.write_text(
        "import numpy as np\n"
        "def many(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()[:, :, 0]\n"
        "    bands = [red + number for number in range(300)]\n"
        "    return np.stack(bands, axis=2), [f'band_{number}' for number in range(300)]\n"
    )
    request = bands_of(root, module=module, functions=calls("many"), concat_mode=False)
    run(request)
    with rasterio.open(OutputPaths(request.output_path).map) as file:
        assert file.descriptions == tuple(f"band_{number}" for number in range(300))
        values = file.read()
    known = values[0] != NODATA
    assert known.any()
    steps = values[:, known] - values[0, known]
    np.testing.assert_array_equal(steps, np.arange(300)[:, None] * np.ones(known.sum()))


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64"])
def test_integers_and_truths_are_numbers_of_the_map(root, kind):
    cleared(root)
    module = root.parent / "whole.py"
    module.write_text(
        "def whole(self):\n"
        "    red = self.get_interpolated_Sentinel2_B4()[:, :, 0]\n"
        f"    return (red > 800).astype('{kind}'), ['bright']\n"
    )
    request = bands_of(root, module=module, functions=calls("whole"), concat_mode=False)
    red = series_of(root, "B4")[0]
    expected = np.where(red == NODATA, NODATA, red > 800)
    np.testing.assert_array_equal(computed(request)[TILE], expected[None])
