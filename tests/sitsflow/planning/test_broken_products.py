"""Products with a file that is not whole, or not where the others are: which one is blamed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window as RasterioWindow

from sitsflow.errors import ProductError
from sitsflow.planning.planner import make_plan
from tests.products import by_date, copy_of
from tests.requests import tutorial
from tests.slow import mostly_slow


@pytest.fixture
def root(products: Path, tmp_path: Path) -> Path:
    return copy_of(products, tmp_path / "root")


def unwrite(path: Path) -> None:
    """Write a file again without its last rows."""
    with rasterio.open(path) as file:
        values, profile = file.read(), file.profile
    rows = values.shape[1] // 2
    profile.update(tiled=False, blockysize=rows // 2, sparse_ok=True)
    profile.pop("blockxsize", None)
    with rasterio.open(path, "w", **profile) as file:
        file.write(values[:, :rows], window=RasterioWindow(0, 0, values.shape[2], rows))
    with rasterio.open(path) as file:
        assert not np.any(file.read()[:, rows:])


@pytest.mark.parametrize("pattern", ["*_FRE_B4.tif", "MASKS/*_CLM_R1.tif"])
def test_a_file_with_blocks_never_written_is_broken(root, tmp_path, pattern):
    bad = by_date(root)[3]
    path = next(bad.glob(pattern))
    unwrite(path)
    request = tutorial(root, tmp_path / "out")
    with pytest.raises(ProductError, match="1 product is broken") as caught:
        make_plan(request)
    assert f"{path}: never written: the block at row" in str(caught.value)
    plan, tiles = make_plan(request.model_copy(update={"skip_broken_products": True}))
    assert [one.product for one in plan.skipped] == [bad]
    assert bad not in [scene.product for scene in tiles["T31TCJ"].series[0].scenes]


def set_crs(path: Path) -> None:
    with rasterio.open(path, "r+") as file:
        file.crs = "EPSG:32630"


def shift(path: Path) -> None:
    with rasterio.open(path, "r+") as file:
        file.transform = file.transform @ rasterio.Affine.translation(0.4, 0)


@pytest.mark.parametrize("move", [set_crs, shift])
@pytest.mark.parametrize("pattern", ["*_FRE_B2.tif", "*_FRE_B4.tif", "MASKS/*_CLM_R1.tif"])
@pytest.mark.parametrize("dates", mostly_slow([2, 13], quick=1))
def test_the_product_with_a_file_elsewhere_is_blamed_though_it_is_the_first(
    root: Path, tmp_path: Path, move: Callable[[Path], None], pattern: str, dates: int
) -> None:
    for product in by_date(root)[dates:]:
        shutil.rmtree(product)
    bad, *good = by_date(root)
    path = next(bad.glob(pattern))
    move(path)
    request = tutorial(
        root, tmp_path / "out", functions=(), concat_mode=True, minimum_required_dates=1
    )
    with pytest.raises(ProductError, match="1 product is broken") as caught:
        make_plan(request)
    assert f"{path}: on another grid than the other dates" in str(caught.value)
    plan, tiles = make_plan(request.model_copy(update={"skip_broken_products": True}))
    assert [one.product for one in plan.skipped] == [bad]
    assert [scene.product for scene in tiles["T31TCJ"].series[0].scenes] == good
    assert plan.mosaic_grid.crs == "EPSG:32631"
