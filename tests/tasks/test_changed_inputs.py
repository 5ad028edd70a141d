"""Input files that are replaced or deleted while a run is under way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import rasterio
from prefect.states import Failed

from sitsflow.errors import InputChangedError
from sitsflow.plan import save_plan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Request
from sitsflow.run.jobs import Job, all_jobs, fingerprint
from sitsflow.simulate import simulate
from tasks.mosaic import mosaic
from tasks.rules import is_transient
from tasks.write_features import write_features
from tests.products import rewrite
from tests.requests import TILES, calls, tutorial
from tests.serial_run import run

TILE = TILES[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products of one small tile; bands are not compressed: other values are as many bytes."""
    root = tmp_path_factory.mktemp("made")
    simulate(root, "Sentinel_2", [TILE], date(2018, 1, 4), date(2018, 12, 30), 60, 48, seed=3)
    for path in root.rglob("*_FRE_B[48].tif"):
        with rasterio.open(path) as file:
            values, profile = file.read(), file.profile
        with rasterio.open(path, "w", **profile | {"compress": "none", "predictor": 1}) as file:
            file.write(values)
    return root


class Begun:
    """A run that is planned, and whose jobs are carried out one by one."""

    def __init__(self, products: Path, output: Path) -> None:
        self.request: Request = tutorial(products, output, functions=calls("get_ndvi"))
        self.plan, self.tiles = make_plan(self.request)
        save_plan(self.plan, self.tiles)

    def chunk(self, index: int) -> Any:
        job = Job("write_features", TILE, index)
        return write_features.fn(
            str(self.request.output_path), TILE, index, fingerprint(job, self.plan, self.tiles)
        )

    def mosaic(self) -> Any:
        wanted = fingerprint(Job("mosaic"), self.plan, self.tiles)
        return mosaic.fn(str(self.request.output_path), wanted)


@pytest.fixture
def begun(made: Path, tmp_path: Path) -> Begun:
    shutil.copytree(made, tmp_path / "products")
    return Begun(tmp_path / "products", tmp_path / "out")


def band(begun: Begun, name: str) -> Path:
    return sorted((begun.request.sensors[0].root / TILE).rglob(f"*_FRE_{name}.tif"))[1]


def touch(path: Path) -> None:
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 10**9))


def set_values(path: Path) -> None:
    """Write other values of the same size in place."""
    size = path.stat().st_size
    with rasterio.open(path, "r+") as file:
        file.write(file.read() + 500)
    touch(path)
    assert path.stat().st_size == size


def move(path: Path) -> None:
    """Place the same pixels elsewhere."""
    with rasterio.open(path, "r+") as file:
        file.transform = file.transform @ rasterio.Affine.translation(3, 3)
    touch(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_values, "was replaced during the run: its time of change .* its pixels are others"),
        (lambda path: rewrite(path, lambda values: values + 500), "was replaced .* bytes"),
        (move, "was replaced during the run"),
    ],
)
def test_a_product_replaced_between_two_chunks(
    begun: Begun, change: Callable[[Path], object], message: str
) -> None:
    begun.chunk(0)
    change(band(begun, "B4"))
    change(band(begun, "B8"))
    with pytest.raises(InputChangedError, match=message) as caught:
        begun.chunk(1)
    for name in ("B4", "B8"):
        assert str(band(begun, name)) in str(caught.value)


def test_a_product_replaced_before_any_job_read_it(begun: Begun) -> None:
    set_values(band(begun, "B4"))
    with pytest.raises(InputChangedError, match="what it held then is not known"):
        begun.chunk(0)


def test_a_product_replaced_while_a_chunk_reads_it(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sitsflow.timeseries import observations

    plain = observations.read_layers

    def and_then(layers: Any, window: Any, **options: Any) -> Any:
        values = plain(layers, window, **options)
        if band(begun, "B4") in [layer.path for layer in layers]:
            set_values(band(begun, "B4"))
        return values

    begun.chunk(0)
    monkeypatch.setattr(observations, "read_layers", and_then)
    with pytest.raises(InputChangedError, match=r"_FRE_B4.tif: was replaced"):
        begun.chunk(1)


def test_a_product_that_was_only_touched_is_the_same(begun: Begun) -> None:
    begun.chunk(0)
    touch(band(begun, "B4"))
    begun.chunk(1)


def test_the_mosaic_compares_once_more(begun: Begun) -> None:
    jobs = list(all_jobs(begun.plan, begun.tiles))
    run(begun.request, most=len(jobs) - 1)
    touch(band(begun, "B8"))
    set_values(band(begun, "B4"))
    with pytest.raises(InputChangedError) as caught:
        begun.mosaic()
    assert "_FRE_B4.tif: was replaced" in str(caught.value)
    assert "_FRE_B8.tif" not in str(caught.value)
    assert not begun.plan.paths.map.exists()


def test_a_file_of_another_shape_is_blamed_itself(begun: Begun) -> None:
    path = band(begun, "B4")
    rewrite_smaller(path)
    with pytest.raises(InputChangedError, match=r"_FRE_B4.tif: was replaced"):
        begun.chunk(2)


def rewrite_smaller(path: Path) -> None:
    with rasterio.open(path) as file:
        values, profile = file.read()[:, :10, :10], file.profile
    with rasterio.open(path, "w", **profile | {"height": 10, "width": 10}) as file:
        file.write(values)


def test_a_deleted_file_is_not_tried_again(begun: Begun) -> None:
    path = band(begun, "B4")
    path.unlink()
    with pytest.raises(InputChangedError, match=r"_FRE_B4.tif: .* was planned") as caught:
        begun.chunk(0)
    assert not is_transient(None, None, Failed(data=caught.value))  # type: ignore[arg-type]


def test_a_deleted_product_is_not_tried_again(begun: Begun) -> None:
    shutil.rmtree(band(begun, "B4").parent)
    with pytest.raises(InputChangedError) as caught:
        begun.chunk(0)
    assert not is_transient(None, None, Failed(data=caught.value))  # type: ignore[arg-type]
