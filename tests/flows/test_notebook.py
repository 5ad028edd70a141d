"""What a notebook computes is what a run has written, functions over xarray and all."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

import sitsflow as library
from sitsflow.io.paths import OutputPaths
from tests.flows.conftest import Sitsflow

pytestmark = [pytest.mark.engine, pytest.mark.slow]

MODULE = """
from sitsflow import over_xarray


@over_xarray
def ndvi_range(ds):
    return (ds.NDVI.max("time") - ds.NDVI.min("time")).rename("ndvi_range")


@over_xarray
def mean_ndvi(ds):
    return ds.NDVI.mean("time").rename("mean_ndvi")
"""


def test_a_notebook_has_the_bytes_of_a_run(
    tmp_path: Path, products: Path, engine: dict[str, str], sitsflow: Sitsflow
) -> None:
    (tmp_path / "mine.py").write_text(MODULE)
    config = tmp_path / "map.yaml"
    config.write_text(
        f"""
chain: {{output_path: map, list_tile: T31TCJ, s2_path: {products}, proj: EPSG:2154}}
sensors_data_interpolation: {{method: whittaker, whittaker_lambda: v-curve}}
external_features:
  module: mine.py
  functions: [ndvi_range, mean_ndvi]
  concat_mode: false
  number_of_chunks: 5
"""
    )
    done = sitsflow("run", config, "--workers", 2, env=engine)
    assert done.returncode == 0, done.stderr
    plan = library.open(config)
    paths = OutputPaths(tmp_path / "map")
    with rasterio.open(paths.map) as file:
        assert file.descriptions == plan.labels == ("ndvi_range", "mean_ndvi")
        written = file.read()
    assert (written != -10000).mean() > 0.5
    np.testing.assert_array_equal(plan.compute("T31TCJ"), written)
    corner = plan.compute("T31TCJ", (slice(17, 18), slice(40, 43)))
    np.testing.assert_array_equal(corner, written[:, 17:18, 40:43])
    assert "Whittaker, lambda by V-curve" in paths.report.read_text(encoding="utf-8")
