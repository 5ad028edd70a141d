"""Putting chunks together to tiles, and tiles to the map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.windows
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter

from sitsflow.errors import GridError, OutputError
from sitsflow.geo.grid import Grid, Window
from sitsflow.io.write import BLOCK, atomic, create, is_whole, usable_compression
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.statistics import Statistics, is_nodata
from sitsflow.steps.tags import file_tags

_COLUMNS = 16 * BLOCK  # of a piece: 16 MB a band
_BANDS = 4  # of a piece, so that it never takes more than 64 MB
_MOST_OPEN = 64


class MergeRecord(BaseModel):
    """What a merge made: a file, of how many parts, and how much of it has a value."""

    model_config = ConfigDict(frozen=True)

    path: Path
    size: int = Field(description="bytes")
    parts: int
    valid: tuple[float, ...] = Field(description="fraction of pixels with a value, by band")

    @property
    def empty(self) -> bool:
        """Whether no pixel of any band has a value."""
        return not any(self.valid)


@dataclass(frozen=True)
class _Part:
    """A file to put in place: `row` and `col` are of its first pixel in the merged grid."""

    path: Path
    grid: Grid
    row: int
    col: int
    made_by: str

    def overlap(self, window: Window) -> Window | None:
        top, left = max(self.row, window.row), max(self.col, window.col)
        bottom = min(self.row + self.grid.height, window.row + window.height)
        right = min(self.col + self.grid.width, window.col + window.width)
        if bottom <= top or right <= left:
            return None
        return Window(row=top, col=left, height=bottom - top, width=right - left)


def merge_tile(plan: Plan, tile_plan: TilePlan) -> MergeRecord:
    """Put a tile's chunk files in place, in ``by_tiles/<tile>.tif``.

    Pixels in no chunk hold the run's no-data value. At most 64 MB of pixels are held at once.

    Raises
    ------
    OutputError
        If chunk files are missing, cut short, or not of this plan; it names them.
    """
    parts = [
        _Part(
            path=plan.paths.chunk(tile_plan.tile, index),
            grid=tile_plan.grid.part(window),
            row=window.row,
            col=window.col,
            made_by="the writing step",
        )
        for index, window in enumerate(tile_plan.chunks)
    ]
    _refuse_missing(parts)
    path = plan.paths.tile_map(tile_plan.tile)
    with create(
        path,
        tile_plan.grid,
        dtype="float32",
        nodata=_nodata(plan),
        descriptions=plan.labels,
        tags=file_tags(plan, [tile_plan], tile_plan.features.fingerprint),
        compression=plan.request.compression,
    ) as target:
        valid = _merge(parts, tile_plan.grid, target)
    return _record(path, parts, valid)


def mosaic_tiles(plan: Plan, tile_plans: Mapping[str, TilePlan]) -> MergeRecord:
    """Make the map of all tiles, ``final/features_map.tif``, a Cloud Optimized GeoTIFF.

    Where tiles overlap, the first of `plan.tile_names` that has a value wins, band by band:
    when the tiles were made does not matter. Tiles off the map's grid by a fraction of a pixel
    are moved to the nearest pixel, as iota2 does.

    Raises
    ------
    OutputError
        If maps of tiles are missing, cut short, or not of this plan; it names them.
    GridError
        If a tile's pixels are not those of the map in size or reference system.
    """
    tiles = [tile_plans[name] for name in plan.tile_names]
    parts = [_part_of_map(plan, tile) for tile in tiles]
    _refuse_missing(parts)
    path = plan.paths.map
    with atomic(path) as temporary:
        # A Cloud Optimized GeoTIFF cannot be written in pieces: its overviews come first.
        plain = temporary.with_name("plain.tif")
        with create(
            plain,
            plan.mosaic_grid,
            dtype="float32",
            nodata=_nodata(plan),
            descriptions=plan.labels,
            tags=file_tags(plan, tiles, plan.map_fingerprint),
            compression=plan.request.compression,
            sparse_ok=True,
        ) as target:
            valid = _merge(parts, plan.mosaic_grid, target)
        _optimise(plain, temporary, plan)
        _remove(plain)
    return _record(path, parts, valid)


def _part_of_map(plan: Plan, tile_plan: TilePlan) -> _Part:
    grid, target = tile_plan.grid, plan.mosaic_grid
    if grid.rasterio_crs != target.rasterio_crs or not grid.same_pixel_size(target):
        raise GridError(
            f"tile {tile_plan.tile} has pixels of {grid.xres} x {grid.yres} in {grid.crs}, the "
            f"map of {target.xres} x {target.yres} in {target.crs}: set chain.proj and "
            "chain.spatial_resolution, so that all tiles share them"
        )
    row, col = grid.nearest_offset_in(target)
    path = plan.paths.tile_map(tile_plan.tile)
    return _Part(path=path, grid=grid, row=row, col=col, made_by="the merge of its chunks")


def _refuse_missing(parts: Sequence[_Part]) -> None:
    absent = [part for part in parts if not part.path.is_file()]
    if absent:
        names = ", ".join(str(part.path) for part in absent[:5])
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        raise OutputError(f"missing: {names}{more}; run {absent[0].made_by} again")


def _nodata(plan: Plan) -> float:
    # The file's tag must equal its float32 pixels exactly.
    return float(np.float32(plan.request.no_data_value))


def _record(path: Path, parts: Sequence[_Part], valid: tuple[float, ...]) -> MergeRecord:
    return MergeRecord(path=path, size=path.stat().st_size, parts=len(parts), valid=valid)


def _remove(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


class _OpenParts:
    """The parts being read, each checked when opened, the longest unused closed first."""

    def __init__(self, n_bands: int) -> None:
        self._n_bands = n_bands
        self._datasets: dict[Path, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            for dataset in self._datasets.values():
                stack.callback(dataset.close)

    def read(self, part: _Part, window: Window, bands: list[int]) -> NDArray[np.float32]:
        """Read `window`, in rows and columns of the part, as (band, row, col)."""
        try:
            dataset = self._datasets.pop(part.path, None) or self._open(part)
            self._datasets[part.path] = dataset
            values: NDArray[np.float32] = dataset.read(bands, window=_rasterio_window(window))
        except RasterioError as error:
            raise OutputError(
                f"{part.path}: cannot be read whole ({error}); delete it and run "
                f"{part.made_by} again"
            ) from error
        return values

    def _open(self, part: _Part) -> Any:
        if len(self._datasets) >= _MOST_OPEN:
            self._datasets.pop(next(iter(self._datasets))).close()
        dataset = rasterio.open(part.path)
        found = (dataset.count, *dataset.shape)
        wanted = (self._n_bands, *part.grid.shape)
        if found == wanted and dataset.transform.almost_equals(part.grid.transform, 1e-3):
            return dataset
        corner = dataset.transform.c, dataset.transform.f
        dataset.close()
        raise OutputError(
            f"{part.path}: has {found} bands, rows and columns at {corner}, not {wanted} at "
            f"{(part.grid.x, part.grid.y)}: it is of another run; delete it and run "
            f"{part.made_by} again"
        )


def _merge(parts: Sequence[_Part], grid: Grid, target: DatasetWriter) -> tuple[float, ...]:
    """Write all parts and their statistics; returns the share of pixels with a value, by band."""
    statistics = Statistics(target.count, target.nodata)
    with _OpenParts(target.count) as opened:
        for window in _pieces(grid):
            touching = [(part, over) for part in parts if (over := part.overlap(window))]
            for first in range(0, target.count if touching else 0, _BANDS):
                bands = list(range(first + 1, min(first + _BANDS, target.count) + 1))
                values = _paint(touching, window, bands, opened, target.nodata)
                statistics.add(first, values)
                target.write(values, bands, window=_rasterio_window(window))
    n_pixels = grid.height * grid.width
    for index, band in enumerate(target.indexes):
        target.update_tags(band, **statistics.tags(index, n_pixels))
    return tuple(_share(count, n_pixels) for count in statistics.count.tolist())


def _share(count: int, whole: int) -> float:
    """Return a fraction to a millionth; 0 only if it is none at all."""
    return max(round(count / whole, 6), 1e-6) if count else 0.0


def _rasterio_window(window: Window) -> rasterio.windows.Window:
    return rasterio.windows.Window(window.col, window.row, window.width, window.height)


def _pieces(grid: Grid) -> Iterator[Window]:
    """Windows of whole blocks, in the order of the file, so that each block is written once."""
    for row in range(0, grid.height, BLOCK):
        for col in range(0, grid.width, _COLUMNS):
            height, width = min(BLOCK, grid.height - row), min(_COLUMNS, grid.width - col)
            yield Window(row=row, col=col, height=height, width=width)


def _paint(
    touching: Sequence[tuple[_Part, Window]],
    window: Window,
    bands: list[int],
    opened: _OpenParts,
    nodata: float,
) -> NDArray[np.float32]:
    """Fill `window` from the parts, the first with a value first; returns (band, row, col)."""
    values = np.full((len(bands), *window.shape), nodata, np.float32)
    for part, overlap in touching:
        rows, cols = overlap.relative_to(window).slices
        place = values[:, rows, cols]
        free = is_nodata(place, nodata)
        if free.any():
            own = Window(
                row=overlap.row - part.row,
                col=overlap.col - part.col,
                height=overlap.height,
                width=overlap.width,
            )
            np.copyto(place, opened.read(part, own, bands), where=free)
    return values


def _optimise(plain: Path, path: Path, plan: Plan) -> None:
    """Copy a plain GeoTIFF, its statistics too, to a Cloud Optimized one with overviews."""
    n_bands, grid = len(plan.labels), plan.mosaic_grid
    options: dict[str, Any] = {
        "COMPRESS": usable_compression(plan.request.compression),
        # GDAL interleaves a COG's bands by pixel: a block of hundreds of them must stay small.
        "BLOCKSIZE": BLOCK if n_bands <= 16 else BLOCK // 2 if n_bands <= 64 else BLOCK // 4,
        "BIGTIFF": "IF_SAFER",
        "NUM_THREADS": "1",
        # Features are quantities: their mean over four pixels is one, and no-data stays out.
        "OVERVIEW_RESAMPLING": "AVERAGE",
    }
    if options["COMPRESS"] != "NONE":
        options["PREDICTOR"] = "YES"
    if options["COMPRESS"] == "ZSTD":
        options["LEVEL"] = 3
    if max(grid.shape) <= options["BLOCKSIZE"] and min(grid.shape) > 1:
        options["OVERVIEW_COUNT"] = 1  # GDAL makes none for a single block
    try:
        rasterio.shutil.copy(plain, path, driver="COG", **options)
    except CPLE_BaseError as error:
        raise OSError(f"{plan.paths.map}: could not be written ({error})") from error
    if not is_whole(path):
        raise OSError(f"{plan.paths.map}: could not be written whole; is the disk full?")
