"""Reading rasters: headers for the plan, windows for the chunks. Nothing else opens products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from sitsflow.errors import (
    GridError,
    InputChangedError,
    ProductError,
    ReadError,
    SitsflowError,
)
from sitsflow.geo.grid import Grid, Window
from sitsflow.io.archives import file_on_disk
from sitsflow.io.blocks import absent_blocks
from sitsflow.io.jpeg2000 import fault_of
from sitsflow.io.opening import opened, reading
from sitsflow.io.read_digests import PixelsRead, digest_reads, note_read
from sitsflow.io.read_threads import read_each
from sitsflow.products.scenes import Layer


class Header(BaseModel):
    """What a raster says of itself without a pixel being read."""

    model_config = ConfigDict(frozen=True)

    grid: Grid
    dtype: str
    count: int
    block: tuple[int, int]
    """Rows and columns that are decoded together."""
    nodata: float | None = None

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes of one band's pixel, decoded."""
        return np.dtype(self.dtype).itemsize


def read_header(path: Path) -> Header:
    """Read a raster's header.

    Raises
    ------
    ProductError
        If the file cannot be opened, has no CRS, or is not north-up.
    """
    return _checked_header(path)


def headers(layers: Iterable[Layer], *, whole: bool = False) -> dict[Path, Header | ProductError]:
    """Read the headers of many layers' files, each once.

    A file that cannot be read has its error in place of a header; with `whole` so has one that
    lacks blocks of a layer.
    """
    files: dict[Path, list[Layer]] = {}
    for layer in layers:
        files.setdefault(layer.path, []).append(layer)
    with reading():
        return dict(
            zip(files, read_each(partial(_header, whole=whole), files.values()), strict=True)
        )


def _header(layers: Sequence[Layer], *, whole: bool) -> Header | ProductError:
    """Read the header of the file of some layers, or return why it is refused."""
    try:
        return _checked_header(layers[0].path, layers if whole else (), layers[0].drivers)
    except ProductError as error:
        return error


def _checked_header(
    path: Path, layers: Sequence[Layer] = (), drivers: Sequence[str] = ()
) -> Header:
    """Read a header, and refuse the file if blocks of `layers` are not there."""
    try:
        with opened(path, drivers) as raster:
            if raster.crs is None:
                raise ProductError(f"{path}: no coordinate reference system in its header")
            if kind := next((one for one in raster.dtypes if "complex" in one), None):
                # Their real parts alone would be taken for the values.
                raise ProductError(f"{path}: holds complex numbers ({kind}); real ones are needed")
            header = Header(
                grid=Grid.from_affine(raster.crs, raster.transform, raster.height, raster.width),
                dtype=raster.dtypes[0],
                count=raster.count,
                block=raster.block_shapes[0],
                nodata=raster.nodata,
            )
            # Of an archive the size tells nothing of the file in it.
            size = path.stat().st_size if file_on_disk(path) == path else None
            if layers and size is not None and (fault := fault_of(path)):
                raise ProductError(f"{path}: {fault}; copy or download the file again")
            for layer in layers:
                if layer.index <= raster.count:
                    _refuse_absent(raster, layer, size=size)
            return header
    except (RasterioError, OSError) as error:
        only = f"; only {', '.join(drivers)} may open it" if drivers else ""
        raise ProductError(f"{path}: not a readable raster ({error}){only}") from None
    except GridError as error:
        raise ProductError(f"{path}: {error}") from None


def _refuse_absent(
    raster: DatasetReader, layer: Layer, window: Window | None = None, size: int | None = None
) -> None:
    """Refuse blocks that are not there, unless what GDAL puts in their place is no data.

    GDAL fills a block that was never written with the file's own nodata value, or else with 0:
    a mask would be clear there, and a band black.
    """
    fill = 0 if raster.nodata is None else raster.nodata
    absent = absent_blocks(raster, layer.index, window, size=size, sparse=_same(layer.nodata, fill))
    first = next(absent, None)
    if first is not None:
        more = sum(1 for _ in absent)
        others = f", and {more} more" if more else ""
        raise ProductError(f"{layer.path}: {first}{others}; copy or download the file again")


def _same(one: float | None, other: float | None) -> bool:
    """Whether two no-data values are given and the same; NaN is the same as NaN."""
    return one is not None and (one == other or (one != one and other != other))


def read_layer(layer: Layer, window: Window) -> NDArray[Any]:
    """Read a window of one layer; (row, col), in the file's own type.

    Raises
    ------
    ReadError
        If the file cannot be opened or decoded.
    InputChangedError
        If it is gone.
    ProductError
        If blocks of the window were never written.
    """
    return next(read_in_turn([layer], window))


def read_in_turn(layers: Sequence[Layer], window: Window) -> Iterator[NDArray[Any]]:
    """Yield the same window of each of some layers, as `read_layer` returns it."""
    for layer, values in zip(layers, _products([[one] for one in layers], window), strict=True):
        note_read(layer.path, (layer.index,), window, values[0])
        yield values[0]


