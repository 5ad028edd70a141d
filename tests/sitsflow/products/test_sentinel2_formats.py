"""The same pictures in all formats of Sentinel-2 products give the same map, to the last bit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitsflow.errors import ProductError
from sitsflow.features.native import indices_of
from sitsflow.geo.grid import Window
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, Request, SensorRequest
from sitsflow.simulate import simulate
from sitsflow.timeseries.observations import Observations
from sitsflow.timeseries.series import Series
from tests.products import by_date, rewrite
from tests.reference_map import day_of, interpolated, read
from tests.requests import computed
from tests.slow import mostly_slow

TILE = "T31TCJ"
S2C, THEIA, L3A = "Sentinel_2_S2C", "Sentinel_2", "Sentinel_2_L3A"
PERIOD = [TILE], date(2022, 1, 5), date(2022, 3, 10), 20, 64, 13


def asked(sensor: str, root: Path, output: Path, **changes) -> Request:
    """All native features on regular dates across January 2022, without integers in the way."""
    keys = {
        "output_path": output,
        "tiles": (TILE,),
        "sensors": (SensorRequest(sensor=sensor, root=root, temporal_resolution=10),),
        "chunking": Chunking(mode="split_number", number=2),
    }
    return Request(**keys | changes)


def map_of(sensor: str, root: Path, place: Path) -> np.ndarray:
    return computed(asked(sensor, root, place / "out"))[TILE]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products of Sen2Cor, each of the baseline of its day."""
    root = tmp_path_factory.mktemp("mixed")
    simulate(root, S2C, *PERIOD)
    return root


