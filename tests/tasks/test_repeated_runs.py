"""What a run makes again in the folder of an earlier one: what changed, and no more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely

import sitsflow.io.read
from sitsflow.errors import FunctionError
from sitsflow.geo.grid import Window
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, Request
from sitsflow.run.jobs import all_jobs, is_done
from sitsflow.run.remedies import remedy_of
from sitsflow.simulate import simulate
from tests.products import by_date, rewrite, rewrite_all
from tests.requests import TILES, calls, sentinel2, tutorial
from tests.serial_run import files_of, run
from tests.slow import mostly_slow

ONE, OTHER = TILES
SIZE = 48
NOTHING: set[str] = set()
FEATURES = {"write_features", "merge_tile", "mosaic"}
ALL = {"preprocess", "common_mask", *FEATURES}

MODULE = """\
from helper import scaled
def highest(self, factor=1):
    return scaled(self.get_interpolated_Sentinel2_B4().max(axis=2)) * factor, ["highest"]
"""
LATE = """\
def highest(self):
    red = self.get_interpolated_Sentinel2_B4()
    if red.shape == (16, 48, 37):  # a chunk's, never those it is tried on
        red = red + self.get_interpolated_Sentinel2_B3()
    return red.max(axis=2), ["highest"]
"""
HELPER = "def scaled(values):\n    return values * 2\n"


class Folder:
    """Products, a module and the output of a run, in one folder that a test may change."""

    def __init__(self, root: Path) -> None:
        self.root, self.products = root, root / "products"
        self.module, self.helper = root / "mine.py", root / "helper.py"

    def request(self, **changes: object) -> Request:
        given = {
            "sensors": (sentinel2(self.products),), "tiles": TILES, "module": self.module,
            "functions": calls("highest"),
        }  # fmt: skip
        return tutorial(self.products, self.root / "out", **given | changes)

    def files(self, pattern: str, tile: str = ONE) -> list[Path]:
        return sorted((self.products / tile).rglob(pattern))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A finished run of two small tiles. Uncompressed bands: another value is as many bytes."""
    folder = Folder(tmp_path_factory.mktemp("made"))
    first, last = date(2018, 1, 4), date(2018, 12, 30)
    simulate(folder.products, "Sentinel_2", TILES, first, last, 60, SIZE, seed=7)
    for path in folder.products.rglob("*_FRE_B[34].tif"):
        _uncompress(path)
    folder.module.write_text(MODULE)
    folder.helper.write_text(HELPER)
    run(folder.request())
    return folder


@pytest.fixture
def folder(made: Folder, tmp_path: Path) -> Folder:
    """A copy of it, with the times of change of all files."""
    shutil.copytree(made.root, tmp_path / "copy")
    return Folder(tmp_path / "copy")


def _uncompress(path: Path) -> None:
    with rasterio.open(path) as file:
        values, profile = file.read(), file.profile
    profile.update(compress="none", predictor=1)
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)


def _touch(*paths: Path) -> None:
    for path in paths:
        about = path.stat()
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 10**9))


def _set_pixel(path: Path, row: int, col: int, value: int = 4321) -> None:
    """Change a pixel in place: size and all else stay."""
    size = path.stat().st_size
    with rasterio.open(path, "r+") as file:
        window = rasterio.windows.Window(col, row, 1, 1)
        file.write(np.full((1, 1, 1), value, file.dtypes[0]), window=window)
    assert path.stat().st_size == size


def again(request: Request) -> dict[str, set[str]]:
    """Run, and return the tasks that were carried out by tile, the mosaic as of no tile."""
    found: dict[str, set[str]] = {}
    for job in run(request):
        found.setdefault(job.tile, set()).add(job.task)
    return found


def tasks(request: Request) -> set[str]:
    return set().union(*again(request).values())


def edit(name: str, old: str, new: str) -> Callable[[Folder], None]:
    def change(folder: Folder) -> None:
        path = folder.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


CHANGES: dict[str, tuple[Callable[[Folder], None] | dict[str, object], set[str]]] = {
    "the function": (edit("mine.py", "max", "min"), FEATURES),
    "no data": ({"no_data_value": -1.0}, FEATURES),
    "interpolated dates": ({"auto_date": True}, ALL - {"common_mask"}),
    "cubes too": ({"write_outputs": True}, {"preprocess"}),
    "name of the map": ({"output_name": "ndvi 2018.v2"}, {"mosaic"}),
    "a VRT": ({"mosaic": "vrt"}, {"merge_tile", "mosaic"}),
    "maps of tiles alone": ({"mosaic": "none"}, {"merge_tile", "mosaic"}),
    "fewer tiles": ({"tiles": TILES[:1]}, {"mosaic"}),
    "chunks": ({"chunking": Chunking(mode="split_number", number=4)}, NOTHING),
}


