"""The tutorial's run, in both syntaxes: same tree, same map, whatever the workers and the order."""

from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from PIL import Image
from rio_cogeo.cogeo import cog_validate

from sitsflow.io.paths import OutputPaths
from tests.flows.conftest import Sitsflow
from tests.reference_map import day_of, dynamic_habitat, interpolated, ndvi, sentinel2_series

pytestmark = pytest.mark.engine

DOCS = Path(__file__).resolve().parents[2] / "docs" / "examples"
# The same run, in iota2's syntax and in YAML, on two tiles; tiles swapped and cut otherwise.
EXAMPLES = {
    "tutorial.cfg": ["chain.list_tile=T31TCJ T31TDJ", "external_features.number_of_chunks=5"],
    "tutorial.yaml": ["chain.list_tile=T31TDJ T31TCJ", "external_features.number_of_chunks=4"],
}
WORKERS = {"tutorial.cfg": 1, "tutorial.yaml": 2}
STEPS = """\
Group init:
         [x] Step 1: Sensors pre-processing
         [x] Step 2: Generate a common masks for each sensors
Group writing:
         [x] Step 3: Write features by chunk
         [x] Step 4: Merge features chunks per tile
Group mosaic:
         [x] Step 5: Merge features tiles into a mosaic
"""


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory,
    products: Path,
    engine: dict[str, str],
    sitsflow: Sitsflow,
) -> dict[str, OutputPaths]:
    """Both syntaxes, run: one worker and 5 chunks, two workers, tiles swapped and 4 chunks."""
    found = {}
    for name, changes in EXAMPLES.items():
        output = tmp_path_factory.mktemp(name) / "out"
        here = [f"chain.output_path={output}", f"chain.s2_path={products}", "chain.proj=EPSG:32631"]
        command = [DOCS / name, *(word for text in (*here, *changes) for word in ("--set", text))]
        checked = sitsflow("check", *command)
        assert checked.returncode == 0, checked.stderr
        assert checked.stdout.startswith(STEPS)
        assert not output.exists()
        done = sitsflow("run", *command, "--workers", WORKERS[name], env=engine)
        assert done.returncode == 0, done.stderr
        found[name.removeprefix("tutorial.")] = OutputPaths(output)
    return found


def test_the_tree_is_the_tutorials(runs: dict[str, OutputPaths]) -> None:
    root = runs["cfg"].root
    here = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and ".sitsflow" not in path.parts
    }
    expected = {
        "IOTA2_tasks_status.txt",
        "final/features_map.tif",
        "final/features_map.json",
        "final/quicklook.png",
        "logs/merge_feat_maps.out",
        "logs/merge_feat_maps_by_tiles.out",
        "logs/run_informations.txt",
    }
    for tile in ("T31TCJ", "T31TDJ"):
        expected |= {
            f"by_tiles/{tile}.tif",
            f"logs/sensorsPreprocess/preprocessing_{tile}.out",
            f"logs/CommonMasks/common_mask_{tile}.out",
            *(f"customF/{tile}_chunk_{i}.tif" for i in range(5)),
            *(f"logs/write_features_map/write_features_{tile}_chunk_{i}.out" for i in range(5)),
            *(f"features/{tile}/tmp/MaskCommunSL.{end}" for end in ("tif", "shp", "shx", "dbf")),
            f"features/{tile}/tmp/MaskCommunSL.prj",
            f"features/{tile}/tmp/Sentinel2_{tile}_input_dates.txt",
            f"features/{tile}/tmp/Sentinel2_{tile}_interpolation_dates.txt",
            f"features/{tile}/tmp/Sentinel2_{tile}_reference.tif",
        }
    assert expected <= here


def test_the_map_equals_the_slow_reference(runs: dict[str, OutputPaths], products: Path) -> None:
    targets = np.arange(day_of("20180101"), day_of("20181231") + 1, 10)
    for tile in ("T31TCJ", "T31TDJ"):
        days, valid, bands = sentinel2_series(products, tile, ["B4", "B8"])
        red, nir = (interpolated(bands[name], valid, days, targets) for name in ("B4", "B8"))
        expected = dynamic_habitat(ndvi(red, nir))[:2]
        expected[:, ~valid.any(axis=0)] = -10000
        with rasterio.open(runs["cfg"].tile_map(tile)) as file:
            assert file.descriptions == ("cumul_prod", "min_prod", "var_prod")
        found = _tile(runs["cfg"], tile)[:2]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=0.02)


def test_workers_chunks_and_order_of_tiles_do_not_matter(runs: dict[str, OutputPaths]) -> None:
    for tile in ("T31TCJ", "T31TDJ"):
        one, two = (_tile(runs[name], tile) for name in ("cfg", "yaml"))
        np.testing.assert_array_equal(one, two)
    one, two = (_read(runs[name].map) for name in ("cfg", "yaml"))
    with (
        rasterio.open(runs["cfg"].map) as whole,
        rasterio.open(_reference(runs["cfg"], "T31TDJ")) as t,
    ):
        first = round((t.bounds.left - whole.bounds.left) / 10)
        last = 96
    np.testing.assert_array_equal(one[..., :first], two[..., :first])
    np.testing.assert_array_equal(one[..., last:], two[..., last:])
    tiles = {tile: _tile(runs["cfg"], tile) for tile in ("T31TCJ", "T31TDJ")}
    left, right = tiles["T31TCJ"][..., first:], tiles["T31TDJ"][..., : last - first]
    np.testing.assert_array_equal(
        one[..., first:last], np.where(left == -10000, right, left), "the first tile wins"
    )
    np.testing.assert_array_equal(two[..., first:last], np.where(right == -10000, left, right))


def test_the_map_is_a_valid_cog_with_an_item_and_a_picture(runs: dict[str, OutputPaths]) -> None:
    paths = runs["cfg"]
    valid, errors, warnings = cog_validate(paths.map, strict=True, quiet=True)
    assert (valid, errors, warnings) == (True, [], [])
    item = pystac.Item.from_file(paths.item)
    assert {asset.href for asset in item.assets.values()} >= {"./features_map.tif"}
    with Image.open(paths.quicklook) as picture:
        assert min(picture.size) > 300


def test_a_chunks_log_says_what_it_did(runs: dict[str, OutputPaths]) -> None:
    log = (runs["cfg"].logs / "write_features_map/write_features_T31TDJ_chunk_3.out").read_text()
    assert "Mpixel/s" in log
    assert "peak RAM" in log


def _reference(paths: OutputPaths, tile: str) -> Path:
    return paths.of_series(tile, "Sentinel2", "reference.tif")


def _tile(paths: OutputPaths, tile: str) -> np.ndarray:
    """The pixels of a tile: its map begins where a block of the whole map does."""
    with (
        rasterio.open(_reference(paths, tile)) as grid,
        rasterio.open(paths.tile_map(tile)) as file,
    ):
        return file.read(window=file.window(*grid.bounds))


def _read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()
