"""Creating files: whole or not at all. Rasters are made here, or by `geotiff` of made blocks."""

from __future__ import annotations

import json
import logging
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import DTypeLike, NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter, MemoryFile

from sitsflow.geo.grid import Grid, Window
from sitsflow.io.blocks import absent_blocks
from sitsflow.io.disk import disk_full

BLOCK = 512
"""Rows and columns of a block of every raster that is large enough."""

_TEMPORARY = ".sitsflow-"  # no other software's: a folder may be a link to a shared one
SIDECARS = (".aux.xml", ".ovr", ".msk")
"""Endings of what GDAL and viewers write beside a raster."""

# Level 9, GDAL's default, costs three times the CPU of 3 for files 1 % smaller (float32 features).
_ZSTD_LEVEL = 3

_log = logging.getLogger(__name__)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` when the block ends well.

    The temporary file has the name of `path`, in a hidden folder beside it. Whatever else is
    written to that folder (sidecars, the parts of a shapefile) is moved along, before the file
    itself: where `path` exists, all of it does. After an exception nothing is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=path.parent))
    try:
        yield folder / path.name
        # GDAL would read statistics of the earlier file for the new one.
        for suffix in SIDECARS:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        for part in sorted(folder.iterdir(), key=lambda part: part.name == path.name):
            part.replace(path.with_name(part.name))
    except (OSError, RasterioError) as error:
        # While what was written of it still takes room.
        if (full := disk_full(path, error)) is not None:
            raise full from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def temporary_folders(*folders: Path) -> Iterator[Path]:
    """Yield those of `atomic` in `folders`; while no run is at work, killed processes' own."""
    for folder in folders:
        yield from folder.glob(f"{_TEMPORARY}*")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@cache
def usable_compression(compression: str) -> str:
    """Return `compression`, or DEFLATE (logged) where this GDAL was built without its codec."""
    if compression == "NONE":
        return compression
    # GDAL passes over a codec that it lacks with no error: only the file made tells.
    with MemoryFile() as memory:
        # The identity transform is not written: rasterio warns of its absence at once.
        transform = rasterio.Affine.translation(0.0, 1.0)
        shape = {"width": 1, "height": 1, "count": 1, "transform": transform}
        with memory.open(driver="GTiff", dtype="uint8", compress=compression, **shape):
            pass
        with memory.open() as dataset:
            found = dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION")
    if found == compression:
        return compression
    _log.warning("this GDAL cannot write %s: files are compressed with DEFLATE", compression)
    return "DEFLATE"


def creation_options(
    dtype: DTypeLike, compression: str, n_bands: int, shape: tuple[int, int]
) -> dict[str, Any]:
    """Return GDAL's options for a tiled GeoTIFF of `n_bands` bands of `shape` (rows, columns)."""
    height, width = (min(BLOCK, 16 * math.ceil(size / 16)) for size in shape)
    options: dict[str, Any] = {
        "tiled": True,
        "blockysize": height,
        "blockxsize": width,
        "bigtiff": "IF_SAFER",
        "num_threads": 1,
    }
    if n_bands > 1:
        # A block of all bands of a year of dates is hundreds of megabytes, and mostly one band
        # is looked at; apart, bands also compress a little better.
        options["interleave"] = "BAND"
    compression = usable_compression(compression)
    if compression == "NONE":
        return options
    options["compress"] = compression
    options["predictor"] = 3 if np.issubdtype(dtype, np.floating) else 2
    if compression == "ZSTD":
        options["zstd_level"] = _ZSTD_LEVEL
    return options


@contextmanager
def create(
    path: Path,
    grid: Grid,
    *,
    dtype: DTypeLike,
    nodata: float | None,
    descriptions: Sequence[str],
    tags: Mapping[str, str],
    compression: str,
    **options: Any,
) -> Iterator[DatasetWriter]:
    """Yield an open GeoTIFF on `grid`, one band a description; it is at `path` only when whole.

    `options` are further creation options of GDAL. Blocks never written hold `nodata`.

    Raises
    ------
    OSError
        If blocks are missing in the closed file, as on a full disk.
    """
    profile = creation_options(dtype, compression, len(descriptions), grid.shape) | options
    with atomic(path) as temporary:
        with rasterio.open(
            temporary,
            "w",
            driver="GTiff",
            dtype=np.dtype(dtype).name,
            count=len(descriptions),
            height=grid.height,
            width=grid.width,
            crs=grid.rasterio_crs,
            transform=grid.transform,
            nodata=nodata,
            **profile,
        ) as dataset:
            dataset.descriptions = tuple(descriptions)
            dataset.update_tags(**tags)
            yield dataset
        if not is_whole(temporary, sparse="sparse_ok" in options):
            raise OSError(f"{path}: could not be written whole; is the disk full?")


def write_raster(
    path: Path,
    array: NDArray[Any],
    grid: Grid,
    *,
    nodata: float | None,
    descriptions: Sequence[str],
    tags: Mapping[str, str],
    compression: str,
) -> None:
    """Write an array as a GeoTIFF, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder is made where missing.
    array : ndarray, shape (band, row, col)
        Written in its own dtype. Pixels without a value hold `nodata`, never NaN, unless
        `nodata` is NaN.
    grid : Grid
        Where the pixels lie; of the shape of the array.
    nodata : float or None
        Recorded in the file. None: every number is a value.
    descriptions : sequence of str
        One name a band.
    tags : mapping of str to str
        Metadata of the file, as from `file_tags`.
    compression : str
        ZSTD, DEFLATE, LZW or NONE.
    """
    with create(
        path,
        grid,
        dtype=array.dtype,
        nodata=nodata,
        descriptions=descriptions,
        tags=tags,
        compression=compression,
    ) as dataset:
        dataset.write(array)


def strips(grid: Grid) -> Iterator[Window]:
    """Yield the rows of a grid, those of a block at a time."""
    for top in range(0, grid.height, BLOCK):
        yield Window(row=top, col=0, height=min(BLOCK, grid.height - top), width=grid.width)


def is_whole(path: Path, *, sparse: bool = False) -> bool:
    """Whether a GeoTIFF exists, opens, and holds all its blocks; no pixel is decoded.

    With `sparse`, blocks that were never written are no fault.
    """
    # GDAL closes a file cut short by a full disk without an error where the last blocks were
    # still in its cache.
    try:
        size = path.stat().st_size
        with rasterio.open(path) as dataset:
            shared = dataset.interleaving is not None and dataset.interleaving.value == "PIXEL"
            bands = (1,) if shared else dataset.indexes
            return not any(
                any(absent_blocks(dataset, band, size=size, sparse=sparse)) for band in bands
            )
    except (OSError, RasterioError):
        return False
