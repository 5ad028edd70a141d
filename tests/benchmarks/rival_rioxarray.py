"""A job with rioxarray and numba: windows of files, reprojected onto strips of the map.

Masked pixels are taken out of the bands before these are resampled, so that no cloud bleeds.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rioxarray
from rasterio.enums import Resampling

from sitsflow.geo.grid import Grid, Window, bounds_in
from sitsflow.plan import Plan, TilePlan
from tests.benchmarks.engine import GDAL
from tests.benchmarks.jobs import MASKS, NDVI_BANDS, Job
from tests.benchmarks.pixel_kernel import NODATA, features
from tests.benchmarks.result import Result, Work

_MARGIN = 3  # pixels of the source that bicubic resampling needs around those under a strip
_OUTSIDE = 255  # of masks: beyond the product nothing is valid


def with_rioxarray(plan: Plan, tile: TilePlan, job: Job) -> Work:
    """Take strip by strip, one after the other: memory is that of one strip of all dates."""
    del plan
    series = tile.series[0]
    means = job.bands != NDVI_BANDS
    few = np.zeros((len(job.bands), 2, 1, 1), np.int16)
    features(few, np.zeros((1, 2, 1, 1), np.uint8), (0, 1), (0, 1), means)
    grids = {name: series.grids[name] for name in (*job.bands, *MASKS)}
    of_masks = grids[MASKS[0]]

    def work(result: Result) -> None:
        for window in tile.chunks:
            strip = tile.grid.part(window)
            under = _under(strip, set(grids.values()))
            shape = (len(series.scenes), *window.shape)
            bands = np.empty((len(job.bands), *shape), np.int16)
            masks = np.empty((1, *shape), np.uint8)
            for at, scene in enumerate(series.scenes):
                layers = [_read(scene.masks[name].path, under[of_masks]) for name in MASKS]
                invalid = layers[0].copy(data=np.any(layers, axis=0).astype(np.uint8))
                masks[0, at] = _onto(strip, invalid, _OUTSIDE, Resampling.nearest)
                for n, name in enumerate(job.bands):
                    grid = grids[name]
                    band = _read(scene.bands[name].path, under[grid])
                    if strip.shape != band.shape:
                        band = _without(band, invalid.to_numpy())
                    bands[n, at] = _onto(strip, band, NODATA, Resampling.cubic)
            made = features(bands, masks, series.days, series.target_days, means)
            result.put(window, made)

    def in_environment(result: Result) -> None:
        with rasterio.Env(**GDAL):
            work(result)

    return in_environment


def _under(strip: Grid, grids: Collection[Grid]) -> dict[Grid, Window]:
    """Return the pixels of each grid that a strip needs; all windows have the same outline."""
    coarsest = max(grids, key=lambda grid: grid.xres)
    if all(strip.offset_in(grid) is not None for grid in grids):
        bounds = strip.bounds
    else:
        west, south, east, north = bounds_in(strip, coarsest.crs)
        wide, high = _MARGIN * coarsest.xres, _MARGIN * coarsest.yres
        around = coarsest.window_of((west - wide, south - high, east + wide, north + high))
        assert around is not None
        bounds = coarsest.part(around).bounds
    found = {grid: grid.window_of(bounds) for grid in grids}
    return {grid: window for grid, window in found.items() if window is not None}


def _read(path: Path, window: Window) -> Any:
    rows, cols = window.slices
    with rioxarray.open_rasterio(path) as raster:
        return raster.squeeze("band", drop=True)[rows, cols].load()


def _without(band: Any, invalid: Any) -> Any:
    """Take the pixels out of a band under which a mask has one, which may be smaller."""
    rows, cols = band.shape
    step = len(invalid) // rows
    masked = invalid.reshape(rows, step, cols, step).any(axis=(1, 3))
    return band.copy(data=np.where(masked, np.int16(NODATA), band.to_numpy()))


def _onto(strip: Grid, layer: Any, nodata: int, resampling: Resampling) -> Any:
    """Bring a layer onto the pixels of a strip; it has them already where the shapes are equal."""
    if layer.shape == strip.shape:
        return layer.to_numpy()
    resampled = layer.rio.write_nodata(nodata).rio.reproject(
        strip.crs,
        shape=strip.shape,
        transform=strip.transform,
        resampling=resampling,
        nodata=nodata,
    )
    return resampled.to_numpy()