@pytest.mark.parametrize("name", mostly_slow(CHANGES, quick=1))
def test_what_is_kept_is_what_a_fresh_run_would_make(folder, name):
    change, expected = CHANGES[name]
    if callable(change):
        change(folder)
    request = folder.request(**({} if callable(change) else change))
    assert tasks(request) == expected
    assert not run(request)
    fresh = request.model_copy(update={"output_path": folder.root / "fresh"})
    run(fresh)
    kept, wanted = files_of(request.output_path), files_of(fresh.output_path)
    if name == "chunks":  # of a map that is kept none are made
        wanted = {path: data for path, data in wanted.items() if "_chunk_" not in path}
    assert {path: kept.get(path) for path in wanted} == wanted


@pytest.mark.slow
def test_another_form_of_the_map_computes_nothing_again_and_replaces_the_first(folder):
    out = folder.root / "out"
    shutil.rmtree(out / "customF")  # as `sitsflow clean` does
    mine = out / "final" / "mine.tif"
    mine.write_text("nobody's")

    def there() -> set[str]:
        assert mine.exists()
        made = {path.name for path in (*out.glob("final/*"), *out.glob("by_tiles/*.json"))}
        return made - {"quicklook.png", "mine.tif"}

    one, collection = {"features_map.json"}, {"features_map_collection.json"}
    collection |= {f"{tile}.json" for tile in TILES}
    assert there() == {"features_map.tif"} | one
    first = (out / "final" / "features_map.tif").read_bytes()
    assert tasks(folder.request(mosaic="vrt")) == {"merge_tile", "mosaic"}
    assert there() == {"features_map.vrt"} | one | collection
    assert tasks(folder.request(mosaic="none")) == {"mosaic"}
    assert there() == collection
    assert tasks(folder.request()) == {"merge_tile", "mosaic"}
    assert there() == {"features_map.tif"} | one
    assert (out / "final" / "features_map.tif").read_bytes() == first
    # Under other names a file stays; a VRT of the maps of tiles, which now have other pixels, not.
    edit("mine.py", "max", "min")(folder)
    assert tasks(folder.request(mosaic="vrt", output_name="second")) == FEATURES
    second = {"second.vrt", "second.json", "second_collection.json", *collection}
    second -= {"features_map_collection.json"}
    assert there() == {"features_map.tif"} | one | second
    edit("mine.py", "min", "max")(folder)
    assert tasks(folder.request(output_name="third")) == FEATURES
    assert there() == {"features_map.tif", "third.tif", "third.json"} | one
    assert (out / "final" / "features_map.tif").read_bytes() == first


def test_a_corrected_function_redoes_what_its_remedy_says(folder):
    right = folder.module.read_text()
    wrong = "    if self.get_interpolated_Sentinel2_B4().shape == (16, 48, 37):\n        return 1\n"
    folder.module.write_text(right.replace("    return", f"{wrong}    return"))
    request = folder.request().model_copy(update={"output_path": folder.root / "other"})
    with pytest.raises(FunctionError, match="returned an int") as failure:
        run(request)
    plan, tiles = make_plan(request)
    jobs = list(all_jobs(plan, tiles))
    assert [job for job in jobs if is_done(job, plan, tiles)] == jobs[:4]
    assert "the chunks of all tiles are computed again" in remedy_of(failure.value)
    assert "pre-processing and common masks are kept" in remedy_of(failure.value)
    # As if that chunk had failed last of all: what the wrong function made does not count.
    folder.module.write_text(right)
    assert run(request, most=6) == jobs[4:10]
    folder.module.write_text(right + "# corrected\n")
    assert run(request) == jobs[4:]


def test_what_the_run_does_not_read_does_not_count(folder):
    rewrite_all(folder.products, "*_FRE_B3.tif", lambda values: values + 1)
    rewrite_all(folder.products, "*_CLM_R2.tif", lambda values: values + 1)
    rewrite_all(folder.products, "*_MG2_R1.tif", lambda values: values + 1)
    for path in folder.files("*_FRE_B8.tif")[5:]:
        path.write_bytes(path.read_bytes()[:1000])
    assert not run(folder.request())


def test_a_mask_counts_where_it_is_read(folder):
    rewrite(folder.files("*_CLM_R1.tif")[3], lambda values: values | 1)
    assert again(folder.request()) == {ONE: {"write_features", "merge_tile"}, "": {"mosaic"}}
    rewrite(folder.files("*_EDG_R1.tif", OTHER)[3], lambda values: values * 0 + 1)
    assert again(folder.request()) == {OTHER: ALL - {"preprocess", "mosaic"}, "": {"mosaic"}}


def test_a_new_time_of_change_alone_redoes_nothing(folder):
    files = [path for path in folder.products.rglob("*") if path.is_file()]
    _touch(*files)
    plan, _ = make_plan(folder.request())
    # Of each date B4 and three masks.
    (one, other) = (text for text in plan.notices if "time of change" in text)
    assert f"tile {ONE}: " in one
    assert f"tile {OTHER}: " in other
    assert "size: 28; 28 of them hold the pixels that were read before" in one
    assert not run(folder.request())
    # It is known from then on.
    assert not any("time of change" in text for text in make_plan(folder.request())[0].notices)


