"""The writing of simulated rasters: GeoTIFF as THEIA, JPEG 2000 as ESA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint

from sitsflow.geo.grid import Grid

_STRIP_ROWS = 64
_JPEG2000_TILE = 1024


def write_raster(path: Path, layers: NDArray[Any], grid: Grid) -> None:
    """Write `layers`, shape (band, row, col), as a GeoTIFF of strips without a nodata tag.

    Nothing is said of nodata in the file: a reader must know it from the sensor's description.
    """
    options: dict[str, Any] = {"predictor": 2} if layers.dtype.itemsize > 1 else {}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        crs=grid.rasterio_crs,
        transform=grid.transform,
        count=layers.shape[0],
        height=grid.height,
        width=grid.width,
        dtype=np.dtype(layers.dtype).name,
        compress="deflate",
        zlevel=1,
        interleave="pixel" if layers.shape[0] > 1 else "band",
        blockysize=min(_STRIP_ROWS, grid.height),
        **options,
    ) as raster:
        raster.write(layers)


def write_jpeg2000(path: Path, numbers: NDArray[Any], grid: Grid) -> None:
    """Write one band, shape (row, col), as JPEG 2000 without loss, in tiles as Sentinel-2 has them.

    A smaller image is one tile.
    """
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        crs=grid.rasterio_crs,
        transform=grid.transform,
        count=1,
        height=grid.height,
        width=grid.width,
        dtype=np.dtype(numbers.dtype).name,
        quality=100,
        reversible=True,
        ycbcr420=False,
        blockxsize=_JPEG2000_TILE,
        blockysize=_JPEG2000_TILE,
    ) as raster:
        raster.write(numbers, 1)


def write_radar(path: Path, numbers: NDArray[np.uint16], places: NDArray[np.float64]) -> None:
    """Write a radar image, shape (line, sample), as a GeoTIFF without a grid.

    `places` has a row of line, pixel, longitude, latitude and height a ground control point.
    """
    points = [
        GroundControlPoint(row=row, col=col, x=x, y=y, z=z) for row, col, x, y, z in places.tolist()
    ]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=numbers.shape[0],
        width=numbers.shape[1],
        dtype="uint16",
        gcps=points,
        crs="EPSG:4326",
        blockysize=1,
    ) as raster:
        raster.write(numbers, 1)
