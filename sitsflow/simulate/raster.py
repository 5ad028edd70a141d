"""The writing of simulated rasters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from sitsflow.geo.grid import Grid

_STRIP_ROWS = 64


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
