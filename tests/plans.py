"""Small plans made by hand, for tests that need one and no products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sitsflow.geo.grid import Grid, Window, union
from sitsflow.io.write import write_raster
from sitsflow.plan import Dependencies, Plan, TilePlan
from sitsflow.request import Request, SensorRequest

CRS = "EPSG:2154"
NODATA = -10000.0


def grid_at(
    row: float, col: float, height: int, width: int, resolution: float = 10.0, crs: str = CRS
) -> Grid:
    """A grid whose first pixel is `row` pixels south and `col` east of a fixed corner."""
    return Grid(
        crs=crs,
        x=500_000 + col * resolution,
        y=6_300_000 - row * resolution,
        xres=resolution,
        yres=resolution,
        height=height,
        width=width,
    )


def strips(grid: Grid, number: int) -> tuple[Window, ...]:
    """Cut a grid in `number` strips of rows."""
    edges = np.linspace(0, grid.height, number + 1).round().astype(int).tolist()
    return tuple(
        Window(row=top, col=0, height=bottom - top, width=grid.width)
        for top, bottom in pairwise(edges)
    )


def mosaic_of(grids: Sequence[Grid]) -> Grid:
    """The grid from the first grid's pixels that covers all of `grids`."""
    first = grids[0]
    west, south, east, north = union([grid.bounds for grid in grids])
    left, top = round((west - first.x) / first.xres), round((first.y - north) / first.yres)
    return first.model_copy(
        update={
            "x": first.x + left * first.xres,
            "y": first.y - top * first.yres,
            "height": round((north - south) / first.yres),
            "width": round((east - west) / first.xres),
        }
    )


def plan_for(
    output: Path,
    tiles: Mapping[str, Grid],
    labels: Sequence[str] = ("one", "two"),
    chunks: Mapping[str, Sequence[Window]] | int = 1,
    mosaic_grid: Grid | None = None,
    **request: Any,
) -> tuple[Plan, dict[str, TilePlan]]:
    """A plan without products for tiles on the given grids, in the order of the mapping.

    `chunks` are windows by tile, or a number of strips; `request` overrides the request's fields.
    """
    fields: dict[str, Any] = {
        "output_path": output,
        "tiles": tuple(tiles),
        "sensors": (
            SensorRequest(sensor="Sentinel_2", root=output / "products", temporal_resolution=10),
        ),
        "crs": CRS,
        "no_data_value": NODATA,
    }
    plan = Plan(
        version="0.1.0",
        request=Request(**(fields | request)),
        tile_names=tuple(tiles),
        labels=tuple(labels),
        functions=(),
        mosaic_grid=mosaic_grid or mosaic_of(list(tiles.values())),
        chunk_ram_gb=0.1,
        bytes_to_read=0,
        bytes_to_write=0,
        first_day=date(2018, 1, 1),
        last_day=date(2018, 12, 31),
        fingerprint="0123456789abcdef",
        map_fingerprint="fedcba9876543210",
    )
    tile_plans = {
        name: TilePlan(
            tile=name,
            grid=grid,
            series=(),
            chunks=strips(grid, chunks) if isinstance(chunks, int) else tuple(chunks[name]),
            **{
                step: Dependencies(fingerprint=f"{step} of {name}", files=())
                for step in ("preprocess", "common_mask", "features")
            },
        )
        for name, grid in tiles.items()
    }
    return plan, tile_plans


def write_map(plan: Plan, path: Path, array: np.ndarray, grid: Grid) -> None:
    """Write an array (band, row, col) as a chunk or a tile of `plan` would be."""
    write_raster(
        path,
        array.astype(np.float32),
        grid,
        nodata=plan.request.no_data_value,
        descriptions=plan.labels,
        tags={},
        compression=plan.request.compression,
    )


def write_chunks(plan: Plan, tile_plan: TilePlan, array: np.ndarray) -> None:
    """Write the chunk files of a tile whose pixels are `array` (band, row, col)."""
    for index, window in enumerate(tile_plan.chunks):
        part = array[(slice(None), *window.slices)]
        path = plan.paths.chunk(tile_plan.tile, index)
        write_map(plan, path, part, tile_plan.grid.part(window))
