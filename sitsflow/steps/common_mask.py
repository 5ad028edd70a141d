"""Step 2: where all sensors of a run saw the ground of a tile, as a raster and as polygons."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes
from rasterio.windows import Window as RasterioWindow

from sitsflow.geo.grid import Grid, Window
from sitsflow.io.opening import opened, reading_for
from sitsflow.io.record import TaskRecord
from sitsflow.io.write import atomic, create, strips
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.tags import file_tags
from sitsflow.timeseries.observing import observe

if TYPE_CHECKING:
    import geopandas

log = logging.getLogger(__name__)

_CACHE_BYTES = 32_000_000  # a row of blocks of the file, twice: it is looked at row by row


def write_common_mask(plan: Plan, tile_plan: TilePlan) -> TaskRecord:
    """Write ``MaskCommunSL.tif`` (1 where every sensor has a date inside its swath) and ``.shp``.

    Clouds do not count. Features do not use it: they are nodata where no date is valid.
    """
    path = plan.paths.common_mask(tile_plan.tile)
    grid = tile_plan.grid
    seen = 0
    with create(
        path,
        grid,
        dtype="uint8",
        nodata=None,
        descriptions=["seen by all sensors"],
        tags=file_tags(plan, [tile_plan], tile_plan.common_mask.fingerprint),
        compression=plan.request.compression,
    ) as file:
        for window in strips(grid):
            mask = common_mask(plan, tile_plan, window)
            seen += int(np.count_nonzero(mask))
            place = RasterioWindow(window.col, window.row, window.width, window.height)
            file.write(mask.view(np.uint8), 1, window=place)
    pixels = grid.height * grid.width
    vector = path.with_suffix(".shp")
    with atomic(vector) as temporary:
        # The type is given, because an empty mask has no polygon that shows it.
        outlines = _polygons(path, grid, whole=seen == pixels)
        outlines.to_file(temporary, driver="ESRI Shapefile", geometry_type="Polygon")
        temporary.with_suffix(".cpg").unlink(missing_ok=True)  # it has no text: iota2's has none
    log.info("%s: %.1f %% seen by all sensors", tile_plan.tile, 100 * seen / pixels)
    parts = [vector.with_suffix(ending) for ending in (".shp", ".shx", ".dbf", ".prj")]
    return TaskRecord(
        task="common_mask",
        tile=tile_plan.tile,
        outputs=(path, *(part for part in parts if part.exists())),
        pixels=pixels,
    )


def common_mask(plan: Plan, tile_plan: TilePlan, window: Window) -> NDArray[np.bool_]:
    """Tell where every sensor saw the ground on some date; (row, col) of a window of the tile."""
    mask = np.ones(window.shape, bool)
    with reading_for(plan.request):
        for series in tile_plan.dated_series:
            observed = observe(series, tile_plan.grid, window, plan.request.resampling)
            mask &= observed.footprint()
    return mask


def _polygons(path: Path, grid: Grid, *, whole: bool) -> geopandas.GeoDataFrame:
    """Return where a mask's file is 1 as polygons, with the field DN = 1 as GDAL names it.

    GDAL reads the file row by row: the whole mask is never in memory. Of a mask that is 1 all over,
    the `whole` tile, it would take two seconds to find the outline.
    """
    import geopandas  # slow to import, and the flow that maps this step needs none of it

    found = [shapely.box(*grid.bounds)] if whole else _outlines(path, grid)
    return geopandas.GeoDataFrame({"DN": [1] * len(found)}, geometry=found, crs=grid.crs)


def _outlines(path: Path, grid: Grid) -> list[shapely.Geometry]:
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES), opened(path) as file:
        band = rasterio.band(file, 1)
        return [
            shapely.geometry.shape(geometry)
            for geometry, _ in shapes(band, mask=band, transform=grid.transform)
        ]