def test_files_copied_to_another_place_are_the_same(folder):
    moved = folder.root / "archive"
    shutil.copytree(folder.products, moved, copy_function=shutil.copyfile)
    shutil.rmtree(folder.products)
    folder.products = moved
    assert not run(folder.request())


@pytest.mark.parametrize(
    ("row", "col"), mostly_slow([(0, 0), (15, 47), (16, 0), (47, 47)], quick=1)
)
def test_one_other_pixel_of_as_many_bytes_redoes_the_tile(folder, row, col):
    path = folder.files("*_FRE_B4.tif")[5]
    _set_pixel(path, row, col)
    assert again(folder.request()) == {ONE: {"write_features", "merge_tile"}, "": {"mosaic"}}


@pytest.mark.slow
def test_a_pixel_that_comes_back_is_no_proof_for_what_was_made_between(folder):
    """The first content with the first time of change, after another one was used."""
    path = folder.files("*_FRE_B4.tif")[5]
    about, before = path.stat(), path.read_bytes()
    _set_pixel(path, 3, 3)
    assert tasks(folder.request()) == FEATURES
    path.write_bytes(before)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert tasks(folder.request()) == FEATURES


@pytest.mark.slow
def test_a_plan_reads_pixels_of_touched_files_alone_and_writes_nothing(folder, monkeypatch):
    read: list[Path] = []
    plain = sitsflow.io.read.read_bands

    def noting(path, window, bands=None):
        read.append(path)
        return plain(path, window, bands)

    monkeypatch.setattr(sitsflow.io.read, "read_bands", noting)
    out = folder.request().output_path
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    make_plan(folder.request())
    assert not read
    touched, changed = folder.files("*_FRE_B4.tif")[:2]
    _touch(touched, folder.files("*_FRE_B3.tif")[0])
    _set_pixel(changed, 0, 0)
    plan, tiles = make_plan(folder.request())
    assert set(read) == {touched, changed}
    left = [job for job in all_jobs(plan, tiles) if not is_done(job, plan, tiles)]
    assert {job.tile for job in left} == {ONE, ""}
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.mark.slow
def test_only_the_pixels_inside_an_area_count(folder):
    grid = make_plan(folder.request())[1][ONE].grid
    window = Window(row=20, col=10, height=15, width=20)
    area = folder.root / "area.gpkg"
    shape = shapely.box(*grid.part(window).bounds)
    geopandas.GeoDataFrame(geometry=[shape], crs=grid.crs).to_file(area)
    request = folder.request(tiles=TILES[:1], area_of_interest=area)
    request = request.model_copy(update={"output_path": folder.root / "inside"})
    run(request)
    _touch(area)
    assert not run(request)
    path = folder.files("*_FRE_B4.tif")[5]
    _set_pixel(path, 40, 40)
    assert not run(request)
    _set_pixel(path, 30, 20)
    assert tasks(request) == FEATURES


def test_a_killed_run_goes_on_with_files_that_were_only_touched(folder):
    request = folder.request(no_data_value=-1.0)
    plan, tiles = make_plan(request)
    left = [job for job in all_jobs(plan, tiles) if not is_done(job, plan, tiles)]
    done = run(request, most=4)
    _touch(*folder.files("*_FRE_B4.tif"), *folder.files("*_FRE_B4.tif", OTHER))
    assert run(request) == left[4:]
    assert done == left[:4]


@pytest.mark.slow
def test_reads_of_other_chunks_outlive_a_new_cutting(folder):
    """Chunks of another run write over records of chunks that the map is still made of."""
    # Another function, stopped after the one chunk of the first tile, which is of the top rows.
    edit("mine.py", "max", "min")(folder)
    top = folder.request(chunking=Chunking(mode="user_fixed", size_x=48, size_y=5))
    assert len(run(top, most=1)) == 1
    edit("mine.py", "min", "max")(folder)
    assert not run(folder.request())
    path = folder.files("*_FRE_B4.tif")[5]
    _set_pixel(path, 10, 20)  # in what the first chunk read before, and not since
    assert tasks(folder.request()) == FEATURES


@pytest.mark.slow
def test_a_band_that_only_some_pixels_ask_for_counts_too(folder):
    folder.module.write_text(LATE)
    assert tasks(folder.request()) == FEATURES
    assert not run(folder.request())
    rewrite(folder.files("*_FRE_B3.tif")[0], lambda values: values + 100)
    assert again(folder.request()) == {ONE: {"write_features", "merge_tile"}, "": {"mosaic"}}
    assert not run(folder.request())


@pytest.mark.slow
def test_damaged_notes_of_what_was_read_prove_nothing(folder):
    kept = next((folder.root / "out" / ".sitsflow" / "reads" / ONE).glob("*chunk_1*"))
    kept.write_bytes(kept.read_bytes()[:100])
    assert not run(folder.request())
    _touch(folder.files("*_FRE_B4.tif")[0])
    assert tasks(folder.request()) == FEATURES


def test_new_dates_redo_their_tile(folder):
    shutil.rmtree(by_date(folder.products, OTHER)[4])
    assert again(folder.request()) == {OTHER: ALL - {"mosaic"}, "": {"mosaic"}}
