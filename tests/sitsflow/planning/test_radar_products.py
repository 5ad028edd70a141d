"""Sentinel-1 products that cannot be used, or do not fit a run: what is said of each."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sitsflow.errors import GridError, MissingInputError, ProductError
from sitsflow.geo.grid import Grid
from sitsflow.plan import Plan, TilePlan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Interpolation, Request
from sitsflow.run.description import as_data, as_text
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.sentinel1 import ELEVATION, simulate_sentinel1
from sitsflow.steps.chunk import write_chunk
from tests.radar.requests import radar_run

TILE = "T31TCJ"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three dates, descending and ascending, of a tile of 24 x 24 pixels; its grid, as a raster."""
    root = tmp_path_factory.mktemp("s1")
    found = simulate_sentinel1(root, [TILE], date(2018, 1, 4), date(2018, 1, 28), 12, 24, 3)
    _write_grid(root / "references", TILE, found.grids[TILE])
    return root


def _write_grid(references: Path, tile: str, grid: Grid) -> None:
    (references / tile).mkdir(parents=True)
    write_raster(references / tile / "grid.tif", np.ones((1, *grid.shape), np.uint8), grid)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "s1"))


def planned(
    root: Path, settings: dict[str, Any] | None = None, **changes: Any
) -> tuple[Plan, dict[str, TilePlan]]:
    return make_plan(request_of(root, settings, **changes))


def request_of(root: Path, settings: dict[str, Any] | None = None, **changes: Any) -> Request:
    known = {"references": root / "references"} | (settings or {})
    return radar_run(root, root.parent / "out", known, **changes)


def products(root: Path, hour: str = "T05") -> list[Path]:
    """Those of one direction, by date; descending ones come in the morning."""
    return sorted(path for path in root.glob("S1*.SAFE") if hour in path.name)


def first(folder: Path, pattern: str) -> Path:
    return next(iter(sorted(folder.glob(pattern))))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def of_another_size(path: Path) -> None:
    with rasterio.open(path) as file:
        profile, values = file.profile, file.read()
    profile.update(height=values.shape[1] - 3)
    with rasterio.open(path, "w", **profile) as file:
        file.write(values[:, :-3])


def delete(pattern: str) -> Callable[[Path], None]:
    return lambda product: first(product, pattern).unlink()


def change(pattern: str, how: Callable[[Path], object]) -> Callable[[Path], None]:
    def harm(product: Path) -> None:
        how(first(product, pattern))

    return harm


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no manifest": (delete("manifest.safe"), r"manifest\.safe"),
    "a cut manifest": (change("manifest.safe", cut), r"manifest\.safe"),
    "no annotation": (delete("annotation/*-vh-*.xml"), r"annotation/s1.*vh.*\.xml"),
    "no calibration": (delete("annotation/calibration/cal*-vv-*"), r"calibration-s1.*vv"),
    "no noise": (delete("annotation/calibration/noise*-vv-*"), r"noise-s1.*vv"),
    "a cut annotation": (change("annotation/*-vv-*.xml", cut), r"annotation/s1.*vv.*\.xml"),
    "one polarisation alone": (delete("measurement/*-vh-*"), r"measurement/s1.*vh.*\.tiff"),
    "a cut measurement": (change("measurement/*-vv-*", cut), r"measurement/.*vv.*\.tiff"),
    "an empty measurement": (
        change("measurement/*-vh-*", lambda path: path.write_bytes(b"")),
        r"measurement/.*vh.*\.tiff",
    ),
    "a measurement of another size": (
        change("measurement/*-vh-*", of_another_size),
        r"vh.*pixels, but its annotation tells of",
    ),
}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", BROKEN)
def test_a_product_that_is_not_whole_is_named(name: str, root: Path) -> None:
    harm, message = BROKEN[name]
    bad = products(root)[1]
    harm(bad)
    with pytest.raises(ProductError, match="1 product is broken") as caught:
        planned(root)
    assert bad.name in str(caught.value)
    assert re.search(message, str(caught.value))
    plan, tiles = planned(root, skip_broken_products=True)
    assert [one.product for one in plan.skipped] == [bad]
    des, asc = tiles[TILE].series
    assert (len(des.scenes), len(asc.scenes)) == (2, 3)
    assert f"Left out: {bad}" in as_text(plan, tiles)


