"""The area of interest: any vector file, as bounds, a test for tiles, and a mask for chunks."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from sitsflow.digest import digest_files
from sitsflow.errors import MissingInputError
from sitsflow.geo.grid import Bounds, Grid
from sitsflow.geo.network import NETWORK_OFF

_PIECES = 200
"""Parts that the longest side of an area is cut in: straight edges bend in another projection."""


def read_area(path: Path, crs: str) -> Any:
    """Read a vector file as one shapely geometry in `crs`: the union of its polygons.

    Points and lines are ignored; polygons that cross themselves are repaired.

    Raises
    ------
    MissingInputError
        If it cannot be read, holds no polygon, or says no CRS.
    """
    if not path.exists():
        raise MissingInputError(f"{path}: no such file")
    return _read(path, crs, _state(path))


def area_digest(path: Path, crs: str) -> str:
    """Return a digest of the area of a vector file, in `crs`."""
    return hashlib.sha256(shapely.to_wkb(read_area(path, crs))).hexdigest()


def _state(path: Path) -> str:
    """Digest names, sizes and times of change of a vector file and those that belong to it."""
    folder = path if path.is_dir() else path.parent
    return digest_files(
        file
        for file in folder.iterdir()
        if file.is_file() and (folder == path or file.name.startswith(f"{path.stem}."))
    )


@lru_cache(maxsize=4)
def _read(path: Path, crs: str, state: str) -> Any:
    import geopandas  # slow to import, and few runs have an area
    import pyogrio

    del state  # part of the key: a file that changed is read again
    # Pyogrio has a GDAL of its own, beside rasterio's, and one that reads nothing else here.
    pyogrio.set_gdal_config_options(NETWORK_OFF)
    try:
        frame = geopandas.read_file(path)
    except Exception as error:  # noqa: BLE001  (pyogrio's errors have no common base)
        raise MissingInputError(f"{path}: not a vector file that can be read ({error})") from None
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise MissingInputError(f"{path}: a table without geometries")
    if frame.crs is None:
        raise MissingInputError(f"{path}: no coordinate reference system")
    shapes = frame.geometry[frame.geometry.notna() & ~frame.geometry.is_empty].force_2d()
    parts = shapes.make_valid().explode(ignore_index=True).explode(ignore_index=True)
    parts = parts[parts.geom_type == "Polygon"]
    if not shapely.area(parts.values).sum() > 0:
        raise MissingInputError(f"{path}: holds no polygon")
    west, south, east, north = parts.total_bounds
    fine = parts.segmentize(max(east - west, north - south) / _PIECES)
    shape = fine.to_crs(crs).make_valid().union_all()
    if not np.isfinite(shape.bounds).all():
        raise MissingInputError(f"{path}: its polygons do not transform to {crs}")
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
