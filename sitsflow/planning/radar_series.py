"""What a series of Sentinel-1 is made of besides its images: its grid, its heights, its dates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sitsflow.dates import to_date, to_day
from sitsflow.errors import GridError, MissingInputError
from sitsflow.geo.grid import Grid
from sitsflow.io.read import Header
from sitsflow.plan import RadarSeries
from sitsflow.products.sensors.model import Sensor
from sitsflow.radar.elevation import ElevationModel, open_elevation
from sitsflow.radar.slices import Acquisition
from sitsflow.request import SensorRequest

_HEIGHTS = (".tif", ".tiff", ".hgt", ".vrt", ".img", ".dt1", ".dt2", ".asc", ".bil")
"""Endings of elevation models in a folder."""


def radar_headers(sensor: Sensor, reference: Grid) -> dict[str, Header]:
    """Return what stands for the headers of images: they are computed on the tile's own grid."""
    header = Header(grid=reference, dtype="uint16", count=1, block=(1, reference.width), nodata=0)
    return dict.fromkeys(sensor.band_names, header)


def radar_series(
    wanted: SensorRequest, acquisitions: Sequence[Acquisition], tile: str, grid: Grid
) -> tuple[RadarSeries, list[str]]:
    """Return what the series of a tile is made of, and what should be known of it.

    Raises
    ------
    ProductError
        If elevation models cannot be used.
    MissingInputError
        If none reaches over the tile, or the geoid does not reach over all of it.
    GridError
        If terrain cannot be flattened on such a map.
    """
    settings = wanted.radar_settings
    if settings.terrain_flattening and grid.rasterio_crs.is_geographic:
        raise GridError(
            f"Sentinel_1.terrain_flattening: slopes cannot be measured on a map in degrees "
            f"({grid.system}); set chain.proj to a projected system, or leave it out"
        )
    rasters = elevation_files(settings.dem)
    model = open_elevation(rasters, settings.geoid, settings.constant_height or 0.0)
    _check_geoid(model, tile, grid)
    notices = list(model.notices(ellipsoidal=settings.ellipsoidal_heights))
    covered = 1.0
    if rasters:
        covered = model.covered(grid)
        notices += _shortfall(covered, len(rasters), tile)
        near = [one.path for one in model.rasters if model.only(one).covered(grid) > 0]
        settings = settings.model_copy(update={"dem": tuple(near)})
    found = RadarSeries(settings=settings, acquisitions=tuple(acquisitions), covered=covered)
    return found, notices


def _check_geoid(model: ElevationModel, tile: str, grid: Grid) -> None:
    if model.geoid is None:
        return
    reached = model.only(model.geoid).covered(grid)
    if reached < 1:
        raise MissingInputError(
            f"tile {tile}: {model.geoid.path} reaches over {100 * reached:.3g} % of it only: "
            "set Sentinel_1.geoid to a geoid that covers all tiles, such as EGM96 of the whole "
            "Earth"
        )


def _shortfall(covered: float, rasters: int, tile: str) -> list[str]:
    """Say how little of a tile elevation models cover, if they do not cover all of it."""
    if covered == 0:
        raise MissingInputError(
            f"tile {tile}: none of the {rasters} elevation model(s) of Sentinel_1.dem reaches over "
            "it"
        )
    if covered == 1:
        return []
    return [
        f"WARNING, tile {tile}: elevation models reach over {100 * covered:.3g} % of it only; the "
        "rest is taken to lie at sea level, and displaced where it does not"
    ]


def elevation_files(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return elevation models: rasters as they are given, and those in folders by their names.

    Raises
    ------
    MissingInputError
        If a folder holds none, or a file is not there.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in _HEIGHTS)
            if not inside:
                raise MissingInputError(
                    f"{place}: no elevation model in it, whose name ends with one of "
                    f"{' '.join(_HEIGHTS)}"
                )
            found += inside
        elif place.exists():
            found.append(place)
        else:
            raise MissingInputError(f"{place}: no such elevation model")
    return tuple(found)


def first_and_last_day(
    wanted: SensorRequest, everywhere: Sequence[Sequence[int]], label: str
) -> tuple[int, int]:
    """Return the first and the last possible interpolated date: where not given, as in iota2.

    Parameters
    ----------
    wanted : SensorRequest
        Its `start` and `end` count, if they are given.
    everywhere : sequence of sequence of int
        The days of each tile. Of iota2 are the latest of their first days and the earliest of
        their last ones: all tiles have what lies between.
    label : str
        What errors call the series.

    Raises
    ------
    MissingInputError
        If there is no day between the two.
    """
    first, last = max(min(days) for days in everywhere), min(max(days) for days in everywhere)
    if wanted.start is not None or wanted.end is not None:
        first = first if wanted.start is None else to_day(wanted.start)
        last = last if wanted.end is None else to_day(wanted.end)
        if first > last:
            given, is_it = ("end_date", last) if wanted.start is None else ("start_date", first)
            other = "first" if wanted.start is None else "last"
            raise MissingInputError(
                f"Sentinel_1.{given}, {to_date(is_it)}, leaves no date of {label}: the {other} one "
                f"that all tiles have is {to_date(first if wanted.start is None else last)}"
            )
    elif first > last:
        raise MissingInputError(
            f"{label}: the latest first date of all tiles, {to_date(first)}, is after the earliest "
            f"last one, {to_date(last)}: there is no time that all have. Set Sentinel_1.start_date "
            "and end_date"
        )
    return first, last
