"""Small pictures inside the page: PNG with a palette, in a data URI."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from sitsflow.report.colours import Scale

_COLOURS = 255  # and one more, transparent


def data_uri(values: NDArray[np.float32], scale: Scale) -> str:
    """Return a picture of `values` (row, col), transparent where they are not finite."""
    finite = np.isfinite(values)
    along = (np.where(finite, values, scale.low) - scale.low) / (scale.high - scale.low)
    places = 1 + np.rint(np.clip(along, 0, 1) * (_COLOURS - 1)).astype(np.uint8)
    png = _png(np.where(finite, places, 0).astype(np.uint8), scale.palette(_COLOURS))
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def _png(places: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """Encode places in a palette whose first colour is transparent (RFC 2083)."""
    height, width = places.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = places
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", bytes(3) + colours.tobytes()),
            _chunk(b"tRNS", bytes(1)),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
