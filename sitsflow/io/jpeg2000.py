"""Whether a JPEG 2000 file holds its tiles: readers may fill what is missing with zeros.

Boxes and markers are those of ISO/IEC 15444-1, annexes I and A. Only their heads are read.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
_SOC, _SIZ, _SOT, _EOC = 0xFF4F, 0xFF51, 0xFF90, 0xFFD9


class _CutError(Exception):
    """The file ends where more is needed."""


def fault_of(path: Path) -> str | None:
    """Return what is missing in a JPEG 2000 file, as part of a sentence; None if it is whole.

    No pixel is decoded: each part of a tile tells its length. A file of another format is whole.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return None
        size = file.seek(0, 2)
        try:
            _find_codestream(file, size)
            return _fault_of_codestream(file, size)
        except _CutError:
            return f"the file ends too early, after {size} bytes"


def _find_codestream(file: BinaryIO, size: int) -> None:
    """Place `file` at the first codestream."""
    at = 0
    while at < size:
        file.seek(at)
        length, kind = _read(file, ">I4s")
        head = 8
        if length == 1:
            (length,) = _read(file, ">Q")
            head = 16
        if kind == b"jp2c":
            if length and at + length > size:
                raise _CutError
            file.seek(at + head)
            return
        if length < head:  # 0: up to the end of the file
            break
        at += length
    raise _CutError


def _fault_of_codestream(file: BinaryIO, size: int) -> str | None:
    if _read(file, ">H") != (_SOC,):
        return "its codestream does not begin as one"
    tiles, seen = 0, set()
    while True:
        at = file.tell()
        (marker,) = _read(file, ">H")
        if marker == _EOC:
            break
        (length,) = _read(file, ">H")
        if marker == _SIZ:
            tiles = _count_of_tiles(file)
        if marker != _SOT:
            file.seek(at + 2 + length)
            continue
        tile, part = _read(file, ">HI")
        seen.add(tile)
        if part == 0:  # up to the end of the codestream
            file.seek(size - 2)
        elif part < 14 or at + part > size:  # shorter than its own head
            raise _CutError
        else:
            file.seek(at + part)
    if len(seen) < tiles:
        return f"{tiles - len(seen)} of its {tiles} tiles are not there"
    return None


def _count_of_tiles(file: BinaryIO) -> int:
    """Read what a SIZ marker says of the tiles; return how many there are."""
    # Capabilities, the area's end and start, the size of tiles, and where the first one begins.
    numbers: tuple[int, ...] = _read(file, ">H8I")
    _, right, bottom, _, _, width, height, left, top = numbers
    if not (width and height):
        return 0
    across: int = math.ceil((right - left) / width)
    down: int = math.ceil((bottom - top) / height)
    return across * down


def _read(file: BinaryIO, form: str) -> tuple[Any, ...]:
    wanted = struct.calcsize(form)
    data = file.read(wanted)
    if len(data) < wanted:
        raise _CutError
    return struct.unpack(form, data)
