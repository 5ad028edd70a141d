"""The memory that tasks declare, against the peak of a process like a worker."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from blocks.cluster import MALLOC_ENVIRONMENT
from sitsflow.request import Chunking, Interpolation
from sitsflow.simulate import simulate
from tests.requests import calls, sentinel2, tutorial

pytestmark = pytest.mark.slow

METRICS = calls("ndvi_p90", "ndvi_mean", "ndvi_theil_sen", "ndvi_season_start")
WHOLE: dict[str, Any] = {"whole_chunk": True}
FUNCTIONS = """
import numpy as np

def deviation(self):
    return self.get_interpolated_Sentinel2_NDVI().std(axis=2), ["deviation"]

def means(self):
    names = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
    series = (getattr(self, f"get_interpolated_Sentinel2_{name}")() for name in names)
    return np.stack([one.mean(axis=2) for one in series], axis=-1), []
"""
JOBS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "few dates": ("write_features", {"end": date(2018, 2, 1)}, {}),
    "many dates": ("write_features", {"temporal_resolution": 3}, {}),
    "many dates of a whole chunk": ("write_features", {"temporal_resolution": 3}, WHOLE),
    "native features": ("write_features", {}, {"concat_mode": True}),
    "metrics": ("write_features", {}, {"functions": METRICS}),
    "metrics of a whole chunk": ("write_features", {}, {"functions": METRICS} | WHOLE),
    "whittaker": ("write_features", {}, {"interpolation": Interpolation(method="whittaker")}),
    "average": ("write_features", {}, {"resolution": (20.0, 20.0), "resampling": "average"}),
    "another system": ("write_features", {}, {"crs": "EPSG:2154"} | WHOLE),
    "a function of the user's": ("write_features", {}, {"functions": calls("deviation")}),
    "many bands": ("write_features", {}, {"functions": calls("means")}),
    "files read at once": ("write_features", {}, WHOLE | {"concurrent_reads": 16}),
    "cubes": ("preprocess", {"keep_bands": ("B4", "B8", "B11")}, {"write_outputs": True}),
    "no cubes": ("preprocess", {}, {}),
    "common mask": ("common_mask", {}, {}),
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products of 1024 x 1024 pixels: of fewer, a process weighs more than its pixels."""
    root = tmp_path_factory.mktemp("large")
    simulate(root, "Sentinel_2", ["T31TCJ"], date(2018, 1, 1), date(2018, 5, 15), 15, 1024, 0)
    return root


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("name", JOBS)
def test_a_task_declares_the_memory_that_it_needs(large: Path, tmp_path: Path, name: str) -> None:
    task, sensor, changes = JOBS[name]
    if name in ("a function of the user's", "many bands"):
        module = tmp_path / "mine.py"
        module.write_text(FUNCTIONS)
        changes = changes | {"module": module}
    keys = {"end": date(2018, 5, 15)} | sensor
    request = tutorial(
        large, tmp_path / "out", sensors=(sentinel2(large, **keys),),
        **{"chunking": Chunking(mode="split_number", number=1)} | changes,
    )  # fmt: skip
    file = tmp_path / "request.json"
    file.write_text(request.model_dump_json())
    command = [sys.executable, "-m", "tests.peak_memory", str(file), task]
    environment = os.environ | MALLOC_ENVIRONMENT
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    declared, peak = (float(word) for word in ran.stdout.split()[-2:])
    # Half a GB is what a task has that needs little besides its process.
    assert peak <= declared <= max(0.5, 1.25 * peak), f"{declared} GB declared, {peak} GB used"
