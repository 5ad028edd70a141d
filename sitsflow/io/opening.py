"""Opening rasters for reading: how GDAL is set up, which drivers may, and nothing remote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import rasterio
from rasterio.env import ensure_env
from rasterio.io import DatasetReader

from sitsflow.geo.network import NETWORK_OFF
from sitsflow.io.archives import gdal_name
from sitsflow.io.open_datasets import OpenDatasets
from sitsflow.io.read_threads import ReadThreads, threads_open
from sitsflow.request import Request

# A product's folder holds dozens of files: listing it at each opening costs more than the opening.
# The cache is in bytes (rasterio hands the number to GDALSetCacheMax64), and small: blocks are read
# once, and those that GDAL keeps of open files are memory for nothing.
_OPTIONS: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": 1_000_000,
}
_remote: ContextVar[bool] = ContextVar("remote files allowed", default=False)
_kept: ContextVar[OpenDatasets | None] = ContextVar("datasets kept open", default=None)


@contextmanager
def reading(
    *,
    sidecars: bool = False,
    remote: bool | None = None,
    keep_open: bool = False,
    concurrent: int = 1,
) -> Iterator[None]:
    """Set GDAL up for reading many small windows.

    Products have all they need in their files; users' own rasters may keep their place, their
    nodata or the names of their bands in `sidecars`. With `remote` a file may refer to others
    on the network, as a VRT can; without it that is as in the block around this one, or refused.
    With `keep_open` what is opened stays open until the block ends, as for a chunk that is computed
    in parts: half a millisecond an opening is a lot for few pixels. So many files as `concurrent`
    says are read at the same time, each in a thread that ends with the block; with 1 as many as in
    the block around this one.
    """
    allowed = _remote.get() if remote is None else remote
    listing = {"GDAL_DISABLE_READDIR_ON_OPEN": "FALSE"} if sidecars else {}
    options = _OPTIONS | listing | ({} if allowed else NETWORK_OFF)
    # A dataset is as GDAL was set up when it was opened, and a thread when it began.
    alike = not sidecars and allowed == _remote.get()
    kept, threads = (_kept.get(), threads_open.get()) if alike else (None, None)
    with ExitStack() as stack:
        stack.callback(_remote.reset, _remote.set(allowed))
        stack.enter_context(rasterio.Env(**options))
        if keep_open:
            kept = stack.enter_context(OpenDatasets())
        stack.callback(_kept.reset, _kept.set(kept))
        if concurrent > 1:
            own = ReadThreads(concurrent, partial(_set_up, options))
            threads = stack.enter_context(own.opened())
        stack.callback(threads_open.reset, threads_open.set(threads))
        yield


def reading_for(request: Request, *, keep_open: bool = False) -> AbstractContextManager[None]:
    """Set GDAL up for reading the products of a run; see `reading`."""
    return reading(
        remote=request.allow_remote, keep_open=keep_open, concurrent=request.concurrent_reads
    )


def _set_up(options: dict[str, Any]) -> None:
    """Set GDAL up for a thread, until it ends.

    To leave the environment would give the cache of all threads the size that it had before.
    """
    rasterio.Env(**options).__enter__()


@contextmanager
def opened(path: Path, drivers: Sequence[str] = ()) -> Iterator[DatasetReader]:
    """Open a raster, by one of some drivers of GDAL if any are named.

    `rasterio.open`, which takes one driver at most, does this with a path.

    Raises
    ------
    OSError
        If it is a pipe, a socket or a device: GDAL would wait for ever for what comes out of it.
    """
    kept = _kept.get()
    with _open(path, drivers) if kept is None else kept.opened(path, drivers, _open) as dataset:
        yield dataset


@ensure_env  # type: ignore[untyped-decorator]
def _open(path: Path, drivers: Sequence[str]) -> DatasetReader:
    if path.is_fifo() or path.is_socket() or path.is_char_device():
        raise OSError("a pipe, a socket or a device, not a file")
    return rasterio.DatasetReader(gdal_name(path), driver=list(drivers) or None)
