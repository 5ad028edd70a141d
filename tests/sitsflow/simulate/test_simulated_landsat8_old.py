"""Simulated products of THEIA's old Landsat 8 format are like the real ones that tests use."""

import re
from pathlib import Path

import numpy as np
import rasterio

from sitsflow.products.sensors.model import load_sensors

SENSOR = load_sensors()["Landsat8_old"]


def layout(product: Path, tile: str, day: str) -> set[str]:
    return {
        path.relative_to(product).as_posix().replace(tile, "<tile>").replace(day, "<day>")
        for path in product.rglob("*.TIF")
    }


def read(product: Path, pattern: str) -> np.ndarray:
    (path,) = product.glob(pattern)
    with rasterio.open(path) as raster:
        return raster.read()


def test_files_are_named_as_real_ones(landsat8_old, real_landsat):
    (real,) = (real_landsat / "D0005H0002").glob("*_20160415_*")
    # The real sample also has a mask of its own making, which no format page knows.
    expected = {name for name in layout(real, "D0005H0002", "20160415") if "_NODATA" not in name}
    assert len(landsat8_old) == 2 * 12
    for product in landsat8_old:
        match = re.fullmatch(SENSOR.product, product.name)
        assert match is not None
        assert match["zone"] == "France-Metropole"
        assert match["tile"] == product.parent.name
        assert layout(product, match["tile"], match["date"]) == expected
        for layer in (*SENSOR.bands, *SENSOR.masks):
            assert len(list(product.glob(layer.file))) == 1


def test_the_stack_is_like_a_real_one(landsat8_old):
    (path,) = landsat8_old[0].glob(SENSOR.bands[0].file)
    with rasterio.open(path) as raster:
        assert raster.count == 7
        assert raster.dtypes == ("int16",) * 7
        assert raster.res == (30, 30)
        assert raster.shape == (75, 75)
        assert raster.crs.to_epsg() == 2154
        assert raster.interleaving.name == "pixel"


def test_real_products_lie_in_the_simulated_tiling(real_landsat):
    from sitsflow.simulate.landsat_old import LANDSAT8_OLD

    for folder in real_landsat.iterdir():
        corner = LANDSAT8_OLD.corner(folder.name)
        path = next(folder.rglob("*_PENTE_*.TIF"))
        with rasterio.open(path) as raster:
            west, south, east, north = raster.bounds
            assert (raster.transform.c - corner.x) % 30 == 0
            assert (raster.transform.f - corner.y) % 30 == 0
        assert corner.x <= west < east <= corner.x + 110_000
        assert corner.y - 110_000 <= south < north <= corner.y


def test_reflectances_are_thousandths(landsat8_old):
    clear = []
    for product in landsat8_old:
        stack = read(product, SENSOR.bands[0].file)
        nua, div = read(product, "MASK/*_NUA.TIF")[0], read(product, "MASK/*_DIV.TIF")[0]
        clear.append(stack[:, (nua == 0) & (div & 1 == 0)])
    medians = np.median(np.concatenate(clear, axis=1), axis=1)
    assert (medians[:4] > 10).all()
    assert (medians[:4] < 200).all()
    assert 150 < medians[4] < 500


def test_masks_agree_with_the_pixels(landsat8_old):
    outside_somewhere = saturated_somewhere = 0
    for product in landsat8_old:
        stack = read(product, SENSOR.bands[0].file)
        div, nua, sat = (read(product, f"MASK/*_{name}.TIF")[0] for name in ("DIV", "NUA", "SAT"))
        outside = div & 1 == 1
        np.testing.assert_array_equal(stack == -10000, np.broadcast_to(outside, stack.shape))
        assert not nua[outside].any()
        np.testing.assert_array_equal(nua & 1 > 0, (nua & 2 > 0) | (nua & (64 | 128) > 0))
        for k in range(7):
            np.testing.assert_array_equal(stack[k] == 1600, sat >> k & 1 == 1)
        outside_somewhere += outside.sum()
        saturated_somewhere += (sat > 0).sum()
    assert outside_somewhere > 0
    assert saturated_somewhere > 0
