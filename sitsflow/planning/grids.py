"""The grids of a run: one lattice for all tiles, cropped to the area of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform

from sitsflow.errors import GridError, MissingInputError
from sitsflow.geo.area import read_area, touches
from sitsflow.geo.grid import Bounds, Grid, Lattice, Window, bounds_in, union, warped_grid
from sitsflow.geo.seam import refuse_cut
from sitsflow.io.read import Header
from sitsflow.planning.room import MOST_SIDE, refuse_huge, refuse_huge_map
from sitsflow.products.sensors.model import Sensor
from sitsflow.request import Request, SensorRequest

_HUGE = 10**9
"""Pixels of a mosaic that is refused if nearly all of it is empty."""


class RunGrids(NamedTuple):
    """Where the pixels of a run lie."""

    grids: dict[str, Grid]
    """Of each tile that has something to compute, in the order of the run."""
    rooms: dict[str, Window]
    """The whole of a tile in pixels of its grid, for tiles cropped to the area."""
    mosaic: Grid
    area: Bounds | None
    notices: tuple[str, ...]


def define_grids(
    request: Request,
    sensors: Sequence[tuple[Sensor, SensorRequest]],
    headers: Mapping[tuple[str, str], Mapping[str, Header]],
) -> RunGrids:
    """Choose the grids of all tiles.

    Without `grid_alignment` each tile has the grid that GDAL's warp would give its reference, as
    in iota2, and the mosaic is off by fractions of a pixel.

    Raises
    ------
    MissingInputError
        If the area of interest touches no tile.
    GridError
        If the edge of the reference system cuts a tile.
    ConfigError
        If there are more pixels than any map has.
    """
    # Rasters of the user and images of radar are read where the other products are.
    placed = [one for one, wanted in sensors if one.dated and wanted.radar is None] or [
        one for one, _ in sensors if one.dated
    ]
    references = {
        tile: [headers[tile, one.label][one.bands[0].name].grid for one in placed]
        for tile in dict.fromkeys(tile for tile, _ in headers)
    }
    labels = {sensor.label for sensor in placed}
    finest = _finest({key: one for key, one in headers.items() if key[1] in labels})
    crs = CRS.from_string(request.crs).to_string() if request.crs else finest.crs
    xres, yres = request.resolution or _native_resolution(finest, crs)
    lattice = _lattice(finest, crs, xres, yres)
    _refuse_cut_tiles(references, crs)
    grids = {}
    for tile, sources in references.items():
        bounds = union([bounds_in(one, crs) for one in sources])
        _refuse_huge_tile(tile, bounds, xres, yres)
        if request.grid_alignment:
            grids[tile] = lattice.grid_over(bounds)
        else:
            grids[tile] = warped_grid(sources[0], crs, xres, yres)
    area: Bounds | None = None
    rooms: dict[str, Window] = {}
    if request.area_of_interest is not None:
        grids, rooms, area = _cropped(grids, request, crs)
    mosaic = _mosaic(grids, lattice, aligned=request.grid_alignment)
    refuse_huge_map(mosaic)
    return RunGrids(grids, rooms, mosaic, area, _notices(grids, request, references, crs))


def _refuse_cut_tiles(references: Mapping[str, Sequence[Grid]], crs: str) -> None:
    faults = []
    for tile, sources in references.items():
        try:
            for source in sources:
                refuse_cut(source, crs)
        except GridError as error:
            faults.append(f"tile {tile}: {error}")
    if faults:
        raise GridError("\n".join(faults))


def _refuse_huge_tile(tile: str, bounds: Bounds, xres: float, yres: float) -> None:
    """Refuse a tile that cannot be counted in pixels; only the part in the area must be small."""
    west, south, east, north = bounds
    rows, cols = (north - south) / yres, (east - west) / xres
    if max(rows, cols) > MOST_SIDE:
        refuse_huge(f"tile {tile}", rows, cols, (xres, yres))


def _finest(headers: Mapping[tuple[str, str], Mapping[str, Header]]) -> Grid:
    """Return the grid with the smallest pixels among all bands, the first one of several."""
    first_tile = next(iter(headers))[0]
    candidates = [
        header.grid for (tile, _), one in headers.items() if tile == first_tile
        for header in one.values()
    ]  # fmt: skip
    return min(candidates, key=lambda grid: grid.xres * grid.yres)


def _native_resolution(source: Grid, crs: str) -> tuple[float, float]:
    """Return the source's pixel size; where `crs` counts in other units, what GDAL would take."""
    target = CRS.from_string(crs)
    if target.linear_units == source.rasterio_crs.linear_units:
        return source.xres, source.yres
    transform, _, _ = calculate_default_transform(
        source.rasterio_crs, target, source.width, source.height, *source.bounds
    )
    return transform.a, -transform.e


def _lattice(source: Grid, crs: str, xres: float, yres: float) -> Lattice:
    """Return the lattice of the source's own pixels where it can be kept, else that of 0, 0."""
    lattice = Lattice(crs=crs, xres=xres, yres=yres)
    kept = lattice.model_copy(update={"x": source.x % xres, "y": source.y % yres})
    same = source.rasterio_crs == CRS.from_string(crs)
    return kept if same and (xres, yres) == (source.xres, source.yres) else lattice


def _cropped(
    grids: Mapping[str, Grid], request: Request, crs: str
) -> tuple[dict[str, Grid], dict[str, Window], Bounds]:
    assert request.area_of_interest is not None
    shape = read_area(request.area_of_interest, crs)
    found, rooms = {}, {}
    for tile, grid in grids.items():
        window = grid.window_of(shape.bounds)
        if window is not None and touches(shape, grid.bounds):
            found[tile] = grid.part(window)
            rooms[tile] = grid.whole.relative_to(window)
    if not found:
        west, south, east, north = (f"{value:.6g}" for value in shape.bounds)
        raise MissingInputError(
            f"{request.area_of_interest}: the area (x {west} to {east}, y {south} to {north} in "
            f"{crs}) touches none of the tiles {' '.join(grids)}"
        )
    return found, rooms, shape.bounds


def _mosaic(grids: Mapping[str, Grid], lattice: Lattice, *, aligned: bool) -> Grid:
    first = next(iter(grids.values()))
    if not aligned:
        lattice = lattice.model_copy(update={"x": first.x, "y": first.y})
    mosaic = lattice.grid_over(union([grid.bounds for grid in grids.values()]))
    size = mosaic.height * mosaic.width
    if size > _HUGE and size > 50 * sum(grid.height * grid.width for grid in grids.values()):
        raise GridError(
            f"the tiles {' '.join(grids)} lie far apart: their mosaic would be {mosaic.height} x "
            f"{mosaic.width} pixels, nearly all empty. Are all tiles of list_tile meant?"
        )
    return mosaic


def _notices(
    grids: Mapping[str, Grid],
    request: Request,
    references: Mapping[str, Sequence[Grid]],
    crs: str,
) -> tuple[str, ...]:
    notices = []
    left_out = [tile for tile in references if tile not in grids]
    if left_out:
        notices.append(f"outside the area of interest: {' '.join(left_out)}")
    sources = [grid for of_tile in references.values() for grid in of_tile]
    native = dict.fromkeys(grid.crs for grid in sources)
    if request.crs is None and len(native) > 1:
        names = {grid.crs: grid.system for grid in sources}
        notices.append(
            f"products lie in {', '.join(names[one] for one in native)}; without chain.proj the "
            f"map is in {names.get(crs, crs)}"
        )
    return tuple(notices)
