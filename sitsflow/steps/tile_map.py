"""Maps of tiles as files: GeoTIFFs that keep figures, and overviews for all readers or none.

Those of a map of all tiles in one file are hidden: they lie on that map's blocks, and are moved to
it. Where tiles are read as they are, each is a Cloud Optimized GeoTIFF.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.frame import Frame, halved_shape, overlap
from sitsflow.geo.grid import Grid, Window
from sitsflow.io.block_codec import BlockCodec, template_of
from sitsflow.io.block_places import Blocks, Sources
from sitsflow.io.geotiff import HIDDEN, Image, write_geotiff
from sitsflow.io.tiff import (
    BANDS,
    DOUBLE,
    PIXEL_SIZE,
    SIGNED,
    TIE_POINT,
    Directory,
    TiffError,
    directory_at,
    field,
    read_directories,
)
from sitsflow.io.write import BLOCK
from sitsflow.steps.parts import OpenParts, Part, torn
from sitsflow.steps.statistics import FIGURES, band_tags
from sitsflow.steps.tile_blocks import Spool, TileBlocks, TileBuilder

_FIGURES, _PLACE = 65101, 65102
"""Private tags: the figures of each block, and its first block in the map it was made for."""


@dataclass(frozen=True)
class About:
    """What a map says of itself."""

    labels: Sequence[str]
    nodata: float
    tags: Mapping[str, str]
    compression: str


def write_tile_map(
    path: Path,
    parts: Sequence[Part],
    grid: Grid,
    window: Window,
    about: About,
    *,
    cloud_optimized: bool = False,
) -> tuple[float, ...]:
    """Write the map of a grid; return the share of its pixels with a value, by band.

    `window` is where the grid lies in the mosaic. If `cloud_optimized`, its overviews are seen, and
    begin where the file does; otherwise they are hidden, and are the mosaic's part.

    The file begins at the first pixel of a block of the mosaic: up to 511 rows and columns of no
    data lie before the grid's. It is written in place, and a file of encoded blocks beside it
    while that lasts.
    """
    codec = BlockCodec(about.compression)
    encoded = path.with_name(f"{path.name}.encoded")
    n_bands = len(about.labels)
    if cloud_optimized:
        parts, window = _from_first_block(parts, window)
    with Sources() as sources, Spool(encoded, sources, codec) as spool:
        with OpenParts(n_bands, codec) as opened:
            build = TileBuilder(parts, window, n_bands, about.nodata, opened, sources, spool)
            made = build.built()
        shape = _shape(made.frame, window)
        template = template_of(
            _begun(grid, window, made.frame),
            nodata=about.nodata,
            descriptions=about.labels,
            tags=about.tags,
            band_tags=band_tags(made.figures, shape[0] * shape[1]),
            compression=about.compression,
        )
        images = _images(made, shape, hidden=not cloud_optimized)
        write_geotiff(path, template, BLOCK, images, sources, cloud_optimized=cloud_optimized)
    encoded.unlink()
    return shares(made.figures, window.height * window.width)


def _begun(grid: Grid, window: Window, frame: Frame) -> Grid:
    """Return the grid from the first pixel of the blocks on; `grid` is that of `window`."""
    return grid.part(frame.window(BLOCK).relative_to(window))


def _shape(frame: Frame, window: Window) -> tuple[int, int]:
    return (
        window.row + window.height - frame.row * BLOCK,
        window.col + window.width - frame.col * BLOCK,
    )


def _from_first_block(parts: Sequence[Part], window: Window) -> tuple[list[Part], Window]:
    """Count rows and columns from the first block that a window shares a pixel with."""
    corner = Frame.around(window, BLOCK).window(BLOCK)
    moved = [replace(part, window=part.window.relative_to(corner)) for part in parts]
    return moved, window.relative_to(corner)


def _images(made: TileBlocks, shape: tuple[int, int], *, hidden: bool) -> list[Image]:
    kept = {
        _FIGURES: field(DOUBLE, made.figures.ravel()),
        _PLACE: field(SIGNED, [made.frame.row, made.frame.col]),
    }
    images = [Image(shape, made.levels[0], fields=kept)]
    for level, blocks in enumerate(made.levels[1:], start=1):
        whole = made.frame.halved(level).window(BLOCK)
        size = whole.shape if hidden else halved_shape(shape, level)
        images.append(Image(size, blocks, hidden=hidden))
    return images


def shares(figures: NDArray[np.float64], n_pixels: int) -> tuple[float, ...]:
    """Return the share of pixels with a value, by band, to a millionth; 0 only if it is none."""
    counts = figures[FIGURES.index("count")].sum(axis=(1, 2)).tolist()
    return tuple(max(round(count / n_pixels, 6), 1e-6) if count else 0.0 for count in counts)


@dataclass(frozen=True)
class PlacedTile:
    """A tile's map, whose blocks lie on those of the mosaic; as `TileBlocks`."""

    part: Part
    frame: Frame
    levels: list[Blocks]
    figures: NDArray[np.float64]


