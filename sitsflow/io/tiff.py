"""The directories of TIFF files: their tags, and where their compressed blocks lie.

Source of the format: TIFF revision 6.0 (Adobe, 1992), and the BigTIFF design
(https://libtiff.gitlab.io/libtiff/specification/bigtiff.html). Only little-endian files: ours are.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIPS, BANDS, STRIP_ROWS, STRIP_SIZES, PLANES, PREDICTOR = 273, 277, 278, 279, 284, 317
BLOCK_WIDTH, BLOCK_HEIGHT, OFFSETS, SIZES, SAMPLE_FORMAT = 322, 323, 324, 325, 339
PIXEL_SIZE, TIE_POINT = 33550, 33922
REDUCED = 1
"""Value of SUBFILE: an overview."""
SEPARATE = 2
"""Value of PLANES: each band has blocks of its own."""

_DTYPES = {
    1: "u1", 2: "u1", 3: "<u2", 4: "<u4", 6: "i1", 7: "u1", 8: "<i2", 9: "<i4", 11: "<f4",
    12: "<f8", 13: "<u4", 16: "<u8", 17: "<i8", 18: "<u8",
}  # fmt: skip
"""NumPy's names of the types of tags; rationals, 5 and 10, are pairs that nothing here reads."""
_WIDTHS = {kind: np.dtype(name).itemsize for kind, name in _DTYPES.items()} | {5: 8, 10: 8}
ASCII, SHORT, LONG, SIGNED, DOUBLE, LONG8 = 2, 3, 4, 9, 12, 16
_MOST_DIRECTORIES = 64
_MOST_TAGS = 4096


class TiffError(ValueError):
    """Not a TIFF that this module can read, or one that is cut short; the message says why."""


class Field(NamedTuple):
    """A tag's value: its type and bytes."""

    kind: int
    data: bytes

    @property
    def length(self) -> int:
        """How many numbers or letters it is."""
        return len(self.data) // _WIDTHS[self.kind]

    @property
    def numbers(self) -> NDArray[Any]:
        """Its numbers."""
        if self.kind not in _DTYPES:
            raise TiffError(f"numbers of type {self.kind}")
        return np.frombuffer(self.data, _DTYPES[self.kind])


Fields = Mapping[int, Field]
"""Tags of a directory by number."""


def field(kind: int, values: ArrayLike) -> Field:
    """Return a tag's value of one or more numbers."""
    return Field(kind, np.atleast_1d(np.asarray(values)).astype(_DTYPES[kind]).tobytes())


@dataclass(frozen=True)
class Directory:
    """One image of a file."""

    fields: Fields

    def number(self, tag: int, default: int | None = None) -> int:
        """Return a tag's first number, or else `default`."""
        if tag not in self.fields and default is not None:
            return default
        found = self.numbers(tag)
        if not found.size or found.dtype.kind == "f":
            raise TiffError(f"tag {tag} has no whole number")
        return int(found[0])

    def numbers(self, tag: int) -> NDArray[Any]:
        """Return a tag's numbers."""
        if tag not in self.fields:
            raise TiffError(f"no tag {tag}")
        return self.fields[tag].numbers

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.number(HEIGHT), self.number(WIDTH)

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns of a block; a strip is one."""
        if BLOCK_WIDTH in self.fields:
            return self.number(BLOCK_HEIGHT), self.number(BLOCK_WIDTH)
        rows, cols = self.shape
        return min(rows, self.number(STRIP_ROWS, rows)), cols

    @property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Offsets and sizes in bytes of the blocks, each (plane, row, col); 0 of no block.

        There is one plane a band where these are apart, else one of all.
        """
        tiled = BLOCK_WIDTH in self.fields
        planes = self.number(BANDS, 1) if self.number(PLANES, 1) == SEPARATE else 1
        (rows, cols), (height, width) = self.shape, self.block
        shape = (planes, -(-rows // max(1, height)), -(-cols // max(1, width)))
        tags = (OFFSETS, SIZES) if tiled else (STRIPS, STRIP_SIZES)
        found = [self.numbers(tag).astype(np.int64) for tag in tags]
        if any(one.size != math.prod(shape) or (one < 0).any() for one in found):
            raise TiffError(f"no places of {math.prod(shape)} blocks")
        return found[0].reshape(shape), found[1].reshape(shape)


def read_directories(path: Path) -> list[Directory]:
    """Return the images of a file in order, the full one first as GDAL writes them.

    Raises
    ------
    TiffError
        If it is no TIFF, a big-endian one, or cut short before the end of a directory.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return directories(file)


def directories(file: BinaryIO) -> list[Directory]:
    """Return the images of an open file."""
    big, at = _header(file)
    found: list[Directory] = []
    while at:
        if len(found) == _MOST_DIRECTORIES:
            raise TiffError(f"more than {_MOST_DIRECTORIES} directories, or a ring of them")
        directory, at = _directory(file, at, big=big)
        found.append(directory)
    return found


def directory_at(path: Path, at: int) -> Directory:
    """Return the image whose directory begins at byte `at`, which no other need name."""
    with path.open("rb") as file:
        big, _ = _header(file)
        return _directory(file, at, big=big)[0]


def _header(file: BinaryIO) -> tuple[bool, int]:
    start = _read(file, 0, 8)
    if start[:4] == b"II*\0":
        return False, struct.unpack("<I", start[4:])[0]
    if start == b"II+\0\x08\0\0\0":
        return True, struct.unpack("<Q", _read(file, 8, 8))[0]
    raise TiffError("no little-endian TIFF")


def _directory(file: BinaryIO, at: int, *, big: bool) -> tuple[Directory, int]:
    count_form, entry, room = ("<Q", "<HHQ", 8) if big else ("<H", "<HHI", 4)
    head = struct.calcsize(count_form)
    (count,) = struct.unpack(count_form, _read(file, at, head))
    if count > _MOST_TAGS:
        raise TiffError(f"a directory of {count} tags")
    step = struct.calcsize(entry) + room
    table = _read(file, at + head, count * step + room)
    fields: dict[int, Field] = {}
    for place in range(0, count * step, step):
        tag, kind, length = struct.unpack_from(entry, table, place)
        inline = table[place + step - room : place + step]
        if kind not in _WIDTHS:
            continue  # TIFF 6.0, section 2: readers pass over tags of types that they do not know
        size = length * _WIDTHS[kind]
        if size > room:
            inline = _read(file, int.from_bytes(inline, "little"), size)
        fields[tag] = Field(kind, inline[:size])
    return Directory(fields), int.from_bytes(table[-room:], "little")


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    end = file.seek(0, 2)
    if at + size > end:
        raise TiffError(f"cut short: {end} bytes, at least {at + size} wanted")
    file.seek(at)
    return file.read(size)
