"""Three sensors on one piece of ground: their products, and the map of them by slow means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from sitsflow.geo.grid import Grid
from sitsflow.request import Request, SensorRequest
from sitsflow.simulate import simulate
from tests.reference_map import day_of, interpolated, ndvi, sensor_series
from tests.requests import calls

TILE = "T31TCJ"
NODATA = -10000
FIRST, LAST = date(2018, 5, 1), date(2018, 7, 30)

MODULE = '''
def all_ndvi(self):
    """Mean NDVI of each sensor, and the sum of all over all dates."""
    import numpy as np

    series = [
        self.get_interpolated_Landsat8Old_NDVI(),
        self.get_interpolated_Landsat8USGS_NDVI(),
        self.get_interpolated_Sentinel2_NDVI(),
    ]
    means = np.stack([one.mean(axis=2) for one in series], axis=2)
    total = sum(one.sum(axis=2) for one in series)
    return np.dstack([means, total]), ["l8_old", "l8_usgs", "s2", "total"]
'''


class Part(NamedTuple):
    """A sensor of the run: what its agency calls the tile, its dates, where it lies, its bands."""

    tile: str
    every: int
    size: int
    crs: str
    corner: tuple[float, float]
    """North-west, in UTM zone 31, whatever the products' own system."""
    step: int
    bands: tuple[str, str]
    """Red and near infrared."""
    sample: str
    """Pattern of files on the grid of these bands and of the masks."""


_WRS, _MGRS, _OLD = "tile199029", "T31TCJ", "D0005H0002"
PARTS = {
    "Landsat8_old": Part(
        _OLD, 16, 18, "EPSG:2154", (299_900, 4_900_000), 16, ("B4", "B5"), "*_PENTE_*.TIF"
    ),
    "Landsat8_usgs": Part(
        _WRS, 24, 16, "EPSG:32631", (300_015, 4_899_915), 20, ("B4", "B5"), "*_SR_B4.TIF"
    ),
    "Sentinel_2": Part(
        _MGRS, 10, 32, "EPSG:32631", (300_000, 4_899_900), 10, ("B4", "B8"), "*_FRE_B4.tif"
    ),
}
"""In the order of the native stack; all on the ground of the Sentinel-2 products, or around it."""


def make_products(root: Path) -> dict[str, Path]:
    """Write the products of all sensors in folders called as Sentinel-2's tile; return roots."""
    for sensor, part in PARTS.items():
        simulate(root / sensor, sensor, [part.tile], FIRST, LAST, part.every, part.size, seed=12)
        (root / sensor / part.tile).rename(root / sensor / TILE)
        (x,), (y,) = transform("EPSG:32631", part.crs, [part.corner[0]], [part.corner[1]])
        for path in (root / sensor).rglob("*.[tT][iI][fF]"):
            _place(path, part.crs, round(x), round(y))
    return {sensor: root / sensor for sensor in PARTS}


def _place(path: Path, crs: str, x: float, y: float) -> None:
    with rasterio.open(path, "r+") as file:
        file.crs = CRS.from_string(crs)
        file.transform = Affine(file.res[0], 0, x, 0, -file.res[1], y)


def request_for(roots: Mapping[str, Path], output: Path, module: Path, **changes) -> Request:
    """Ask for two bands, NDVI and Brightness of each sensor, and a function of all three."""
    keys = {
        "output_path": output,
        "tiles": (TILE,),
        "sensors": tuple(
            SensorRequest(
                sensor=sensor,
                root=roots[sensor],
                start=FIRST,
                end=LAST,
                temporal_resolution=part.step,
                keep_bands=part.bands,
            )
            for sensor, part in PARTS.items()
        ),
        "auto_date": False,
        "crs": "EPSG:2154",
        "resolution": (15.0, 15.0),
        "resampling": "nearest",
        "module": module,
        "functions": calls("all_ndvi"),
    }
    return Request(**keys | changes)


def expected_map(roots: Mapping[str, Path], grid: Grid) -> np.ndarray:
    """Return the native features and the function's bands on a grid, by plain NumPy."""
    native, indices = [], []
    for sensor, part in PARTS.items():
        days, valid, raw = sensor_series(sensor, roots[sensor], TILE, part.bands)
        targets = np.arange(day_of(f"{FIRST:%Y%m%d}"), day_of(f"{LAST:%Y%m%d}") + 1, part.step)
        sample = next(roots[sensor].rglob(part.sample))
        red, nir = (
            _picked(interpolated(raw[band], valid, days, targets), sample, grid)
            for band in part.bands
        )
        index = ndvi(red, nir)
        native += [np.stack([red, nir], axis=1).reshape(-1, *grid.shape), index]
        native.append(np.sqrt(red**2 + nir**2))
        indices.append(index)
    means = [one.mean(axis=0) for one in indices]
    total = sum(one.sum(axis=0) for one in indices)
    # What a function makes of a pixel that one of the sensors lacks is no data.
    found = np.concatenate([*native, np.stack([*means, total])])
    return np.where(np.isfinite(found), found, NODATA)


def _picked(values: np.ndarray, sample: Path, grid: Grid) -> np.ndarray:
    """Take the nearest pixel of each place of a grid, NaN where there is none; (date, row, col)."""
    rows, cols = np.indices(grid.shape)
    xs = grid.x + (cols.ravel() + 0.5) * grid.xres
    ys = grid.y - (rows.ravel() + 0.5) * grid.yres
    with rasterio.open(sample) as file:
        xs, ys = transform(grid.crs, file.crs, xs, ys)
        left, top = ~file.transform @ (np.array(xs), np.array(ys))
        at, to = np.floor(top).astype(int), np.floor(left).astype(int)
        inside = (at >= 0) & (at < file.height) & (to >= 0) & (to < file.width)
    out = np.full((len(values), at.size), np.nan)
    out[:, inside] = values[:, at[inside], to[inside]]
    return out.reshape(len(values), *grid.shape)
