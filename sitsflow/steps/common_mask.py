"""Step 2: where all sensors of a run saw the ground of a tile, as a raster and as polygons."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes

from sitsflow.geo.grid import Grid
from sitsflow.io.opening import reading
from sitsflow.io.record import TaskRecord
from sitsflow.io.write import atomic, write_raster
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.tags import file_tags
from sitsflow.timeseries.observations import Observations

if TYPE_CHECKING:
    import geopandas

log = logging.getLogger(__name__)


def write_common_mask(plan: Plan, tile_plan: TilePlan) -> TaskRecord:
    """Write ``MaskCommunSL.tif`` (1 where every sensor has a date inside its swath) and ``.shp``.

    Clouds do not count. Features do not use it: they are nodata where no date is valid.
    """
    path = plan.paths.common_mask(tile_plan.tile)
    mask = common_mask(plan, tile_plan)
    write_raster(
        path,
        mask[np.newaxis].astype(np.uint8),
        tile_plan.grid,
        nodata=None,
        descriptions=["seen by all sensors"],
        tags=file_tags(plan, [tile_plan], tile_plan.common_mask.fingerprint),
        compression=plan.request.compression,
    )
    vector = path.with_suffix(".shp")
    with atomic(vector) as temporary:
        # The type is given, because an empty mask has no polygon that shows it.
        polygons(mask, tile_plan.grid).to_file(
            temporary, driver="ESRI Shapefile", geometry_type="Polygon"
        )
        temporary.with_suffix(".cpg").unlink(missing_ok=True)  # it has no text: iota2's has none
    log.info("%s: %.1f %% seen by all sensors", tile_plan.tile, 100 * mask.mean())
    parts = [vector.with_suffix(ending) for ending in (".shp", ".shx", ".dbf", ".prj")]
    return TaskRecord(
        task="common_mask",
        tile=tile_plan.tile,
        outputs=(path, *(part for part in parts if part.exists())),
        pixels=mask.size,
    )


def common_mask(plan: Plan, tile_plan: TilePlan) -> NDArray[np.bool_]:
    """Tell where every sensor saw the ground on some date; (row, col) of the tile."""
    mask = np.ones(tile_plan.grid.shape, bool)
    with reading(remote=plan.request.allow_remote):
        for window in tile_plan.chunks:
            for series in tile_plan.dated_series:
                observed = Observations(series, tile_plan.grid, window, plan.request.resampling)
                mask[window.slices] &= observed.footprint()
    return mask


def polygons(mask: NDArray[np.bool_], grid: Grid) -> geopandas.GeoDataFrame:
    """Return the True parts of a mask as polygons, with the field DN = 1 as GDAL names it."""
    import geopandas  # slow to import, and the flow that maps this step needs none of it

    found = [
        shapely.geometry.shape(geometry)
        for geometry, _ in shapes(mask.astype(np.uint8), mask=mask, transform=grid.transform)
    ]
    return geopandas.GeoDataFrame({"DN": [1] * len(found)}, geometry=found, crs=grid.crs)
