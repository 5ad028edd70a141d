"""Opening rasters for reading: how GDAL is set up, which drivers may, and nothing remote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import rasterio
from rasterio.env import ensure_env
from rasterio.io import DatasetReader

from sitsflow.geo.network import NETWORK_OFF
from sitsflow.io.archives import gdal_name

# A product's folder holds dozens of files: listing it at each opening costs more than the opening.
_OPTIONS: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": 64,
}
_remote: ContextVar[bool] = ContextVar("remote files allowed", default=False)


@contextmanager
def reading(*, sidecars: bool = False, remote: bool | None = None) -> Iterator[None]:
    """Set GDAL up for reading many small windows in one thread.

    Products have all they need in their files; users' own rasters may keep their place, their
    nodata or the names of their bands in `sidecars`. With `remote` a file may refer to others
    on the network, as a VRT can; without it that is as in the block around this one, or refused.
    """
    allowed = _remote.get() if remote is None else remote
    listing = {"GDAL_DISABLE_READDIR_ON_OPEN": "FALSE"} if sidecars else {}
    token = _remote.set(allowed)
    try:
        with rasterio.Env(**_OPTIONS | listing | ({} if allowed else NETWORK_OFF)):
            yield
    finally:
        _remote.reset(token)


@ensure_env  # type: ignore[untyped-decorator]
def opened(path: Path, drivers: Sequence[str] = ()) -> DatasetReader:
    """Open a raster, by one of some drivers of GDAL if any are named.

    `rasterio.open`, which takes one driver at most, does this with a path.

    Raises
    ------
    OSError
        If it is a pipe, a socket or a device: GDAL would wait for ever for what comes out of it.
    """
    if path.is_fifo() or path.is_socket() or path.is_char_device():
        raise OSError("a pipe, a socket or a device, not a file")
    return rasterio.DatasetReader(gdal_name(path), driver=list(drivers) or None)