def test_a_direction_of_which_nothing_is_left_is_left_out_with_its_broken_ones(
    root: Path,
) -> None:
    for product in products(root, "T17"):
        shutil.rmtree(product)
    bad = products(root)[0]
    (bad / "manifest.safe").unlink()
    plan, tiles = planned(root, skip_broken_products=True)
    assert [one.sensor.label for one in tiles[TILE].series] == ["Sentinel1DES"]
    assert [one.product for one in plan.skipped] == [bad]


def test_a_folder_of_broken_products_alone(root: Path) -> None:
    for product in root.glob("*.SAFE"):
        (product / "manifest.safe").unlink()
    with pytest.raises(ProductError, match="no product can be used") as caught:
        planned(root, skip_broken_products=True)
    assert str(caught.value).count("manifest.safe") == 6


def zipped(product: Path) -> Path:
    archive = product.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(product.rglob("*")):
            file.write(path, path.relative_to(product.parent))
    shutil.rmtree(product)
    return archive


def test_archives_are_read_and_cut_or_locked_ones_named(root: Path) -> None:
    whole, short, locked = (zipped(one) for one in products(root))
    plan, tiles = planned(root)
    assert [scene.product for scene in tiles[TILE].series[0].scenes] == [whole, short, locked]
    cut(short)
    _encrypt(locked)
    with pytest.raises(ProductError, match="2 products are broken") as caught:
        planned(root)
    assert str(short) in str(caught.value)
    assert "encrypted" in str(caught.value)
    plan, tiles = planned(
        root, {"orbits": ("asc",)}, skip_broken_products=True, minimum_required_dates=3
    )
    assert {one.product for one in plan.skipped} == {short, locked}


