"""What `make bench` compares does the same: rivals and floors make the map of the engine."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sitsflow.io import read
from tests.benchmarks.__main__ import line, row
from tests.benchmarks.contenders import CONTENDERS, is_there, prepared
from tests.benchmarks.jobs import JOBS, plan_of, products_of
from tests.benchmarks.result import NODATA, Difference, Result, difference, read_result

_CASES = [
    (name, job)
    for name, contender in CONTENDERS.items()
    for job in contender.jobs
    if name not in ("engine", "warper", "reading")  # these make no map, or are the map
    if not (contender.needs and job == "ndvi-2154")  # a part of what they do for all bands
]


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return products_of(tmp_path_factory.mktemp("bench"), dates=6, size=128)


@pytest.fixture(scope="module")
def maps(products: Path) -> dict[str, Path]:
    return {job: _made("engine", job, products) for job in JOBS}


def _made(name: str, job: str, products: Path) -> Path:
    plan, tile = plan_of(JOBS[job], products, chunks=2)
    path = products.parent / f"{name}-{job}.npy"
    result = Result(path, (len(plan.labels), *tile.grid.shape))
    prepared(name, plan, tile, JOBS[job])(result)
    assert result.made
    return path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of the rivals are theirs
@pytest.mark.parametrize(("name", "job"), _CASES)
def test_contenders_make_the_map_of_the_engine(
    maps: dict[str, Path], products: Path, monkeypatch: pytest.MonkeyPatch, name: str, job: str
) -> None:
    if not is_there(CONTENDERS[name]):
        pytest.skip("the extra `bench` is not installed")
    monkeypatch.setattr(read, "_read_product", read._read_product)  # which one of them replaces
    found = difference(
        read_result(maps[job]), read_result(_made(name, job, products)), JOBS[job].scales
    )
    assert found.one_only < 0.02
    if job == "ndvi-utm" or name == "kernels":
        assert found.largest < 1e-5
        assert found.one_only == 0
    else:  # GDAL's warper is approximate, rounds to whole numbers, and may let clouds bleed
        assert found.beyond < 0.25


def test_differences_are_counted_in_the_units_of_features(tmp_path: Path) -> None:
    one = np.array([[[1000.0, NODATA, 5]], [[10, 20, 30]]], np.float32)
    other = np.array([[[1002.0, 7, np.nan]], [[10, 20, 31]]], np.float32)
    found = difference(one, other, (1e-3, 1e-4))
    assert found == Difference(pytest.approx(2e-3), pytest.approx(1 / 4), pytest.approx(2 / 6))
    runs = [{"cpu_s": 4.0, "wall_s": 5.0, "peak_mb": 100.0, "read_mb": None, "result": None}]
    engine = [{"cpu_s": 2.0, "wall_s": 5.0, "peak_mb": 100.0, "read_mb": 1.0, "result": None}]
    cells = re.split(r" *\| *", line(row("ndvi-utm", "reading", runs, engine)).strip())
    assert cells[1:-1] == ["floor: reading only", "4.0", "5.0", "100", "", "2.00", ""]
