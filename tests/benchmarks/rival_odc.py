"""A job with odc-stac, Dask and numba: products as STAC items, loaded onto the map's grid."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dask
import numpy as np
import odc.stac
import pystac
import xarray as xr
from odc.geo.geobox import GeoBox

from sitsflow.dates import to_date
from sitsflow.geo.grid import Grid, bounds_in
from sitsflow.plan import Plan, TilePlan
from sitsflow.products.scenes import Scene
from tests.benchmarks.jobs import MASKS, NDVI_BANDS, Job
from tests.benchmarks.pixel_kernel import features
from tests.benchmarks.result import Result, Work

THREADS = 2
_OUTSIDE = 255  # of masks: beyond the product nothing is valid


def odc_stac(plan: Plan, tile: TilePlan, job: Job) -> Work:
    """Load all layers lazily, in strips of whole rows as the files have them."""
    del plan
    series, grid = tile.series[0], tile.grid
    names = (*job.bands, *MASKS)
    items = [_item(scene, series.grids, names) for scene in series.scenes]
    box = GeoBox(grid.shape, grid.transform, grid.crs)
    rows = tile.chunks[0].height
    described = {name: {"data_type": "int16", "nodata": -10000} for name in job.bands}
    described |= {name: {"data_type": "uint8", "nodata": _OUTSIDE} for name in MASKS}
    odc.stac.configure_rio(cloud_defaults=False, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
    means = job.bands != NDVI_BANDS
    few = np.zeros((len(job.bands), 2, 1, 1), np.int16)
    features(few, np.zeros((3, 2, 1, 1), np.uint8), (0, 1), (0, 1), means)

    def compute(*layers: Any) -> Any:
        bands, masks = (np.stack(part) for part in (layers[: -len(MASKS)], layers[-len(MASKS) :]))
        # Core dimensions come last.
        moved = [np.moveaxis(part, -1, 1) for part in (bands, masks)]
        made = features(*moved, series.days, series.target_days, means)
        return np.moveaxis(made, 0, -1)

    def work(result: Result) -> None:
        loaded = odc.stac.load(
            items,
            bands=names,
            geobox=box,
            chunks={"y": rows, "x": grid.width},
            groupby="time",
            resampling={"*": "cubic"} | dict.fromkeys(MASKS, "nearest"),
            stac_cfg={"sentinel-2": {"assets": described}},
        ).chunk({"time": -1})
        made = xr.apply_ufunc(
            compute,
            *(loaded[name] for name in names),
            input_core_dims=[["time"]] * len(names),
            output_core_dims=[["feature"]],
            dask="parallelized",
            output_dtypes=[np.float32],
            dask_gufunc_kwargs={"output_sizes": {"feature": len(job.scales)}},
        ).transpose("feature", ...)
        # Strip by strip: memory stays that of few strips.
        with dask.config.set(scheduler="threads", num_workers=THREADS):
            for window in tile.chunks:
                part = made[:, window.row : window.row + window.height]
                result.put(window, part.to_numpy())

    return work


def _item(scene: Scene, grids: dict[str, Grid], names: tuple[str, ...]) -> pystac.Item:
    day = to_date(scene.day)
    first = grids[names[0]]
    west, south, east, north = bounds_in(first, "EPSG:4326")
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    item = pystac.Item(
        id=scene.product.name,
        geometry={"type": "Polygon", "coordinates": [ring]},
        bbox=[west, south, east, north],
        datetime=datetime(day.year, day.month, day.day, tzinfo=UTC),
        properties={"proj:epsg": first.rasterio_crs.to_epsg()},
        stac_extensions=["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
        collection="sentinel-2",
    )
    for name in names:
        layer = scene.bands.get(name) or scene.masks[name]
        grid = grids[name]
        place = {"proj:shape": list(grid.shape), "proj:transform": list(grid.transform)[:6]}
        item.add_asset(
            name,
            pystac.Asset(
                str(layer.path), media_type="image/tiff", roles=["data"], extra_fields=place
            ),
        )
    return item
