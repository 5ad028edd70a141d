"""The user's own raster, given to user functions in addition to the series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import InputChangedError, MissingInputError, ProductError, ReadError
from sitsflow.geo.coordinates import node_step, source_coordinates, source_window
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import nearest
from sitsflow.io.opening import reading
from sitsflow.io.read import read_bands, read_header, read_names
from sitsflow.request import Request

PLACEHOLDER = "$TILE"


def raster_path(request: Request, tile: str) -> Path | None:
    """Return the raster for a tile: ``$TILE`` in its path stands for the tile's name."""
    if request.exogenous is None:
        return None
    return Path(str(request.exogenous).replace(PLACEHOLDER, tile))


def describe_raster(request: Request, tile: str) -> tuple[int, list[str]] | None:
    """Return the number of bands and their descriptions, None if the run has no raster.

    Raises
    ------
    MissingInputError
        If the file is not there or not a raster.
    """
    path = raster_path(request, tile)
    if path is None:
        return None
    try:
        with reading(sidecars=True):
            return read_header(path).count, read_names(path)
    except (InputChangedError, ProductError, ReadError) as error:
        raise MissingInputError(f"external_features.exogeneous_data: {error}") from None


def describe_header(path: Path) -> dict[str, Any]:
    """Return what functions see of a raster besides its pixels: grid, no-data value, names."""
    with reading(sidecars=True):
        header = read_header(path).model_dump(exclude={"block"})
        return header | {"names": read_names(path)}


def read_exogenous(
    request: Request, tile: str, tile_grid: Grid, window: Window
) -> tuple[NDArray[np.float32], list[str]] | None:
    """Read the raster over a window of a tile: (row, col, band) float32 and the bands' names.

    Where grids do not coincide the nearest pixel is taken, so that class codes stay codes. NaN
    outside the raster and where it has no data.
    """
    path = raster_path(request, tile)
    if path is None:
        return None
    with reading(sidecars=True):
        header = read_header(path)
        names = read_names(path)
        step = node_step(tile_grid, header.grid)
        source = source_window(tile_grid, window, header.grid, step, 0)
        if source is None:
            return np.full((*window.shape, header.count), np.nan, np.float32), names
        values = read_bands(path, source).astype(np.float32)
    if header.nodata is not None:
        values[values == np.float32(header.nodata)] = np.nan
    coordinates = source_coordinates(tile_grid, window, header.grid, step)
    placed = nearest(values, coordinates, source, np.nan)
    return np.moveaxis(placed, 0, -1), names
