"""Blocks of 32-bit floats from pixels to compressed bytes and back, both by GDAL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.io import MemoryFile

from sitsflow.geo.grid import Grid
from sitsflow.io.geotiff import directory_bytes
from sitsflow.io.tiff import (
    BANDS,
    BITS,
    BLOCK_HEIGHT,
    BLOCK_WIDTH,
    COMPRESSION,
    DOUBLE,
    HEIGHT,
    LONG,
    OFFSETS,
    PHOTOMETRIC,
    PIXEL_SIZE,
    PREDICTOR,
    SAMPLE_FORMAT,
    SHORT,
    SIZES,
    STRIP_ROWS,
    STRIP_SIZES,
    STRIPS,
    TIE_POINT,
    WIDTH,
    Field,
    Fields,
    directories,
    field,
)
from sitsflow.io.write import BLOCK, creation_options

_OF_BLOCKS = {
    WIDTH, HEIGHT, STRIPS, STRIP_ROWS, STRIP_SIZES, BLOCK_WIDTH, BLOCK_HEIGHT, OFFSETS, SIZES,
}  # fmt: skip
_FLOAT = 3  # of SAMPLE_FORMAT
_HEADER = 8

Floats = NDArray[np.float32]


def template_of(
    grid: Grid,
    *,
    nodata: float,
    descriptions: Sequence[str],
    tags: Mapping[str, str],
    band_tags: Sequence[Mapping[str, str]],
    compression: str,
) -> dict[int, Field]:
    """Return the tags that GDAL gives a GeoTIFF of 32-bit floats, without size and blocks.

    `band_tags` are the metadata of each band, one mapping a description.
    """
    options = creation_options("float32", compression, len(descriptions), (1, 1))
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", dtype="float32", width=1, height=1, count=len(descriptions),
            crs=grid.rasterio_crs, transform=grid.transform, nodata=nodata, endianness="LITTLE",
            sparse_ok=True, **options,
        ) as dataset:  # fmt: skip
            dataset.descriptions = tuple(descriptions)
            dataset.update_tags(**tags)
            for number, own in enumerate(band_tags, start=1):
                dataset.update_tags(number, **own)
        fields = directories(BytesIO(memory.getbuffer()))[0].fields
    return {tag: one for tag, one in fields.items() if tag not in _OF_BLOCKS}


class BlockCodec:
    """Encodes and decodes whole blocks as GDAL does in files of the same compression."""

    def __init__(self, compression: str) -> None:
        self._options = creation_options("float32", compression, 1, (BLOCK, BLOCK))
        self._fields = {
            BITS: field(SHORT, 32),
            PHOTOMETRIC: field(SHORT, 1),
            BANDS: field(SHORT, 1),
            SAMPLE_FORMAT: field(SHORT, _FLOAT),
            # So that rasterio does not warn of a raster without a place.
            PIXEL_SIZE: field(DOUBLE, [1, 1, 0]),
            TIE_POINT: field(DOUBLE, [0, 0, 0, 0, 1, 0]),
            WIDTH: field(LONG, BLOCK),
            BLOCK_WIDTH: field(LONG, BLOCK),
            BLOCK_HEIGHT: field(LONG, BLOCK),
        } | self._kept(self._encoded(np.zeros((1, BLOCK, BLOCK), np.float32))[0])

    @staticmethod
    def _kept(fields: Fields) -> dict[int, Field]:
        return {tag: fields[tag] for tag in (COMPRESSION, PREDICTOR) if tag in fields}

    def made(self, fields: Fields) -> bool:
        """Whether the blocks of an image with these tags are such as this codec makes."""
        alike = {tag: self._number(fields, tag) for tag in (COMPRESSION, PREDICTOR, BLOCK_WIDTH,
                 BLOCK_HEIGHT, BITS, SAMPLE_FORMAT)}  # fmt: skip
        return alike == {tag: self._number(self._fields, tag) for tag in alike}

    @staticmethod
    def _number(fields: Fields, tag: int) -> int:
        """Return the number of a tag, the same for all bands; 1 without the tag, -1 if none."""
        found = set(fields[tag].numbers.tolist()) if tag in fields else {1}
        return int(found.pop()) if len(found) == 1 else -1

    def encode(self, values: Floats) -> list[bytes]:
        """Return the bytes of blocks (block, row, col)."""
        return self._encoded(values)[1]

    def _encoded(self, values: Floats) -> tuple[Fields, list[bytes]]:
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", dtype="float32", count=1, width=BLOCK, height=BLOCK * len(values),
                transform=Affine.translation(0.0, 1.0), endianness="LITTLE", **self._options,
            ) as dataset:  # fmt: skip
                dataset.write(values.reshape(-1, BLOCK), 1)
            buffer = memory.getbuffer()
            directory = directories(BytesIO(buffer))[0]
            offsets, sizes = (place.ravel().tolist() for place in directory.places)
            return directory.fields, [
                bytes(buffer[offset : offset + size])
                for offset, size in zip(offsets, sizes, strict=True)
            ]

    def decode(self, blocks: Sequence[bytes]) -> Floats:
        """Return the pixels of blocks, (block, row, col).

        Raises
        ------
        RasterioError
            If bytes are not a whole block.
        """
        sizes = np.array([len(block) for block in blocks])
        fields = self._fields | {
            HEIGHT: field(LONG, BLOCK * len(blocks)),
            SIZES: field(LONG, sizes),
            OFFSETS: field(LONG, sizes),
        }
        start = _HEADER + len(directory_bytes(fields, _HEADER, 0, big=False))
        fields[OFFSETS] = field(LONG, start + np.cumsum(sizes) - sizes)
        head = b"II*\0" + _HEADER.to_bytes(4, "little")
        head += directory_bytes(fields, _HEADER, 0, big=False)
        with MemoryFile(b"".join([head, *blocks])) as memory, memory.open() as dataset:
            values: Floats = dataset.read(1)
        return values.reshape(-1, BLOCK, BLOCK)
