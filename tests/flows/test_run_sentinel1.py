"""Sentinel-1 by the command, on a real Prefect server and a real Dask cluster."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import from_bounds

import sitsflow as library
from sitsflow.io.paths import OutputPaths
from sitsflow.simulate import simulate
from sitsflow.simulate.raster import write_raster
from sitsflow.simulate.sentinel1 import simulate_sentinel1
from tests.flows.conftest import Sitsflow
from tests.requests import TILES

pytestmark = [pytest.mark.engine, pytest.mark.slow]

FIRST, LAST = date(2018, 1, 4), date(2018, 4, 22)  # ten dates
MODULE = """
def radar(self):
    import numpy as np

    vv = self.get_interpolated_Sentinel1_VV_DES()
    raw = self.get_raw_Sentinel1_VH_ASC()
    masks = self.get_raw_Sentinel1_masks_ASC()
    assert len(self.interpolated_dates["Sentinel1DES"]) == vv.shape[2]
    mean = np.where(masks == 0, raw, 0).sum(axis=2) / np.maximum((masks == 0).sum(axis=2), 1)
    return np.dstack([vv.mean(axis=2), mean]), ["vv", "vh"]


def both(self):
    ndvi = self.get_interpolated_Sentinel2_NDVI().mean(axis=2)
    height = self.get_interpolated_userFeatures_ALT()[:, :, 0]
    return ndvi * 0 + self.get_interpolated_Sentinel1_VH_DES()[:, :, 0] * height, ["both"]
"""
INI = """[Paths]
Output = unused
S1Images = s1
SRTM = heights
GeoidFile = None
[Processing]
ReferencesFolder = references
RasterPattern = grid
TemporalResolution = 12
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten dates of two tiles, both directions; Sentinel-2, and rasters without dates."""
    root = tmp_path_factory.mktemp("world")
    made = simulate_sentinel1(root / "s1", TILES, FIRST, LAST, 12, 40, 7, relief="ridge", slices=2)
    (root / "heights").mkdir()
    made.elevation.rename(root / "heights" / "N43E001.tif")
    for tile, grid in made.grids.items():
        folder = root / "references" / f"T{tile[1:]}"
        folder.mkdir(parents=True)
        write_raster(folder / "grid.tif", np.ones((1, *grid.shape), np.uint8), grid)
    simulate(root / "s2", "Sentinel_2", TILES, FIRST, LAST, 20, 40, 7)
    simulate(root / "own", "userFeat", TILES, FIRST, LAST, None, 40, 7)
    (root / "mine.py").write_text(MODULE)
    (root / "s1.cfg").write_text(INI)
    return root


def assert_is_what_the_library_computes(config: Path, output: Path) -> tuple[str, ...]:
    """Bit for bit, and return the names of the bands."""
    planned = library.open(config)
    for tile in TILES:
        expected = planned.compute(tile).values
        with rasterio.open(OutputPaths(output).tile_map(tile)) as file:
            # The map of a tile may reach over its neighbours.
            place = from_bounds(*planned.tiles[tile].grid.bounds, file.transform)
            found = file.read(window=place.round_offsets().round_lengths())
        assert (found != -10000).mean() > 0.9
        np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
    with rasterio.open(OutputPaths(output).map) as file:
        assert file.descriptions == planned.labels
    return planned.labels


def test_sentinel1_alone_as_iota2_configures_it(
    sitsflow: Sitsflow, engine: dict[str, str], world: Path
) -> None:
    config = world / "alone.cfg"
    config.write_text(
        "chain : {\n  output_path : 'alone'\n  list_tile : 'T31TCJ T31TDJ'\n"
        "  s1_path : 's1.cfg'\n}\nexternal_features : {\n  module : 'mine.py'\n"
        "  functions : 'radar'\n  concat_mode : False\n}\n"
        "python_data_managing : {\n  chunk_size_mode : 'split_number'\n  number_of_chunks : 3\n}\n"
    )
    checked = sitsflow("check", config, "--json", env=engine)
    assert checked.returncode == 0, checked.stderr
    series = json.loads(checked.stdout)["tiles"][0]["series"]
    assert [len(one["radar"]["passes"]) for one in series] == [10, 10]
    ran = sitsflow("run", config, env=engine)
    assert ran.returncode == 0, ran.stderr
    assert assert_is_what_the_library_computes(config, world / "alone") == ("vv", "vh")
    made = OutputPaths(world / "alone").map
    when = made.stat().st_mtime_ns
    again = sitsflow("run", config, "--set", "chain.remove_output_path=False", env=engine)
    assert again.returncode == 0, again.stderr
    assert made.stat().st_mtime_ns == when
    packed = sitsflow("bugreport", world / "alone", "--to", world / "bug.zip", env=engine)
    assert packed.returncode == 0, packed.stderr


def test_with_sentinel2_and_rasters_of_ones_own(
    sitsflow: Sitsflow, engine: dict[str, str], world: Path
) -> None:
    bad = sorted((world / "s1").glob("*T05*.SAFE"))[3]
    hidden = world / "manifest.safe"
    (bad / "manifest.safe").rename(hidden)
    try:
        config = world / "all.yaml"
        config.write_text(
            "chain: {output_path: all, list_tile: T31TCJ T31TDJ, s1_path: s1, s2_path: s2,\n"
            "  user_feat_path: own, skip_broken_products: true, proj: EPSG:2154,\n"
            "  spatial_resolution: 10}\n"
            "Sentinel_1: {dem: heights, expressions: vh/vv, temporal_resolution: 20}\n"
            "userFeat: {patterns: 'ALT,SLP'}\n"
            "sensors_data_interpolation: {spectral_indices: [DpRVIVV, EVI], write_outputs: true}\n"
            "external_features: {module: mine.py, functions: radar both}\n"
        )
        ran = sitsflow("run", config, env=engine)
        assert ran.returncode == 0, ran.stderr
        labels = assert_is_what_the_library_computes(config, world / "all")
    finally:
        hidden.rename(bad / "manifest.safe")
    kinds = list(dict.fromkeys(label.rpartition("_")[0] for label in labels))
    assert kinds[:3] == ["sentinel1_des_vv", "sentinel1_des_vh", "sentinel1_des_dprvivv"]
    assert "Sentinel2_EVI" in kinds
    assert labels[-3:] == ("vv", "vh", "both")
    report = OutputPaths(world / "all").report.read_text()
    assert report.count(bad.name) >= 1
    assert "Sentinel-1 ASC" in report