def placed_tile(
    part: Part, mosaic: Grid, n_bands: int, codec: BlockCodec, sources: Sources
) -> PlacedTile | None:
    """Find the blocks of a tile's map; None where it was made otherwise, or for another mosaic.

    Raises
    ------
    OutputError
        If the file is cut short.
    """
    frame = Frame.around(part.window, BLOCK)
    if overlap(part.window, mosaic.whole) != part.window:
        return None
    try:
        full = read_directories(part.path)[0]
        if not _fits(full, frame, part, n_bands, codec):
            return None
        hidden = [directory_at(part.path, int(at)) for at in full.numbers(HIDDEN)]
        row, col = (int(one) for one in full.numbers(_PLACE))
        if any(
            (then - now) % (1 << len(hidden))
            for then, now in zip((row, col), frame[:2], strict=True)
        ):
            return None
        levels = _levels(part, [full, *hidden], sources)
        figures = _figures(full, frame, n_bands)
    except TiffError:
        return None  # GDAL says better what is wrong with it
    return PlacedTile(part, frame, levels, figures)


def kept_figures(part: Part, n_bands: int) -> tuple[Frame, NDArray[np.float64]] | None:
    """Return a map's blocks of the mosaic with their `FIGURES`; None where it lies on others.

    Raises
    ------
    OutputError
        If the file is cut short.
    """
    frame = Frame.around(part.window, BLOCK)
    try:
        full = read_directories(part.path)[0]
        offset, size = full.places
        if (offset + size).max() > part.path.stat().st_size:
            raise torn(part, "the file ends before its last block")
        if not _lies_on_blocks(full, frame, part, n_bands):
            return None
        return frame, _figures(full, frame, n_bands)
    except TiffError as error:
        raise torn(part, error) from error


def _figures(full: Directory, frame: Frame, n_bands: int) -> NDArray[np.float64]:
    shape = (len(FIGURES), n_bands, frame.rows, frame.cols)
    return full.numbers(_FIGURES).astype(np.float64).reshape(shape)


def _fits(full: Directory, frame: Frame, part: Part, n_bands: int, codec: BlockCodec) -> bool:
    return (
        {HIDDEN, _PLACE} <= set(full.fields)
        and _lies_on_blocks(full, frame, part, n_bands)
        and codec.made(full.fields)
    )


def _lies_on_blocks(full: Directory, frame: Frame, part: Part, n_bands: int) -> bool:
    if not {_FIGURES, PIXEL_SIZE, TIE_POINT} <= set(full.fields):
        return False
    grid = _begun(part.grid, part.window, frame)
    found = np.concatenate([full.numbers(PIXEL_SIZE)[:2], full.numbers(TIE_POINT)[3:5]])
    wanted = [grid.xres, grid.yres, grid.x, grid.y]
    return (
        full.shape == _shape(frame, part.window)
        and full.number(BANDS, 1) == n_bands
        and bool(np.allclose(found.astype(np.float64), wanted, rtol=0, atol=1e-3))
    )


def _levels(part: Part, images: Sequence[Directory], sources: Sources) -> list[Blocks]:
    number, length = sources.add(part.path, framed=True), part.path.stat().st_size
    levels = []
    for image in images:
        offset, size = image.places
        if (offset + size).max() > length:
            raise torn(part, "the file ends before its last block")
        file = np.where(size > 0, number, -1).astype(np.int32)
        levels.append(Blocks(file, offset, size))
    return levels
