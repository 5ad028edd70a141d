"""Writing VRTs: rasters of GDAL that refer to parts of other files.

rasterio can read a VRT but not make one of several files, so that the XML is written here, after
https://gdal.org/en/stable/drivers/raster/vrt.html. It is written piece by piece: of a thousand
files with a hundred bands it is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from sitsflow.geo.frame import halved_shape
from sitsflow.geo.grid import Grid, Window
from sitsflow.io.write import BLOCK

_Attributes = Mapping[str, str | int]


@dataclass(frozen=True)
class Piece:
    """A part of a raster of 32-bit floats, and where it lies in the VRT."""

    file: str
    """As the VRT names it: relative to its own folder, or absolute."""
    shape: tuple[int, int]
    """Rows and columns of the file."""
    window: Window
    """Of the file's pixels."""
    place: Window
    """In rows and columns of the VRT, as large as `window`."""


def write_vrt(
    target: BinaryIO,
    grid: Grid,
    pieces: Sequence[Piece],
    *,
    nodata: float,
    descriptions: Sequence[str],
    tags: Mapping[str, str],
    band_tags: Sequence[Mapping[str, str]],
) -> None:
    """Write a VRT of 32-bit floats; each band shows the same band of every piece.

    Parameters
    ----------
    target : binary file
        It gets XML in UTF-8.
    grid : Grid
        Of the VRT.
    pieces : sequence of Piece
        Of several that have a value at a pixel, the first is seen.
    nodata : float
        Of the VRT and of all files, as they have it: to the last digit of their type, or NaN.
    descriptions : sequence of str
        One name a band.
    tags, band_tags : mapping of str to str, sequence of such
        Metadata of the VRT and of each band.
    """
    writer = _Writer(target)
    size: _Attributes = {"rasterXSize": grid.width, "rasterYSize": grid.height}
    with writer.element("VRTDataset", size):
        # Without a mapping of axes GDAL takes east before north, as all transforms here do.
        writer.leaf("SRS", grid.rasterio_crs.to_wkt())
        writer.leaf("GeoTransform", ", ".join(repr(one) for one in grid.transform.to_gdal()))
        writer.metadata({"AREA_OR_POINT": "Area", **tags})
        if factors := list(_factors(grid.shape)):
            # Without them readers that look for overviews read a large map as a whole.
            writer.leaf("OverviewList", " ".join(map(str, factors)), {"resampling": "average"})
        for band, (name, own) in enumerate(zip(descriptions, band_tags, strict=True), start=1):
            about: _Attributes = {
                "dataType": "Float32", "band": band, "blockXSize": BLOCK, "blockYSize": BLOCK,
            }  # fmt: skip
            with writer.element("VRTRasterBand", about):
                writer.metadata(own)
                writer.leaf("Description", name)
                writer.leaf("NoDataValue", repr(nodata))
                if band == 1:  # as in a GeoTIFF
                    writer.leaf("ColorInterp", "Gray")
                # What comes later lies on top.
                for piece in reversed(pieces):
                    _write_source(writer, piece, band, nodata)
    writer.end()


def _factors(shape: tuple[int, int]) -> Iterator[int]:
    """Yield the pixels a pixel of each overview, down to one of at most a block."""
    level = 0
    while max(halved_shape(shape, level)) > BLOCK:
        level += 1
        yield 2**level


def _write_source(writer: _Writer, piece: Piece, band: int, nodata: float) -> None:
    relative = 0 if piece.file.startswith("/") else 1
    height, width = piece.shape
    with writer.element("ComplexSource", {"resampling": "average"}):
        writer.leaf("SourceFilename", piece.file, {"relativeToVRT": relative})
        writer.leaf("SourceBand", str(band))
        # With these GDAL opens a file only when it reads of it.
        writer.leaf("SourceProperties", "", {
            "RasterXSize": width, "RasterYSize": height, "DataType": "Float32",
            "BlockXSize": BLOCK, "BlockYSize": BLOCK,
        })  # fmt: skip
        writer.leaf("SrcRect", "", _rectangle(piece.window))
        writer.leaf("DstRect", "", _rectangle(piece.place))
        writer.leaf("NODATA", repr(nodata))


def _rectangle(window: Window) -> _Attributes:
    return {
        "xOff": window.col,
        "yOff": window.row,
        "xSize": window.width,
        "ySize": window.height,
    }


class _Writer:
    """Elements, one a line; names and texts are escaped."""

    def __init__(self, target: BinaryIO) -> None:
        self._xml = XMLGenerator(target, encoding="utf-8", short_empty_elements=True)
        self._xml.startDocument()
        self._depth = 0

    @contextmanager
    def element(self, name: str, attributes: _Attributes | None = None) -> Iterator[None]:
        self._begin(name, attributes)
        self._xml.characters("\n")
        self._depth += 1
        yield
        self._depth -= 1
        self._xml.characters("  " * self._depth)
        self._end(name)

    def leaf(self, name: str, text: str, attributes: _Attributes | None = None) -> None:
        self._begin(name, attributes)
        self._xml.characters(text)
        self._end(name)

    def metadata(self, tags: Mapping[str, str]) -> None:
        if tags:
            with self.element("Metadata"):
                for key, value in tags.items():
                    self.leaf("MDI", value, {"key": key})

    def end(self) -> None:
        self._xml.endDocument()

    def _begin(self, name: str, attributes: _Attributes | None) -> None:
        self._xml.characters("  " * self._depth)
        texts = {key: str(value) for key, value in (attributes or {}).items()}
        self._xml.startElement(name, AttributesImpl(texts))

    def _end(self, name: str) -> None:
        self._xml.endElement(name)
        self._xml.characters("\n")
