"""sitsflow's own computation in one process, and parts of it: floors of what a job can cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterioWindow

from sitsflow.io import read
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.chunk import compute_chunk
from tests.benchmarks.jobs import MASKS, Job
from tests.benchmarks.pixel_kernel import features
from tests.benchmarks.result import Result, Work

GDAL = {"GDAL_NUM_THREADS": "1", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}


def engine(plan: Plan, tile: TilePlan, job: Job) -> Work:
    """Read, mask, resample, interpolate and compute all chunks."""
    del job
    compute_chunk(plan, tile, 0)  # its first call loads compiled code

    def work(result: Result) -> None:
        for index, window in enumerate(tile.chunks):
            result.put(window, compute_chunk(plan, tile, index).values)

    return work


def reading_only(plan: Plan, tile: TilePlan, job: Job) -> Work:
    """Read with rasterio what the engine reads: the same windows of the same files."""
    del job
    kept = list(_kept_reads(plan, tile, pixels=False))

    def work(result: Result) -> None:
        del result
        with rasterio.Env(**GDAL):
            for path, indices, (row, col, height, width) in kept:
                with rasterio.open(path) as raster:
                    raster.read(list(indices), window=RasterioWindow(col, row, width, height))

    return work


def kernels_only(plan: Plan, tile: TilePlan, job: Job) -> Work:
    """The engine, with all that it reads in memory already."""
    _read_from(_kept_reads(plan, tile, pixels=True))
    return engine(plan, tile, job)


def warper(plan: Plan, tile: TilePlan, job: Job) -> Work:
    """Read the bands that the engine reads through GDAL's cubic warper, and no more."""
    del plan
    grid = tile.grid

    def work(result: Result) -> None:
        del result
        with rasterio.Env(**GDAL):
            for window in tile.chunks:
                place = RasterioWindow(window.col, window.row, window.width, window.height)
                for scene in tile.series[0].scenes:
                    for name in job.bands:
                        with (
                            rasterio.open(scene.bands[name].path) as source,
                            WarpedVRT(
                                source,
                                crs=grid.crs,
                                transform=grid.transform,
                                width=grid.width,
                                height=grid.height,
                                resampling=Resampling.cubic,
                                src_nodata=-10000,
                            ) as warped,
                        ):
                            warped.read(1, window=place)

    return work


def fused(plan: Plan, tile: TilePlan, job: Job) -> Work:
    """Plain windows of rasterio and one kernel, written for this job in the products' own grid."""
    del plan
    series = tile.series[0]
    if any(series.grids[name] != tile.grid for name in (*job.bands, *MASKS)):
        raise ValueError("the job's grid is not that of its products")
    few = np.zeros((2, 2, 1, 1), np.int16)
    features(few, np.zeros((3, 2, 1, 1), np.uint8), (0, 1), (0, 1), False)

    def work(result: Result) -> None:
        with rasterio.Env(**GDAL):
            for window in tile.chunks:
                place = RasterioWindow(window.col, window.row, window.width, window.height)
                shape = (len(series.scenes), *window.shape)
                bands = np.empty((len(job.bands), *shape), np.int16)
                masks = np.empty((len(MASKS), *shape), np.uint8)
                for at, scene in enumerate(series.scenes):
                    wanted = [
                        *((scene.bands[name], bands[n, at]) for n, name in enumerate(job.bands)),
                        *((scene.masks[name], masks[n, at]) for n, name in enumerate(MASKS)),
                    ]
                    for layer, out in wanted:
                        with rasterio.open(layer.path) as raster:
                            raster.read(layer.index, window=place, out=out)
                made = features(bands, masks, series.days, series.target_days, False)
                result.put(window, made)

    return work


_Read = tuple[Path, tuple[int, ...], tuple[int, int, int, int]]
_read_product: Callable[..., Any] = read._read_product


def _key(layers: Any, window: Any) -> _Read:
    place = (window.row, window.col, window.height, window.width)
    return layers[0].path, tuple(layer.index for layer in layers), place


def _kept_reads(plan: Plan, tile: TilePlan, *, pixels: bool) -> dict[_Read, Any]:
    """Compute all chunks once, and keep what is read for them, with its pixels or without."""
    kept: dict[_Read, Any] = {}

    def keep(layers: Any, window: Any) -> Any:
        values = _read_product(layers, window)
        kept[_key(layers, window)] = values if pixels else None
        return values

    read._read_product = keep
    try:
        for index in range(len(tile.chunks)):
            compute_chunk(plan, tile, index)
    finally:
        read._read_product = _read_product
    return kept


def _read_from(kept: dict[_Read, Any]) -> None:
    read._read_product = lambda layers, window: kept[_key(layers, window)]