@pytest.fixture(scope="module")
def theia(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products of THEIA, whose masks say what those of Sen2Cor do, at 20 m."""
    root = tmp_path_factory.mktemp("theia")
    simulate(root, THEIA, *PERIOD)
    for product, safe in zip(by_date(root), by_safe_date(mixed), strict=True):
        classes = np.kron(read(next(safe.rglob("*_SCL_20m.jp2"))), np.ones((2, 2), np.uint8))
        says = {
            "CLM": np.isin(classes, (1, 3, 8, 9, 10)),
            "SAT": np.zeros(classes.shape),
            "EDG": classes == 0,
        }
        for name, mask in says.items():
            path = next(product.glob(f"MASKS/*_{name}_R1.tif"))
            rewrite(path, lambda _, mask=mask: mask[None].astype(np.uint8))
    return root


@pytest.fixture(scope="module")
def expected(theia: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    values = map_of(THEIA, theia, tmp_path_factory.mktemp("expected"))
    assert np.isfinite(values).mean() > 0.9
    return values


def by_safe_date(root: Path) -> list[Path]:
    return sorted((root / TILE).iterdir(), key=lambda path: path.name.split("_")[2])


@pytest.mark.parametrize(
    ("baseline", "zipped"),
    mostly_slow(
        [
            ("0400", True),
            ("0212", False),
            ("0400", False),
            ("0212", True),
            (None, False),
            (None, True),
        ],
        quick=2,
    ),
)
def test_sen2cor_gives_the_map_of_theia_with_and_without_offset_and_zipped(
    baseline: str | None, zipped: bool, expected: np.ndarray, tmp_path: Path
) -> None:
    simulate(tmp_path / "root", S2C, *PERIOD, baseline=baseline, zipped=zipped)
    np.testing.assert_array_equal(map_of(S2C, tmp_path / "root", tmp_path), expected)


def test_theia_zipped_gives_the_map_of_theia(theia: Path, expected: np.ndarray, tmp_path) -> None:
    for product in by_date(theia):
        shutil.make_archive(
            str(tmp_path / "root" / TILE / product.name), "zip", product.parent, product.name
        )
    assert len(list((tmp_path / "root" / TILE).glob("*.zip"))) == 4
    np.testing.assert_array_equal(map_of(THEIA, tmp_path / "root", tmp_path), expected)


def test_syntheses_are_mapped_as_plain_numpy_does_it(tmp_path: Path) -> None:
    period = [TILE], date(2018, 8, 13), date(2018, 12, 31), 30, 64, 23
    products = simulate(tmp_path / "root", L3A, *period)
    sensors = (
        SensorRequest(
            sensor=L3A, root=tmp_path / "root", temporal_resolution=10, keep_bands=("B2", "B4")
        ),
    )
    request = asked(L3A, tmp_path / "root", tmp_path / "out", sensors=sensors, indices=False)
    found = computed(request)[TILE]
    days = [day_of(product.name.split("_")[1][:8]) for product in products]
    flags = np.stack([read(next(one.glob("MASKS/*_FLG_R1.tif"))) for one in products])
    assert {0, 1} <= set(np.unique(flags))
    targets = np.arange(days[0], days[-1] + 1, 10)
    for at, band in enumerate(("B2", "B4")):
        values = np.stack([read(next(one.glob(f"*_FRC_{band}.tif"))) for one in products])
        series = interpolated(values, flags > 1, days, targets)
        np.testing.assert_allclose(found[at::2], series, rtol=1e-6)


def raw_of(root: Path, place: Path, band: str) -> tuple[np.ndarray, np.ndarray]:
    """A raw series of Sen2Cor over the whole tile, and the numbers in its files."""
    plan, tiles = make_plan(asked(S2C, root, place / "out"))
    tile = tiles[TILE]
    (one,) = tile.series
    whole = Window(row=0, col=0, height=tile.grid.height, width=tile.grid.width)
    observed = Observations(one, tile.grid, whole, plan.request.resampling)
    series = Series(one, observed, indices_of(one.sensor, one.bands, plan.request))
    numbers = [read(next(safe.rglob(f"*_{band}_10m.jp2"))) for safe in by_safe_date(root)]
    return series.raw(band), np.stack(numbers).astype(float)


def test_raw_series_have_no_offset_and_show_where_there_is_no_data(mixed, tmp_path) -> None:
    raw, numbers = raw_of(mixed, tmp_path, "B04")
    assert (numbers == 0).any()
    offsets = np.array([0, 1000, 1000, 1000])[:, None, None]
    np.testing.assert_array_equal(raw, np.where(numbers == 0, -10000, numbers - offsets))


@pytest.fixture
def root(mixed: Path, tmp_path: Path) -> Path:
    shutil.copytree(mixed, tmp_path / "root")
    return tmp_path / "root"


def cut(path: Path, share: float = 0.6) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def with_other_size(path: Path) -> None:
    with rasterio.open(path) as file:
        values, header = file.read(1)[:20, :20], {"crs": file.crs, "transform": file.transform}
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", height=20, width=20, count=1, dtype="uint8",
        quality=100, reversible=True, **header,
    ) as file:  # fmt: skip
        file.write(values, 1)


def zip_cut(safe: Path) -> None:
    shutil.make_archive(str(safe), "zip", safe.parent, safe.name)
    shutil.rmtree(safe)
    cut(safe.with_name(f"{safe.name}.zip"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda safe: (safe / "MTD_MSIL2A.xml").unlink(), "no file is called MTD_MSIL2A.xml"),
        (lambda safe: cut(safe / "MTD_MSIL2A.xml"), "MTD_MSIL2A.xml: not XML"),
        (lambda safe: cut(next(safe.rglob("*_B08_10m.jp2"))), "_B08_10m.jp2: the file ends too"),
        (lambda safe: cut(next(safe.rglob("*_SCL_20m.jp2")), 0.98), "_SCL_20m.jp2: the file ends"),
        (lambda safe: with_other_size(next(safe.rglob("*_SCL_20m.jp2"))), "20 x 20 pixels of 20"),
        (zip_cut, "not a whole zip archive .*; download it again"),
    ],
)
def test_a_broken_safe_is_named_or_skipped(
    root: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    bad = by_safe_date(root)[1]
    spoil(bad)
    request = asked(S2C, root, tmp_path / "out")
    with pytest.raises(ProductError, match=message) as caught:
        make_plan(request)
    assert bad.name in str(caught.value)
    assert "skip_broken_products: True" in str(caught.value)
    plan, tiles = make_plan(request.model_copy(update={"skip_broken_products": True}))
    assert [one.product.name.removesuffix(".zip") for one in plan.skipped] == [bad.name]
    assert len(tiles[TILE].series[0].scenes) == 3


def test_of_two_baselines_of_an_acquisition_the_newest_counts(root, expected, tmp_path) -> None:
    simulate(tmp_path / "new", S2C, *PERIOD, baseline="0400")
    newer = by_safe_date(tmp_path / "new")[0]
    old = by_safe_date(root)[0]
    shutil.move(newer, root / TILE)
    plan, tiles = make_plan(asked(S2C, root, tmp_path / "out"))
    assert f"{old.name} of Sentinel2S2C is left out, since {newer.name}" in " ".join(plan.notices)
    assert len(tiles[TILE].series[0].scenes) == 4
    np.testing.assert_array_equal(map_of(S2C, root, tmp_path), expected)


def test_leftovers_of_iota2_beside_the_bands_are_passed_over(root, expected, tmp_path) -> None:
    for band in list(root.rglob("*_B02_10m.jp2")):
        start = band.name.removesuffix("B02_10m.jp2")
        for name in ("STACK.tif", "BINARY_MASK.tif"):
            band.with_name(f"{start}{name}").write_bytes(b"II*\0 of another program")
    np.testing.assert_array_equal(map_of(S2C, root, tmp_path), expected)


@pytest.mark.parametrize("auto_date", [True, False])
def test_syntheses_may_keep_their_dates_with_gaps_filled_by_days(tmp_path, auto_date) -> None:
    """A cloudy month is the mean of its neighbours by days: 1 : 2 where they are 60 and 30 away."""
    period = [TILE], date(2018, 8, 13), date(2018, 12, 31), 30, 64, 23
    products = simulate(tmp_path / "root", L3A, *period)
    shutil.rmtree(products.pop(1))
    wanted = SensorRequest(
        sensor=L3A, root=tmp_path / "root", temporal_resolution=10, keep_bands=("B2",),
        interpolated_dates="input", start=date(2018, 9, 1), end=date(2018, 9, 2),
    )  # fmt: skip
    request = asked(
        L3A, tmp_path, tmp_path / "out", sensors=(wanted,), indices=False, auto_date=auto_date
    )
    plan, _ = make_plan(request)
    stamps = [product.name.split("_")[1][:8] for product in products]
    assert [label.split("_")[-1] for label in plan.labels] == stamps
    days = [day_of(stamp) for stamp in stamps]
    flags = np.stack([read(next(one.glob("MASKS/*_FLG_R1.tif"))) for one in products])
    values = np.stack([read(next(one.glob("*_FRC_B2.tif"))) for one in products])
    series = interpolated(values, flags > 1, days, np.array(days))
    assert (flags == 1).any()
    np.testing.assert_allclose(computed(request)[TILE], series, rtol=1e-6)