def _products(stacks: Sequence[Sequence[Layer]], window: Window) -> Iterator[NDArray[Any]]:
    """Yield a window of the layers of each file, in order; several files are read at once."""
    return read_each(partial(_read_product, window=window), stacks)


def _read_product(layers: Sequence[Layer], window: Window) -> NDArray[Any]:
    """Read a window of some layers of one file; (layer, row, col)."""
    path = layers[0].path
    try:
        with opened(path, layers[0].drivers) as raster:
            for layer in layers:
                _refuse_absent(raster, layer, window)
            indices = [layer.index for layer in layers]
            return np.asarray(raster.read(indices, window=_rasterio(window)))
    except (RasterioError, OSError) as error:
        raise _unreadable(path, error) from None


def read_layers(layers: Sequence[Layer], window: Window, *, in_units: bool = False) -> NDArray[Any]:
    """Read the same window of several layers; (layer, row, col), in the first file's type.

    Types may differ from file to file (re-encoded products do): then the common type that holds
    them all is used. With `in_units` they are the sensor's values as float32, NaN where there is no
    data.
    """
    values: NDArray[Any] = read_stacks([[layer] for layer in layers], window, in_units=in_units)[0]
    return values


def read_stacks(
    stacks: Sequence[Sequence[Layer]], window: Window, *, in_units: bool = False
) -> NDArray[Any]:
    """Read the same window of several bands of each of several files, opening each file once.

    Parameters
    ----------
    stacks : sequence of sequences of Layer
        The wanted layers of each file, as many in all.

    Returns
    -------
    ndarray, shape (band, file, row, col)
        In the common type that holds all files', or with `in_units` as `read_layers` returns it.
    """
    out: NDArray[Any] | None = None
    products = zip(stacks, _products(stacks, window), strict=True)
    for at, (layers, values) in enumerate(products):
        note_read(layers[0].path, [layer.index for layer in layers], window, values)
        pixels = _in_units(values, layers) if in_units else values
        if out is None:
            out = np.empty((len(layers), len(stacks), *window.shape), pixels.dtype)
        elif pixels.dtype != out.dtype:
            out = out.astype(np.promote_types(out.dtype, pixels.dtype), copy=False)
        out[:, at] = pixels
    assert out is not None, "no series is without products"
    return out


def _in_units(values: NDArray[Any], layers: Sequence[Layer]) -> NDArray[np.float32]:
    """Turn numbers of files into values; (layer, row, col), NaN where there is no data."""
    found = np.empty(values.shape, np.float32)
    for out, numbers, layer in zip(found, values, layers, strict=True):
        # In float64, so that quotients of whole numbers are rounded once.
        out[...] = numbers * np.float64(layer.scale) + layer.offset
        if layer.nodata is not None:
            out[numbers == layer.nodata] = np.nan
    return found


def read_bands(path: Path, window: Window, bands: Sequence[int] | None = None) -> NDArray[Any]:
    """Read a window of some, or all, bands of one file; (band, row, col), in one type.

    Blocks that were never written hold the file's own no-data value; a file without one may not
    lack any.

    Raises
    ------
    ReadError
        If the file cannot be opened or decoded.
    InputChangedError
        If it is gone.
    """
    try:
        with opened(path) as raster:
            wanted = list(raster.indexes if bands is None else bands)
            for band in wanted:
                layer = Layer(path=path, index=band, nodata=raster.nodata)
                _refuse_absent(raster, layer, window)
            values = np.asarray(raster.read(wanted, window=_rasterio(window)))
    except (RasterioError, OSError) as error:
        raise _unreadable(path, error) from None
    note_read(path, wanted, window, values)
    return values


def holds_the_same(path: Path, read: PixelsRead) -> bool:
    """Whether a file still holds the pixels that were read of it: they are read once more."""
    try:
        with reading(), digest_reads() as digests:
            for bands, window in read.windows:
                read_bands(path, window, bands)
    except (SitsflowError, IndexError, ValueError):  # as of a file with fewer bands or rows
        return False
    return digests.by_file()[path].digest == read.digest


def read_names(path: Path) -> list[str]:
    """Return the descriptions of a raster's bands, empty strings where there are none."""
    try:
        with opened(path) as raster:
            return [text or "" for text in raster.descriptions]
    except (RasterioError, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ReadError | InputChangedError:
    """Return what to raise for a file that cannot be read: one that is gone does not come back."""
    if file_on_disk(path).exists():
        return ReadError(f"{path}: cannot be read ({error})")
    return InputChangedError(f"{path}: is gone; it was there when the run was planned")


def _rasterio(window: Window) -> RasterioWindow:
    return RasterioWindow(window.col, window.row, window.width, window.height)
