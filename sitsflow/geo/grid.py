"""Where pixels lie: north-up grids, windows of them, and lattices that grids share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from affine import Affine
from pydantic import BaseModel, ConfigDict, Field
from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform, transform_bounds

from sitsflow.errors import GridError

Bounds = tuple[float, float, float, float]
"""West, south, east, north, in the units of a coordinate reference system."""

_ON_LATTICE = 1e-6  # fraction of a pixel under which two grids are the same grid


class Window(BaseModel):
    """A rectangle of pixels inside a grid, by its first row and column."""

    model_config = ConfigDict(frozen=True)

    row: int
    col: int
    height: int = Field(gt=0)
    width: int = Field(gt=0)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices into an array of the whole grid."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.col, self.col + self.width),
        )

    def padded(self, rows: int, cols: int, within: tuple[int, int]) -> Window:
        """Grow by `rows` and `cols` on every side, clipped to a grid of shape `within`."""
        top, left = max(0, self.row - rows), max(0, self.col - cols)
        bottom = min(within[0], self.row + self.height + rows)
        right = min(within[1], self.col + self.width + cols)
        return Window(row=top, col=left, height=bottom - top, width=right - left)

    def grown(self, pixels: int) -> Window:
        """Grow by `pixels` on every side, also beyond the grid."""
        return Window(
            row=self.row - pixels,
            col=self.col - pixels,
            height=self.height + 2 * pixels,
            width=self.width + 2 * pixels,
        )

    def relative_to(self, outer: Window) -> Window:
        """Return this window in the rows and columns of `outer`, which holds it."""
        return Window(
            row=self.row - outer.row,
            col=self.col - outer.col,
            height=self.height,
            width=self.width,
        )


@lru_cache(maxsize=64)
def _rasterio_crs(text: str) -> CRS:
    return CRS.from_string(text)


class Grid(BaseModel):
    """A north-up raster grid.

    `x` and `y` are the map coordinates of the outer corner of the first pixel (west, north);
    `xres` and `yres` are positive pixel sizes in the units of `crs`.
    """

    model_config = ConfigDict(frozen=True)

    crs: str
    x: float
    y: float
    xres: float = Field(gt=0)
    yres: float = Field(gt=0)
    height: int = Field(gt=0)
    width: int = Field(gt=0)

    @classmethod
    def from_affine(cls, crs: CRS, transform: Affine, height: int, width: int) -> Grid:
        """Build from what a raster's header says; rotated or south-up grids are refused."""
        if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
            raise GridError(f"not a north-up grid: {tuple(transform)[:6]}")
        return cls(
            crs=crs.to_string(),
            x=transform.c,
            y=transform.f,
            xres=transform.a,
            yres=-transform.e,
            height=height,
            width=width,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def transform(self) -> Affine:
        """From (column, row) to map coordinates."""
        return Affine(self.xres, 0.0, self.x, 0.0, -self.yres, self.y)

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north of the outer pixel edges."""
        return (
            self.x,
            self.y - self.height * self.yres,
            self.x + self.width * self.xres,
            self.y,
        )

    @property
    def rasterio_crs(self) -> CRS:
        """The coordinate reference system as rasterio's object."""
        # Not a cached property: copies of a model keep those, under another system too.
        return _rasterio_crs(self.crs)

    @property
    def system(self) -> str:
        """The coordinate reference system in a few words, for people: EPSG:n, or its name."""
        name = re.search(r'"([^"]*)"', self.crs)
        return self.crs if name is None else f"a system without EPSG code ({name[1]})"

    @property
    def whole(self) -> Window:
        """The window that covers the grid."""
        return Window(row=0, col=0, height=self.height, width=self.width)

    def part(self, window: Window) -> Grid:
        """Return the grid of a window of this grid."""
        return self.model_copy(
            update={
                "x": self.x + window.col * self.xres,
                "y": self.y - window.row * self.yres,
                "height": window.height,
                "width": window.width,
            }
        )

    def subdivided(self, down: int, right: int) -> Grid:
        """Return the grid of `down` times `right` equal parts of each pixel."""
        return self.model_copy(
            update={
                "xres": self.xres / right,
                "yres": self.yres / down,
                "height": self.height * down,
                "width": self.width * right,
            }
        )

    def offset_in(self, other: Grid) -> tuple[int, int] | None:
        """Row and column of this grid's first pixel in `other`, None if they do not coincide."""
        if self.rasterio_crs != other.rasterio_crs or not self.same_pixel_size(other):
            return None
        row = (other.y - self.y) / self.yres
        col = (self.x - other.x) / self.xres
        if abs(row - round(row)) > _ON_LATTICE or abs(col - round(col)) > _ON_LATTICE:
            return None
        return round(row), round(col)

    def same_pixel_size(self, other: Grid) -> bool:
        """Whether pixels are as large as those of `other`, to a millionth."""
        return math.isclose(self.xres, other.xres, rel_tol=1e-9) and math.isclose(
            self.yres, other.yres, rel_tol=1e-9
        )

    def nearest_offset_in(self, other: Grid) -> tuple[int, int]:
        """Row and column of this grid's first pixel in `other`, to the nearest whole pixel."""
        return round((other.y - self.y) / self.yres), round((self.x - other.x) / self.xres)

    def pixel_at(self, x: float, y: float) -> Window | None:
        """Return the pixel that holds a point (in this grid's CRS), None if it lies outside."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        row, col = math.floor((self.y - y) / self.yres), math.floor((x - self.x) / self.xres)
        if 0 <= row < self.height and 0 <= col < self.width:
            return Window(row=row, col=col, height=1, width=1)
        return None

    def window_of(self, bounds: Bounds) -> Window | None:
        """Return the smallest window that covers `bounds` (in this grid's CRS), None if none."""
        west, south, east, north = bounds
        left = max(0, math.floor((west - self.x) / self.xres + _ON_LATTICE))
        right = min(self.width, math.ceil((east - self.x) / self.xres - _ON_LATTICE))
        top = max(0, math.floor((self.y - north) / self.yres + _ON_LATTICE))
        bottom = min(self.height, math.ceil((self.y - south) / self.yres - _ON_LATTICE))
        if right <= left or bottom <= top:
            return None
        return Window(row=top, col=left, height=bottom - top, width=right - left)


class Lattice(BaseModel):
    """The infinite family of pixel edges that aligned grids share."""

    model_config = ConfigDict(frozen=True)

    crs: str
    xres: float
    yres: float
    x: float = 0.0
    y: float = 0.0

    def grid_over(self, bounds: Bounds) -> Grid:
        """Return the smallest grid of this lattice that covers `bounds` (in its CRS)."""
        west, south, east, north = bounds
        left = math.floor((west - self.x) / self.xres + _ON_LATTICE)
        right = math.ceil((east - self.x) / self.xres - _ON_LATTICE)
        top = math.ceil((north - self.y) / self.yres - _ON_LATTICE)
        bottom = math.floor((south - self.y) / self.yres + _ON_LATTICE)
        return Grid(
            crs=self.crs,
            x=self.x + left * self.xres,
            y=self.y + top * self.yres,
            xres=self.xres,
            yres=self.yres,
            height=max(1, top - bottom),
            width=max(1, right - left),
        )


def bounds_in(grid: Grid, crs: str) -> Bounds:
    """Bounds of `grid` in another CRS, edges followed at 101 points a side."""
    target = CRS.from_string(crs)
    if grid.rasterio_crs == target:
        return grid.bounds
    bounds = transform_bounds(grid.rasterio_crs, target, *grid.bounds, densify_pts=101)
    if not all(math.isfinite(value) for value in bounds):
        raise GridError(f"the grid at {grid.bounds} in {grid.crs} does not transform to {crs}")
    return bounds  # type: ignore[no-any-return]


def union(bounds: Sequence[Bounds]) -> Bounds:
    """Return the smallest rectangle that holds all of `bounds`."""
    west, south, east, north = zip(*bounds, strict=True)
    return min(west), min(south), max(east), max(north)


def warped_grid(source: Grid, crs: str, xres: float, yres: float) -> Grid:
    """Return the grid GDAL's warp would choose for `source` in `crs`, its origin on no lattice.

    This is iota2's reference image (`gdalwarp -t_srs -tr`), kept for `grid_alignment: False`.
    """
    transform, width, height = calculate_default_transform(
        source.rasterio_crs,
        CRS.from_string(crs),
        source.width,
        source.height,
        *source.bounds,
        resolution=(xres, yres),
    )
    return Grid.from_affine(CRS.from_string(crs), transform, height, width)
