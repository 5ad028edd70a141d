import os
import shutil
from datetime import date

import pytest
import yaml

from sitsflow.dates import to_day
from sitsflow.errors import MissingInputError, ProductError, SensorFileError
from sitsflow.planning.planner import make_plan
from sitsflow.products.scenes import find_scenes, refuse_broken
from sitsflow.products.sensors import load_sensors
from tests.requests import sentinel2, tutorial

S2 = load_sensors()["Sentinel_2"]


@pytest.fixture
def root(products, tmp_path):
    """A copy of one tile's products that a test may spoil."""
    shutil.copytree(products / "T31TCJ", tmp_path / "root" / "T31TCJ")
    return tmp_path / "root"


def first_product(root):
    return min((root / "T31TCJ").iterdir(), key=lambda path: path.name.split("_")[1])


def test_products_are_found_by_name_and_sorted_by_day(root):
    found = find_scenes(S2, root, "T31TCJ")
    assert found.broken == []
    days = [scene.day for scene in found.scenes]
    assert days == sorted(days)
    assert days[0] == to_day(date(2018, 1, 4))
    assert set(found.scenes[0].bands) == set(S2.band_names)


def test_stray_files_are_passed_over(root):
    folder, product = root / "T31TCJ", first_product(root)
    for name in (f"{product.name}.jpg", f"{product.name}.tgz", "notes.txt", ".DS_Store"):
        (folder / name).write_text("stray")
    (folder / "old").mkdir()
    band = next(product.glob("*_FRE_B4.tif"))
    band.with_name(f"{band.name}.aux.xml").write_text("<PAMDataset/>")
    (product / f"{product.name}_QKL_ALL.jpg").write_bytes(b"")
    assert len(find_scenes(S2, root, "T31TCJ").scenes) == 13


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.unlink(), r"no file is called \*_FRE_B4.tif"),
        (lambda file: file.write_bytes(b""), r"_FRE_B4.tif is empty"),
        (
            lambda file: shutil.copy(file, file.with_name("copy_FRE_B4.tif")),
            r"2 files are called \*_FRE_B4.tif",
        ),
    ],
)
def test_a_product_that_is_not_whole_is_named_with_its_file(root, spoil, message):
    spoil(next(first_product(root).glob("*_FRE_B4.tif")))
    found = find_scenes(S2, root, "T31TCJ")
    assert len(found.scenes) == 12
    with pytest.raises(ProductError, match=message) as caught:
        refuse_broken(found.broken)
    assert first_product(root).name in str(caught.value)
    assert "skip_broken_products: True" in str(caught.value)


def test_the_folder_names_the_tile_whatever_the_products_names_tell(root):
    product = first_product(root)
    product.rename(product.with_name(product.name.replace("T31TCJ", "T31TCH")))
    found = find_scenes(S2, root, "T31TCJ")
    assert len(found.scenes) == 13
    assert any("tell of tile T31TCH; the folder's name counts" in one for one in found.notices)


@pytest.mark.parametrize("end", ["_D", "", "_D_V1-7_clip", "_C_V4-0"])
def test_names_that_agencies_and_users_write_are_taken(root, end):
    product = first_product(root)
    product.rename(product.with_name(product.name.removesuffix("_D_V1-7") + end))
    found = find_scenes(S2, root, "T31TCJ")
    assert (len(found.scenes), found.notices) == (13, ())


@pytest.mark.parametrize("name", ["SENTINEL2A_20180511_T31TCJ", "S2_20180511", "x_20180511.7z"])
def test_what_may_be_a_product_is_named_if_it_is_passed_over(root, name):
    if name.endswith("7z"):
        (root / "T31TCJ" / name).write_bytes(b"7z")
    else:
        (root / "T31TCJ" / name).mkdir()
    found = find_scenes(S2, root, "T31TCJ")
    assert len(found.scenes) == 13
    assert len(found.notices) == 1
    assert f"passed over {name}, with a date" in found.notices[0]


def test_of_one_acquisition_the_newest_version_counts(root):
    product = first_product(root)
    newer = product.with_name(product.name.replace("V1-7", "V1-10"))
    shutil.copytree(product, newer)
    found = find_scenes(S2, root, "T31TCJ")
    assert len(found.scenes) == 13
    assert newer in {scene.product for scene in found.scenes}
    assert f"{product.name} of Sentinel2 is left out, since {newer.name}" in found.notices[0]


def test_missing_folders_and_empty_ones(root):
    with pytest.raises(MissingInputError, match=r"T31TXX: no such folder\. s2_path must hold"):
        find_scenes(S2, root, "T31TXX")
    (root / "T31TYY").mkdir()
    with pytest.raises(MissingInputError, match=r"no Sentinel_2 product \(it is empty"):
        find_scenes(S2, root, "T31TYY")


def truncate(file):
    file.write_bytes(file.read_bytes()[:200])


def test_a_file_that_is_needed_and_does_not_open_is_an_error_or_a_skipped_product(root, tmp_path):
    truncate(next((first_product(root) / "MASKS").glob("*_CLM_R1.tif")))
    request = tutorial(root, tmp_path / "out")
    with pytest.raises(ProductError, match=r"_CLM_R1.tif: not a readable raster"):
        make_plan(request)
    plan, tiles = make_plan(request.model_copy(update={"skip_broken_products": True}))
    assert [one.product for one in plan.skipped] == [first_product(root)]
    assert len(tiles["T31TCJ"].series[0].scenes) == 12