def _encrypt(archive: Path) -> None:
    """Mark all members as encrypted."""
    raw = bytearray(archive.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.find(signature)
        while place >= 0:
            raw[place + at] |= 1
            place = raw.find(signature, place + 4)
    archive.write_bytes(bytes(raw))


def test_products_that_miss_the_tile(root: Path) -> None:
    with pytest.raises(MissingInputError, match="none of its 3 des products shows tile T32TNS"):
        planned(root, {"references": None}, tiles=("T32TNS",))


def test_a_name_that_says_nothing_needs_a_reference(root: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no \.tif") as caught:
        planned(root, tiles=("D0005H0002",))
    assert "D0005H0002" in str(caught.value)
    with pytest.raises(MissingInputError, match="tile D0005H0002: nothing tells where it lies"):
        planned(root, {"references": None}, tiles=("D0005H0002",))
    (root / "references" / TILE).rename(root / "references" / "D0005H0002")
    _, tiles = planned(root, tiles=("D0005H0002",))
    assert tiles["D0005H0002"].grid.shape == (24, 24)


@pytest.mark.parametrize("folder", ["31TCJ", "T31TCJ", "TX1TCJ"])
def test_references_are_called_as_iota2_calls_them(folder: str, root: Path) -> None:
    tile = {"31TCJ": "31TCJ", "T31TCJ": "X31TCJ", "TX1TCJ": "X1TCJ"}[folder]
    (root / "references" / TILE).rename(root / "references" / folder)
    _, tiles = planned(root, {"reference_pattern": "grid"}, tiles=(tile,))
    assert tiles[tile].grid.shape == (24, 24)
    with pytest.raises(MissingInputError, match="whose name contains 'STACK'"):
        planned(root, {"reference_pattern": "STACK"}, tiles=(tile,))


def test_no_product_is_of_a_relative_orbit(root: Path) -> None:
    with pytest.raises(MissingInputError, match="des or asc of relative orbit 8") as caught:
        planned(root, {"relative_orbits": (8,)})
    assert "they are of asc (30) and des (110)" in str(caught.value)
    _, tiles = planned(root, {"relative_orbits": (110,)})
    assert [one.sensor.label for one in tiles[TILE].series] == ["Sentinel1DES"]


def test_one_date_is_few(root: Path) -> None:
    for product in products(root)[1:]:
        shutil.rmtree(product)
    with pytest.raises(MissingInputError, match=r"1 date\(s\) of Sentinel1DES"):
        planned(root)
    _, tiles = planned(root, minimum_required_dates=1)
    assert tiles[TILE].series[0].target_days == tiles[TILE].series[0].days


def test_two_satellites_are_one_series(root: Path) -> None:
    one = products(root)[1]
    other = one.with_name(one.name.replace("S1B_", "S1C_"))
    one.rename(other)
    for path in other.rglob("*"):
        if path.is_file():
            if path.suffix in (".xml", ".safe"):
                text = path.read_text().replace("S1B", "S1C").replace("s1b", "s1c")
                path.write_text(text.replace("SENTINEL-1B", "SENTINEL-1C"))
            path.rename(path.with_name(path.name.replace("s1b", "s1c")))
    plan, tiles = planned(root)
    series = tiles[TILE].series[0]
    assert len(series.days) == 3
    assert series.radar is not None
    assert {one.mission for one in series.radar.acquisitions} == {"S1B", "S1C"}
    assert "3 products of S1B, S1C" in as_text(plan, tiles)


def test_dates_that_tiles_do_not_share(made: Path, root: Path, tmp_path: Path) -> None:
    later = simulate_sentinel1(
        tmp_path / "later", ["T31TDJ"], date(2018, 6, 4), date(2018, 6, 16), 12, 24, 3,
        directions=("DES",),
    )  # fmt: skip
    _write_grid(root / "references", "T31TDJ", later.grids["T31TDJ"])
    (tmp_path / "later" / ELEVATION).rename(tmp_path / "later" / "more.tif")
    for path in (tmp_path / "later").iterdir():
        shutil.move(path, root / path.name)
    settings = {"orbits": ("des",), "dem": (root / ELEVATION, root / "more.tif")}
    both = ("T31TCJ", "T31TDJ")
    with pytest.raises(MissingInputError, match=r"Set Sentinel_1\.start_date") as error:
        planned(root, settings, tiles=both)
    assert "2018-06-04" in str(error.value)
    days = {"start": date(2018, 1, 10), "end": date(2018, 1, 20)}
    _, tiles = planned(root, settings | days, tiles=both)
    assert {one.series[0].target_days for one in tiles.values()} == {(17541, 17551)}
    with pytest.raises(MissingInputError, match=r"Sentinel_1\.end_date, 2018-01-20, leaves no"):
        planned(root, settings | {"end": date(2018, 1, 20)}, tiles=both)


def _moved(raster: Path, metres: float) -> Grid:
    with rasterio.open(raster) as file:
        grid = Grid.from_affine(file.crs, file.transform, file.height, file.width)
    return grid.model_copy(update={"x": grid.x + metres})


def test_elevation_that_does_not_reach_over_the_tile(root: Path) -> None:
    path = root / ELEVATION
    with rasterio.open(path) as file:
        profile, values = file.profile, file.read()
    grid = _moved(root / "references" / TILE / "grid.tif", 120)
    cols = round((grid.x - profile["transform"].c) / profile["transform"].a)
    profile.update(transform=profile["transform"] @ rasterio.Affine.translation(cols, 0))
    profile.update(width=values.shape[2] - cols)
    with rasterio.open(path, "w", **profile) as file:
        file.write(values[:, :, cols:])
    plan, tiles = planned(root)
    (notice,) = [one for one in plan.notices if one.startswith("WARNING")]
    share = float(re.search(r"reach over (\S+) %", notice)[1])  # type: ignore[index]
    assert 30 < share < 70
    assert as_data(plan, tiles)["tiles"][0]["series"][0]["radar"]["elevation_covers"] < 1
    profile.update(transform=profile["transform"] @ rasterio.Affine.translation(9e4, 0))
    with rasterio.open(path, "w", **profile) as file:
        file.write(values[:, :, cols:])
    with pytest.raises(MissingInputError, match="reaches over it"):
        planned(root)


def test_no_elevation_or_none_that_can_be_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingInputError, match="no elevation model in it"):
        planned(root, {"dem": (tmp_path / "empty",)})
    (tmp_path / "empty" / "N43.hgt").write_bytes(b"heights")
    with pytest.raises(ProductError, match=r"N43\.hgt: cannot be used"):
        planned(root, {"dem": (tmp_path / "empty",)})


def test_holes_of_the_elevation_are_told_by_the_chunk(root: Path) -> None:
    path = root / ELEVATION
    with rasterio.open(path, "r+") as file:
        values = file.read(1)
        values[:] = np.where(np.arange(values.shape[1]) % 5 == 0, -9999, values)
        file.write(values, 1)
        file.nodata = -9999
    request = request_of(root, {"orbits": ("des",)})
    plan, tiles = make_plan(request)
    record = write_chunk(plan, tiles[TILE], 0)
    (warning,) = record.warnings
    assert "have no height for some pixels" in warning


def test_models_of_one_name_are_two_files(root: Path) -> None:
    (root / "more").mkdir()
    shutil.copy(root / ELEVATION, root / "more" / ELEVATION)
    _, tiles = planned(root, {"dem": (root / ELEVATION, root / "more")})
    paths = {file.path for file in tiles[TILE].files.values()}
    assert {root / ELEVATION, root / "more" / ELEVATION} <= paths


def test_a_geoid_that_ends_within_the_tile(root: Path) -> None:
    west = _moved(root / "references" / TILE / "grid.tif", -1000)
    narrow = west.model_copy(update={"width": 112})
    write_raster(root / "geoid.tif", np.full((1, *narrow.shape), 48, np.float32), narrow)
    with pytest.raises(MissingInputError, match=r"geoid\.tif reaches over 49\.2 % of it only"):
        planned(root, {"geoid": root / "geoid.tif"})
    wide = west.model_copy(update={"width": 300, "y": west.y + 500, "height": 200})
    write_raster(root / "geoid.tif", np.full((1, *wide.shape), 48, np.float32), wide)
    plan, tiles = planned(root, {"geoid": root / "geoid.tif"})
    assert "geoid geoid.tif" in as_text(plan, tiles)


def test_heights_above_the_ellipsoid_need_no_geoid(root: Path) -> None:
    without, tiles = planned(root)
    assert any("no geoid is given" in notice for notice in without.notices)
    assert "of the tile; no geoid" in as_text(without, tiles)
    plan, tiles = planned(root, {"ellipsoidal_heights": True})
    assert not any("geoid" in notice for notice in plan.notices)
    assert "of the tile; above the ellipsoid" in as_text(plan, tiles)
    assert plan.map_fingerprint == without.map_fingerprint


def test_terrain_is_not_flattened_on_a_map_in_degrees(root: Path) -> None:
    settings = {"terrain_flattening": True}
    with pytest.raises(GridError, match=r"Sentinel_1\.terrain_flattening: slopes cannot"):
        planned(root, settings, crs="EPSG:4326")
    planned(root, settings, crs="EPSG:2154")


def test_windows_of_other_sensors_do_not_count(root: Path) -> None:
    how = Interpolation(method="savitzky_golay", savitzky_golay_window=9)
    _, tiles = planned(root, interpolation=how)
    series = tiles[TILE].series[0]
    assert len(series.target_days) < 9
    assert series.interpolated_by(request_of(root, interpolation=how)).method == "linear"
