"""Heights of map pixels above the ellipsoid, from elevation models and a geoid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS as ProjCRS
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from sitsflow.errors import GridError, ProductError, ReadError
from sitsflow.geo.coordinates import node_step, source_coordinates, source_window
from sitsflow.geo.frame import anchored
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import MARGINS, resample
from sitsflow.io.opening import opened, reading

Floats = NDArray[np.float32]

_AS_THEY_ARE = ("int16", "uint16", "float32")  # types that the kernels of resampling take
_SAMPLES = 65


class Elevation(NamedTuple):
    """Heights of the pixels of a window.

    Attributes
    ----------
    heights : ndarray of float32, shape (row, col)
        Metres above the ellipsoid (WGS 84); always finite.
    holes : int
        Pixels without a height in any elevation model, which were taken to lie at sea level.
    """

    heights: Floats
    holes: int


@dataclass(frozen=True)
class _Raster:
    """The header of a raster of heights."""

    path: Path
    grid: Grid
    nodata: float | None
    scale: float
    offset: float
    turns: tuple[float, ...]
    """Degrees by which its longitudes may be counted otherwise; 0 alone if projected."""


@dataclass(frozen=True)
class ElevationModel:
    """Rasters of heights, the first that has a pixel wins, and the geoid that they count from.

    Attributes
    ----------
    rasters : tuple
        Empty: the whole Earth lies at `height`.
    geoid : raster, optional
        Heights of the geoid above the ellipsoid, added to those of `rasters` and to `height`.
        Without it both are taken as heights above the ellipsoid.
    height : float
        Metres, of pixels outside `rasters` and in their holes.
    """

    rasters: tuple[_Raster, ...]
    geoid: _Raster | None
    height: float = 0.0

    def notices(self, *, ellipsoidal: bool = False) -> tuple[str, ...]:
        """Return what a user should know of the places of pixels, as sentences.

        `ellipsoidal` says that the heights of `rasters` are above the ellipsoid indeed.
        """
        found = []
        if not self.rasters:
            found.append(
                f"no elevation model is given: all pixels are taken to lie at {self.height:g} m; "
                "those that lie higher are displaced by their height over the tangent of the "
                "incidence angle, 1.2 to 1.7 times the height"
            )
        if self.rasters and self.geoid is None and not ellipsoidal:
            found.append(
                "no geoid is given: heights are taken as above the ellipsoid WGS 84. Those of "
                "SRTM and Copernicus are above the geoid, in Europe 20 to 60 m less, which "
                "displaces pixels by as much and more: give a geoid for them, or set "
                "Sentinel_1.ellipsoidal_heights if these are others"
            )
        return tuple(found)

    def read(self, grid: Grid, window: Window) -> Elevation:
        """Read the heights of one window of a map, bilinear between those of the models.

        A pixel has the same height in every window. At the edge of a raster its outermost pixels
        go on for half a pixel.

        Parameters
        ----------
        grid : Grid
            The whole map.
        window : Window
            The pixels wanted, in `grid`.

        Raises
        ------
        ReadError
            If a raster cannot be read.
        """
        heights = np.full(window.shape, np.nan, np.float32)
        for raster in self.rasters:
            _fill(heights, raster, grid, window)
            if not np.isnan(heights).any():
                break
        missing = np.isnan(heights)
        heights[missing] = self.height
        if self.geoid is not None:
            above = np.full(window.shape, np.nan, np.float32)
            _fill(above, self.geoid, grid, window)
            if np.isnan(above).any():
                raise ReadError(
                    f"{self.geoid.path}: the geoid does not cover the map: take one that does, "
                    "such as EGM96 of the whole Earth"
                )
            heights += above
        return Elevation(heights, int(missing.sum()) if self.rasters else 0)

    def only(self, raster: _Raster) -> ElevationModel:
        """Return the model as if there were one raster alone."""
        return replace(self, rasters=(raster,))

    def covered(self, grid: Grid) -> float:
        """Share of a map, 0 to 1, that the rasters reach over, holes or not; by their headers."""
        coarse = grid.model_copy(
            update={
                "xres": grid.width * grid.xres / _SAMPLES,
                "yres": grid.height * grid.yres / _SAMPLES,
                "height": _SAMPLES,
                "width": _SAMPLES,
            }
        )
        reached = np.zeros(coarse.shape, bool)
        for raster in self.rasters:
            for source in _turned(raster):
                places = source_coordinates(coarse, coarse.whole, source, 1)
                rows, cols = places.rows, places.cols
                if places.step == 0:
                    rows, cols = np.meshgrid(rows, cols, indexing="ij")
                down = (rows >= -0.5) & (rows < source.height - 0.5)
                reached |= down & (cols >= -0.5) & (cols < source.width - 0.5)
        return float(reached.mean())


def open_elevation(
    rasters: Sequence[Path], geoid: Path | None = None, height: float = 0.0
) -> ElevationModel:
    """Read the headers of elevation models and of a geoid.

    Parameters
    ----------
    rasters : sequence of Path
        North-up rasters of heights in metres, of any kind that GDAL reads; their first band
        counts. Where they overlap the first one that has a height wins.
    geoid : Path, optional
        Heights of the geoid above the ellipsoid, metres; longitudes may go from 0 to 360.
    height : float
        Metres, where no raster has a height.

    Raises
    ------
    ProductError
        Naming all files that cannot be used, and why.
    """
    faults: list[str] = []
    found = [_header(path, faults) for path in rasters]
    about_geoid = None if geoid is None else _header(geoid, faults)
    if faults:
        raise ProductError("elevation: " + "; ".join(faults))
    return ElevationModel(tuple(one for one in found if one is not None), about_geoid, height)


def _header(path: Path, faults: list[str]) -> _Raster | None:
    try:
        with reading(sidecars=True), opened(path) as raster:
            if raster.crs is None:
                faults.append(f"{path}: has no coordinate reference system: it needs one")
                return None
            # Heights may be part of the system (EGM96): only its horizontal part places pixels.
            system = ProjCRS.from_user_input(raster.crs.to_wkt()).to_2d()
            crs = type(raster.crs).from_wkt(_horizontal(system).to_wkt())
            grid = Grid.from_affine(crs, raster.transform, raster.height, raster.width)
            turns = (0.0, -360.0, 360.0) if crs.is_geographic else (0.0,)
            return _Raster(path, grid, raster.nodata, raster.scales[0], raster.offsets[0], turns)
    except (OSError, RasterioError, GridError) as error:
        faults.append(f"{path}: cannot be used ({error})")
        return None


def _horizontal(system: ProjCRS) -> ProjCRS:
    return system.sub_crs_list[0] if system.is_compound else system


def _turned(raster: _Raster) -> list[Grid]:
    """Return the grid of a raster with its longitudes counted in each way."""
    grid = raster.grid
    return [grid.model_copy(update={"x": grid.x + turn}) for turn in raster.turns]


def _fill(heights: Floats, raster: _Raster, grid: Grid, window: Window) -> None:
    """Put heights of a raster where there are none yet."""
    for source in _turned(raster):
        step = node_step(grid, source)
        target, place = anchored(grid, window, max(step, 1))
        part = source_window(target, place, source, step, MARGINS["bilinear"])
        if part is None:
            continue
        values = _read(raster, part)
        places = source_coordinates(target, place, source, step)
        found = resample(values[None], None, raster.nodata, places, part, "bilinear")[0]
        found = found * np.float32(raster.scale) + np.float32(raster.offset)
        np.copyto(heights, found, where=np.isnan(heights))


def _read(raster: _Raster, part: Window) -> NDArray[np.generic]:
    try:
        with reading(sidecars=True), opened(raster.path) as source:
            values: NDArray[np.generic] = source.read(
                1, window=RasterWindow(part.col, part.row, part.width, part.height)
            )
    except (OSError, RasterioError) as error:
        raise ReadError(f"{raster.path}: cannot be read ({error})") from None
    return values if values.dtype.name in _AS_THEY_ARE else values.astype(np.float32)
