"""The area of interest: any vector file, as bounds, a test for tiles, and a mask for chunks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from sitsflow.errors import MissingInputError
from sitsflow.grid import Bounds, Grid


@lru_cache(maxsize=4)
def read_area(path: Path, crs: str) -> Any:
    """Read a vector file as one shapely geometry in `crs`.

    Raises
    ------
    MissingInputError
        If it cannot be read, is empty, or says no CRS.
    """
    try:
        frame = geopandas.read_file(path)
    except Exception as error:  # noqa: BLE001  (pyogrio's errors have no common base)
        raise MissingInputError(f"{path}: not a vector file that can be read ({error})") from None
    if frame.crs is None:
        raise MissingInputError(f"{path}: no coordinate reference system")
    shape = frame.geometry[frame.geometry.notna()].to_crs(crs).union_all()
    if shape.is_empty or shape.area == 0:
        raise MissingInputError(f"{path}: holds no polygon")
    return shape


def touches(shape: Any, bounds: Bounds) -> bool:
    """Whether the area has a part inside a rectangle."""
    return bool(shapely.box(*bounds).intersects(shape))


def inside(shape: Any, grid: Grid) -> NDArray[np.bool_]:
    """Tell which pixels of a grid have their centre in the area; (row, col)."""
    if not touches(shape, grid.bounds):
        return np.zeros(grid.shape, bool)
    burnt = rasterize([shape], out_shape=grid.shape, transform=grid.transform, dtype="uint8")
    return np.asarray(burnt, bool)
