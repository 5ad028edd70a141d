"""The two jobs that are compared; each runs in a process of its own."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterioWindow

from sitsflow.plan import Plan, TilePlan
from sitsflow.planning.planner import make_plan
from sitsflow.request import Chunking, FunctionCall, Request, SensorRequest
from sitsflow.steps.chunk import compute_chunk

FUNCTIONS = ("get_cumulative_productivity", "get_minimum_productivity", "get_seasonal_variation")


def plan_for(products: Path, crs: str, chunks: int) -> tuple[Plan, TilePlan]:
    """Plan the tutorial's three functions over the one simulated tile."""
    request = Request(
        output_path=products.parent / "map",
        tiles=("T31TCJ",),
        sensors=(
            SensorRequest(
                sensor="Sentinel_2",
                root=products,
                start=date(2018, 1, 1),
                end=date(2018, 12, 31),
                temporal_resolution=10,
            ),
        ),
        auto_date=False,
        crs=crs,
        resolution=(10, 10),
        concat_mode=False,
        functions=tuple(FunctionCall(name=name) for name in FUNCTIONS),
        chunking=Chunking(mode="split_number", number=chunks),
    )
    plan, tiles = make_plan(request)
    return plan, tiles["T31TCJ"]


def whole_map(plan: Plan, tile: TilePlan) -> None:
    """Read, mask, resample, interpolate and compute: all chunks, nothing written."""
    for index in range(len(tile.chunks)):
        compute_chunk(plan, tile, index)


def gdal_warp(plan: Plan, tile: TilePlan) -> None:
    """Read the same windows of the same two bands through GDAL's cubic warper, and no more."""
    grid = tile.grid
    with rasterio.Env(GDAL_NUM_THREADS="1", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        for window in tile.chunks:
            place = RasterioWindow(window.col, window.row, window.width, window.height)
            for scene in tile.series[0].scenes:
                for name in tile.series[0].read:
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


JOBS: dict[str, Callable[[Plan, TilePlan], None]] = {"sitsflow": whole_map, "warper": gdal_warp}


def main(job: str, products: str, crs: str, chunks: str) -> None:
    """Run one job and print what it took, as JSON."""
    plan, tile = plan_for(Path(products), crs, int(chunks))
    # Compiled code is kept on disk; loading it, and the first call, are not what is measured.
    compute_chunk(plan, tile, 0)
    wall, cpu = time.perf_counter(), time.process_time()
    JOBS[job](plan, tile)
    figures = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
