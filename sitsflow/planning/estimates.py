"""What a run costs, estimated before it starts: memory a chunk, bytes to read and to write."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sitsflow.features.probe import ProbeResult
from sitsflow.geo.coordinates import pixel_span
from sitsflow.geo.grid import Grid, Window
from sitsflow.plan import FunctionPlan, SeriesPlan, TilePlan
from sitsflow.radar.multilook import PART_SHAPE, multilook_factors
from sitsflow.request import Request

_GB = 1e9
_PROCESS = 0.41e9  # a worker with numpy, numba, rasterio, Prefect and Dask loaded, and GDAL's cache
_WRITING = 0.13e9  # of blocks that GDAL keeps while a chunk's file is written
_FLOAT = 4
_BUILT_IN = 2  # arrays of one series that a built-in function makes on its way, such as std
_USERS = 4  # the same of a user's, which is given copies
_CODED = 4  # arrays of one series while it is brought into the type of a file
_RESULT = 8  # bytes of a pixel of what a function returns
_PLACING = 120  # bytes of a place while one image of radar is brought onto it
_FEWEST = 4096  # pixels that are computed at once


class PixelBytes(NamedTuple):
    """Estimated memory of one pixel, in bytes."""

    computed: float
    """Of a part that is computed: its series, and the temporaries of one band or function."""
    kept: float
    """Of a window whose parts are computed in turn: what was read of all its files."""
    features: float
    """Of a chunk: the result."""
    placed: float = 0.0
    """Not of a pixel but of each task: places of a radar image that are averaged onto a coarse map,
    as many at once whatever the chunk."""
    ahead: float = 0.0
    """Of a window that is read: files that are decoded while another one is."""


def pixel_bytes(
    series: Sequence[SeriesPlan], probed: ProbeResult, request: Request, grid: Grid, width: int = 2
) -> PixelBytes:
    """Estimate the memory of a pixel of the tile whose `grid` is given.

    Parameters
    ----------
    width : int
        Bytes of a pixel in the files of bands.
    """
    return PixelBytes(
        computed=bytes_per_pixel(series, probed, request, grid),
        kept=sum(_kept_sources(plan, grid, width) for plan in series),
        features=len(probed.labels) * _FLOAT,
        placed=placed_bytes(series, grid),
        ahead=ahead_bytes(series, request, grid, width),
    )


def ahead_bytes(
    series: Sequence[SeriesPlan], request: Request, grid: Grid, width: int = 2
) -> float:
    """Return the bytes under a pixel of files that are read at the same time, besides the first."""
    return max([0.0, *(_ahead(plan, request, grid, width) for plan in series)])


def _ahead(plan: SeriesPlan, request: Request, grid: Grid, width: int) -> float:
    if plan.radar is not None:  # its images are read one after the other
        return 0.0
    files: defaultdict[Path, float] = defaultdict(float)
    for name in plan.read:
        files[plan.scenes[0].bands[name].path] += width * _under(plan, grid, name)
    masks = [_under(plan, grid, mask.name) for mask in plan.sensor.masks]
    others = min(request.concurrent_reads, len(plan.scenes)) - 1
    return others * max([0.0, *files.values(), *masks])


def placed_bytes(series: Sequence[SeriesPlan], grid: Grid) -> float:
    """Estimate the memory of the places of radar images that are averaged at once, in bytes.

    0 without radar, and where the pixels of `grid` are not larger than the image's: then each is
    one place.
    """
    places = math.prod(multilook_factors(grid))
    if places == 1 or all(plan.radar is None for plan in series):
        return 0.0
    return float(_PLACING * min(math.prod(PART_SHAPE), grid.height * grid.width * places))


def _radar_bytes(plan: SeriesPlan, grid: Grid) -> float:
    """Return the bytes of a pixel of passes as they are and filtered, and while one is placed.

    Onto coarse maps all passes are averaged together, each with the channel of its border.
    """
    passes = len(plan.scenes) * len(plan.read) * 2 * _FLOAT
    if math.prod(multilook_factors(grid)) == 1:
        return passes + _PLACING
    return passes + len(plan.scenes) * (1 + len(plan.read)) * _FLOAT


def _kept_sources(plan: SeriesPlan, grid: Grid, width: int) -> float:
    """Return the bytes under a pixel of all that a series reads, bands and masks."""
    if plan.radar is not None:
        return _radar_bytes(plan, grid)
    found = 0.0
    for name in plan.read:
        scaled = any(scene.bands[name].is_scaled for scene in plan.scenes)
        found += (_FLOAT if scaled else width) * _under(plan, grid, name)
    masks = {plan.grids[mask.name]: mask.name for mask in plan.sensor.masks}
    found += sum(_under(plan, grid, name) for name in masks.values())
    return len(plan.scenes) * found


def _under(plan: SeriesPlan, grid: Grid, name: str) -> float:
    """Return how many pixels of a band or mask lie under one of `grid`: fewer than 1 if larger."""
    return math.prod(pixel_span(grid, plan.grids[name]))


def bytes_per_pixel(
    series: Sequence[SeriesPlan], probed: ProbeResult, request: Request, grid: Grid
) -> float:
    """Estimate the peak memory of a pixel that is computed, in bytes; `grid` is the tile's.

    Interpolated bands and indices are kept together; one band at a time is read and resampled.
    """
    kept = transient = 0.0
    longest = 0
    for plan in series:
        dates, targets = len(plan.scenes), len(plan.target_days)
        longest = max(longest, targets, len(plan.raw_days))
        indices = (3 if request.indices else 0) + len(request.spectral_indices)
        indices = indices if request.concat_mode else min(1, indices)
        kept += (len(plan.read) + indices) * targets * _FLOAT + dates * 2
        # The source's own type (2 bytes), its float patch, masks at the source: all of them many
        # under one pixel of a coarse map. Indices are made later.
        under = max([1.0, *(_under(plan, grid, name) for name in plan.read)])
        reading = dates * (_FLOAT + (2 + 2) * under) - indices * targets * _FLOAT
        if plan.radar is not None:
            passes = dates * len(plan.read) * 2 * _FLOAT  # as they are, and filtered
            kept += passes
            reading = _radar_bytes(plan, grid) - passes
        transient = max(transient, reading)
    functions = max([0, *(_function_bytes(one, longest, request) for one in probed.functions)])
    return kept + max(transient, functions)


def _function_bytes(function: FunctionPlan, longest: int, request: Request) -> int:
    """Return the memory of a pixel while a function is called, of series of so many dates."""
    arrays = 0 if function.metric else _BUILT_IN if request.module is None else _USERS
    return longest * _FLOAT * arrays + len(function.labels) * _RESULT


def series_bytes(request: Request, tile: TilePlan) -> tuple[float, float]:
    """Estimate the memory of a pixel of which all series are kept, in bytes.

    Returns
    -------
    tuple of float
        Where it is computed, and of what is read of its files.
    """
    computed = longest = 0
    for plan in tile.series:
        dates, targets = len(plan.scenes), len(plan.target_days)
        longest = max(longest, dates, targets, len(plan.raw_days))
        indices = (3 if request.indices else 0) + len(request.spectral_indices)
        computed += (len(plan.read) + indices) * targets * _FLOAT + dates * 2
    computed += longest * _FLOAT * _CODED
    return float(computed), sum(_kept_sources(plan, tile.grid, 2) for plan in tile.series)


def task_bytes(pixels: float) -> float:
    """Return the memory of a task that holds so many bytes of pixels."""
    return _PROCESS + pixels


def largest_chunk_gb(
    request: Request,
    tiles: Mapping[str, TilePlan],
    probed: Mapping[str, ProbeResult],
    width: int = 2,
) -> float:
    """Estimate the peak memory of the largest chunk of all tiles, in GB."""
    return max(
        chunk_bytes(
            tile,
            window,
            pixel_bytes(tile.series, probed[name], request, tile.grid, width),
            request.padding,
        )
        for name, tile in tiles.items()
        for window in tile.chunks
    ) / _GB  # fmt: skip


def chunk_bytes(
    tile: TilePlan, window: Window, each: PixelBytes, padding: tuple[int, int]
) -> float:
    """Estimate the peak memory of the task that computes a chunk, in bytes."""
    read = min(tile.read_rows or tile.pass_rows or window.height, window.height)
    computed = min(tile.pass_rows or read, read)
    width = window.width + 2 * padding[0]
    working = (computed + 2 * padding[1]) * width * each.computed
    if computed < read:
        working += (read + 2 * padding[1]) * width * each.kept
    working += (read + 2 * padding[1]) * width * each.ahead
    working += each.placed
    features = window.height * window.width * each.features
    return _PROCESS + features + max(working, min(features, _WRITING))


def room_within(ram_gb: float) -> float:
    """Return how many bytes of a task of `ram_gb` are left for pixels."""
    return max(0.0, ram_gb * _GB - _PROCESS)


def pixels_within(room: float, each: float) -> int:
    """Return how many pixels of so many bytes each have room; at least 4096."""
    return max(_FEWEST, int(max(0.0, room) / max(each, 1.0)))


def bytes_read(tile: TilePlan, width: int) -> int:
    """Estimate the decoded bytes that a tile reads, `width` bytes a band's pixel."""
    total = 0
    for plan in tile.series:
        if plan.radar is not None:
            places = math.prod((*tile.grid.shape, *multilook_factors(tile.grid)))
            total += len(plan.scenes) * len(plan.read) * places * width
            continue
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
    return bytes_on(tile.grid, bands)


def bytes_on(grid: Grid, bands: int) -> int:
    """Return the bytes of a map on a grid before compression."""
    return grid.height * grid.width * bands * _FLOAT