def test_a_file_that_is_not_needed_may_be_unreadable(root, tmp_path):
    truncate(next(first_product(root).glob("*_FRE_B12.tif")))
    _, tiles = make_plan(tutorial(root, tmp_path / "out"))
    assert len(tiles["T31TCJ"].series[0].scenes) == 13


def test_a_file_on_another_grid_is_named_with_both_grids(root, tmp_path):
    product = sorted((root / "T31TCJ").iterdir())[3]
    shutil.copy(next(product.glob("*_FRE_B5.tif")), next(product.glob("*_FRE_B8.tif")))
    with pytest.raises(
        ProductError, match=r"_FRE_B8.tif: on another grid .* 48 x 48 .* instead of 96 x 96"
    ):
        make_plan(tutorial(root, tmp_path / "out"))


def test_too_few_dates(root, tmp_path):
    for product in sorted((root / "T31TCJ").iterdir())[1:]:
        shutil.rmtree(product)
    with pytest.raises(MissingInputError, match=r"T31TCJ: 1 date\(s\) of Sentinel2"):
        make_plan(tutorial(root, tmp_path / "out"))


def test_links_are_followed_and_hidden_files_are_not_seen(root, tmp_path):
    product, aside = first_product(root), tmp_path / "aside"
    shutil.move(product / "MASKS", aside)
    (product / "MASKS").symlink_to(aside)
    (product / "itself").symlink_to(product)
    (product / f"._{product.name}_FRE_B4.tif").write_bytes(b"left by another system")
    linked = tmp_path / "linked"
    (linked / "real").mkdir(parents=True)
    for one in (root / "T31TCJ").iterdir():
        (linked / "real" / one.name).symlink_to(one)
    (linked / "T31TCJ").symlink_to(linked / "real")
    found = find_scenes(S2, linked, "T31TCJ")
    assert (len(found.scenes), found.broken) == (13, [])


@pytest.mark.parametrize("target", ["gone", "file", "itself"])
def test_a_product_that_is_a_link_to_nowhere_is_broken(root, tmp_path, target):
    product = first_product(root)
    targets = {"gone": tmp_path / "gone", "file": tmp_path / "file", "itself": product}
    (tmp_path / "file").write_text("no folder")
    shutil.rmtree(product)
    product.symlink_to(targets[target])
    found = find_scenes(S2, root, "T31TCJ")
    assert len(found.scenes) == 12
    assert [one.product for one in found.broken] == [product]
    assert f"{product}: a symbolic link to {targets[target]}" in found.broken[0].reason


def test_a_file_named_like_a_product_is_broken(root):
    product = first_product(root)
    shutil.rmtree(product)
    product.write_bytes(b"PK")
    found = find_scenes(S2, root, "T31TCJ")
    assert len(found.scenes) == 12
    assert f"{product}: a file, but a product is a folder" in found.broken[0].reason


def test_folders_that_may_not_be_listed_are_named(root, monkeypatch):
    product = first_product(root)
    real = os.scandir

    def refuse(path):
        if str(path) == str(refused):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    refused = product / "MASKS"
    reason = find_scenes(S2, root, "T31TCJ").broken[0].reason
    assert f"{refused}: cannot be listed (Permission denied)" in reason
    monkeypatch.undo()

    def refuse_all(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse_all)
    with pytest.raises(MissingInputError, match=r"T31TCJ: cannot be listed \(Permission denied\)"):
        find_scenes(S2, root, "T31TCJ")


def test_the_product_on_another_grid_is_the_odd_one_even_if_it_is_the_first(root, tmp_path):
    product = first_product(root)
    for name in ("B2", "B8"):
        shutil.copy(next(product.glob("*_FRE_B5.tif")), next(product.glob(f"*_FRE_{name}.tif")))
    request = tutorial(root, tmp_path / "out", skip_broken_products=True)
    plan, tiles = make_plan(request)
    assert [one.product for one in plan.skipped] == [product]
    assert tiles["T31TCJ"].grid.shape == (96, 96)


def test_all_files_of_a_product_that_cannot_be_used_are_named(root, tmp_path):
    for name in ("CLM", "SAT"):
        truncate(next((first_product(root) / "MASKS").glob(f"*_{name}_R1.tif")))
    with pytest.raises(ProductError, match=r"(?s)_CLM_R1.tif: not a.*_SAT_R1.tif: not a"):
        make_plan(tutorial(root, tmp_path / "out"))


def test_two_sensors_of_one_label_are_refused(root, tmp_path):
    sensor = S2.model_dump(mode="json") | {"name": "Mine"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(sensor))
    sensors = (sentinel2(root), sentinel2(root, sensor="Mine"))
    request = tutorial(root, tmp_path / "out", sensors=sensors, sensor_folders=(tmp_path,))
    with pytest.raises(SensorFileError, match="Sentinel_2 and Mine have the same label, Sentinel2"):
        make_plan(request)
