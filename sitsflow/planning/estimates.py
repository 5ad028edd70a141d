"""What a run costs, estimated before it starts: memory a chunk, bytes to read and to write."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sitsflow.features.probe import ProbeResult
from sitsflow.geo.coordinates import pixel_span
from sitsflow.geo.grid import Grid, Window
from sitsflow.plan import SeriesPlan, TilePlan
from sitsflow.request import Request

_GB = 1e9
_PROCESS = 0.45e9  # a worker with numpy, numba, rasterio, Prefect and Dask loaded
_FLOAT = 4
_TEMPORARIES = 3  # arrays of one series that a numpy function such as std makes on its way


def bytes_per_pixel(
    series: Sequence[SeriesPlan], probed: ProbeResult, request: Request, grid: Grid
) -> float:
    """Estimate the peak memory of a chunk's pixel, in bytes; `grid` is the tile's.

    Interpolated bands and indices are kept together; one band at a time is read and resampled.
    """
    kept = transient = 0.0
    longest = 0
    for plan in series:
        dates, targets = len(plan.scenes), len(plan.target_days)
        longest = max(longest, targets, len(plan.raw_days))
        indices = (3 if request.indices else 0) + len(request.spectral_indices)
        n_kept = len(plan.read) + (indices if request.concat_mode else min(1, indices))
        kept += n_kept * targets * _FLOAT + dates * 2
        # The source's own type (2 bytes), its float patch, masks at the source: all of them many
        # under one pixel of a coarse map.
        under = max([1.0, *(math.prod(pixel_span(grid, plan.grids[name])) for name in plan.read)])
        transient = max(transient, dates * (_FLOAT + (2 + 2) * under))
    functions = longest * _FLOAT * (_TEMPORARIES + 1) if request.functions else 0
    return kept + max(transient, functions) + len(probed.labels) * _FLOAT * 2


def chunk_ram_gb(
    pixels: int,
    series: Sequence[SeriesPlan],
    probed: ProbeResult,
    request: Request,
    grid: Grid,
) -> float:
    """Estimate the peak memory of the task that computes a chunk, in GB."""
    return (_PROCESS + pixels * bytes_per_pixel(series, probed, request, grid)) / _GB


def largest_chunk_gb(
    request: Request, tiles: Mapping[str, TilePlan], probed: Mapping[str, ProbeResult]
) -> float:
    """Estimate the peak memory of the largest chunk of all tiles, in GB."""
    return max(
        chunk_ram_gb(
            max(_pass_pixels(tile, window) for window in tile.chunks),
            tile.series,
            probed[name],
            request,
            tile.grid,
        )
        + _kept_gb(tile, len(probed[name].labels))
        for name, tile in tiles.items()
    )


def _kept_gb(tile: TilePlan, n_bands: int) -> float:
    """Return the memory of features that are kept while the next part of a chunk is computed."""
    if tile.pass_rows is None:
        return 0.0
    return features_gb(max(window.height * window.width for window in tile.chunks), n_bands)


def _pass_pixels(tile: TilePlan, window: Window) -> int:
    return min(tile.pass_rows or window.height, window.height) * window.width


def features_gb(pixels: int, n_bands: int) -> float:
    """Return the memory of the features of so many pixels, in GB."""
    return pixels * n_bands * _FLOAT / _GB


def pixels_within(
    ram_gb: float,
    series: Sequence[SeriesPlan],
    probed: ProbeResult,
    request: Request,
    grid: Grid,
) -> int:
    """Return how many pixels a chunk may have within `ram_gb`; at least 4096."""
    room = max(0.0, ram_gb * _GB - _PROCESS)
    return max(4096, int(room / bytes_per_pixel(series, probed, request, grid)))


def bytes_read(tile: TilePlan, width: int) -> int:
    """Estimate the decoded bytes that a tile reads, `width` bytes a band's pixel."""
    total = 0
    for plan in tile.series:
        for name in (*plan.read, *(mask.name for mask in plan.sensor.masks)):
            grid = plan.grids[name]
            size = width if name in plan.read else 1
            total += len(plan.scenes) * min(
                grid.height * grid.width, _pixels_under(tile, grid.xres * grid.yres)
            ) * size  # fmt: skip
    return total


def _pixels_under(tile: TilePlan, pixel_area: float) -> int:
    grid = tile.grid
    if next(iter(tile.series[0].grids.values())).rasterio_crs.linear_units != (
        grid.rasterio_crs.linear_units
    ):
        return grid.height * grid.width
    return int(grid.height * grid.width * grid.xres * grid.yres / pixel_area)


def bytes_written(tile: TilePlan, bands: int) -> int:
    """Return the bytes of a tile's map before compression."""
    return tile.grid.height * tile.grid.width * bands * _FLOAT
