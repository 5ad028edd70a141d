"""Writing GeoTIFFs from blocks that are compressed already, wherever they lie.

GDAL writes no block that it was not given as pixels; a directory is simple enough to write here.
What a directory says of the place and of the bands is taken from a small file that GDAL wrote.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from sitsflow.io.block_places import FRAME, LEADER, Blocks, Sources, framed, runs
from sitsflow.io.tiff import (
    BITS,
    BLOCK_HEIGHT,
    BLOCK_WIDTH,
    HEIGHT,
    LONG,
    LONG8,
    OFFSETS,
    REDUCED,
    SIZES,
    SUBFILE,
    WIDTH,
    Field,
    Fields,
    field,
)

HIDDEN = 65100
"""Private tag: where directories begin that no other directory names."""

_CLASSIC_LIMIT = 2_000_000_000
"""Bytes of pixels beyond which a file is a BigTIFF, as GDAL's IF_SAFER has it."""
_GEO = {33550, 33922, 34264, 34735, 34736, 34737, 42112}
"""Tags that only the full image has: its place, and the metadata of GDAL."""
# https://gdal.org/en/stable/drivers/raster/cog.html, "Header ghost area". Who edits puts YES for NO
# and the blank after it.
_LAYOUT = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
_GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_LAYOUT) + _LAYOUT
_PIECE = 2**20  # bytes copied at once


@dataclass(frozen=True)
class Image:
    """An image of a file: its rows and columns, its blocks and tags of its own.

    A `hidden` one is in no chain of directories: readers of TIFF do not see it.
    """

    shape: tuple[int, int]
    blocks: Blocks
    hidden: bool = False
    fields: Mapping[int, Field] | None = None


def write_geotiff(
    path: Path,
    template: Fields,
    block: int,
    images: Sequence[Image],
    sources: Sources,
    *,
    cloud_optimized: bool = False,
) -> None:
    """Write a tiled GeoTIFF: directories first, then the blocks of the last image first.

    Parameters
    ----------
    path : Path
        The file; it is written in place.
    template : mapping of int to Field
        The tags of the full image besides its size and its blocks, as from `template_of`.
    block : int
        Rows and columns of a block; a multiple of 16.
    images : sequence of Image
        The full one, then its overviews, each smaller than the one before; hidden ones anywhere
        after the first.
    cloud_optimized : bool
        Say in the header how the file is laid out.

    Raises
    ------
    OutputError
        If a source is shorter than its blocks; it names it.
    OSError
        If a source cannot be read, or the file not written.
    """
    n_bands = images[0].blocks.file.shape[0]
    depth = _bytes_a_pixel(template)
    pixels = sum(n_bands * math.prod(image.shape) for image in images)
    big = pixels * depth > _CLASSIC_LIMIT
    head = _Head(template, block, images, big=big, ghost=_GHOST if cloud_optimized else b"")
    with path.open("wb") as file:
        file.write(head.encoded())
        for image in reversed(images):
            for run in runs(image.blocks, sources.framed):
                if not run.framed:
                    file.write(framed(sources.read(run.file, run.offset, run.size)))
                    continue
                for start in range(0, run.size, _PIECE):
                    size = min(_PIECE, run.size - start)
                    file.write(sources.read(run.file, run.offset + start, size))


class _Head:
    """All that comes before the blocks."""

    def __init__(
        self, template: Fields, block: int, images: Sequence[Image], *, big: bool, ghost: bytes
    ) -> None:
        self._big = big
        self._images = images
        self._ghost = ghost
        self._fields = [
            _fields(template, block, image, big=big, first=number == 0)
            for number, image in enumerate(images)
        ]
        self._hidden = [number for number, image in enumerate(images) if image.hidden]
        if self._hidden:
            self._fields[0][HIDDEN] = field(LONG8 if big else LONG, [0] * len(self._hidden))

    def encoded(self) -> bytes:
        """Return header and directories."""
        at = _aligned((16 if self._big else 8) + len(self._ghost))
        places = []
        for fields in self._fields:
            places.append(at)
            at = _aligned(at + len(directory_bytes(fields, at, 0, big=self._big)))
        self._place_blocks(at)
        if self._hidden:
            kind = self._fields[0][HIDDEN].kind
            self._fields[0][HIDDEN] = field(kind, [places[number] for number in self._hidden])
        return self._joined(places, at)

    def _place_blocks(self, at: int) -> None:
        for image, fields in zip(reversed(self._images), reversed(self._fields), strict=True):
            there = image.blocks.file.ravel() >= 0
            size = np.where(there, image.blocks.size.ravel() + FRAME, 0)
            ends = at + np.cumsum(size)
            kind = fields[OFFSETS].kind
            fields[OFFSETS] = field(kind, np.where(there, ends - size + LEADER, 0))
            at = int(ends[-1])

    def _joined(self, places: Sequence[int], end: int) -> bytes:
        chain = [number for number in range(len(places)) if number not in self._hidden]
        after = {number: places[other] for number, other in pairwise(chain)}
        start = places[0]
        header = b"II+\0\x08\0\0\0" + struct.pack("<Q", start)
        made = bytearray(header if self._big else b"II*\0" + struct.pack("<I", start))
        made += self._ghost
        for number, (place, fields) in enumerate(zip(places, self._fields, strict=True)):
            made += bytes(place - len(made))
            made += directory_bytes(fields, place, after.get(number, 0), big=self._big)
        return bytes(made + bytes(end - len(made)))


def _fields(
    template: Fields, block: int, image: Image, *, big: bool, first: bool
) -> dict[int, Field]:
    """Return the tags of an image, with places of blocks still to be found."""
    fields = {tag: one for tag, one in template.items() if first or tag not in _GEO}
    if not first:
        fields[SUBFILE] = field(LONG, REDUCED)
    sizes = np.where(image.blocks.file >= 0, image.blocks.size, 0).ravel()
    return (
        fields
        | dict(image.fields or {})
        | {
            HEIGHT: field(LONG, image.shape[0]),
            WIDTH: field(LONG, image.shape[1]),
            BLOCK_HEIGHT: field(LONG, block),
            BLOCK_WIDTH: field(LONG, block),
            OFFSETS: field(LONG8 if big else LONG, np.zeros(sizes.size)),
            SIZES: field(LONG, sizes),
        }
    )


def directory_bytes(fields: Fields, at: int, following: int, *, big: bool) -> bytes:
    """Return a directory for byte `at` of a file, with the values that do not fit in it after it.

    `following` is where the next one begins, 0 if it is the last.
    """
    count_form, entry, room = ("<Q", "<HHQ", 8) if big else ("<H", "<HHI", 4)
    table = bytearray(struct.pack(count_form, len(fields)))
    behind = bytearray()
    length = len(table) + len(fields) * (struct.calcsize(entry) + room) + room
    begin = _aligned(at + length)
    for tag in sorted(fields):
        kind, data = fields[tag]
        table += struct.pack(entry, tag, kind, fields[tag].length)
        if len(data) <= room:
            table += data.ljust(room, b"\0")
        else:
            table += (begin + len(behind)).to_bytes(room, "little")
            behind += data + bytes(-len(data) % 8)
    table += following.to_bytes(room, "little")
    return bytes(table + bytes(begin - at - length) + behind)


def _aligned(at: int) -> int:
    return -(-at // 8) * 8


def _bytes_a_pixel(template: Fields) -> int:
    return int(template[BITS].numbers[0]) // 8
