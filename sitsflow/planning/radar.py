"""Sentinel-1 in a plan: which passes show a tile, on which grid, and whether they can be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pyproj import Transformer
from rasterio.errors import RasterioError
from shapely import Polygon

from sitsflow.dates import to_date, to_day
from sitsflow.errors import GridError, MissingInputError, ProductError
from sitsflow.geo.grid import Grid
from sitsflow.geo.mgrs import BadTileError, tile_corner
from sitsflow.io.archives import file_on_disk
from sitsflow.io.blocks import absent_blocks
from sitsflow.io.opening import opened, reading
from sitsflow.io.read import Header, read_header
from sitsflow.plan import RadarSeries, SeriesPlan
from sitsflow.products.scenes import FoundScenes, Layer, Scene, Skipped
from sitsflow.products.sensors.model import Sensor
from sitsflow.radar.elevation import open_elevation
from sitsflow.radar.image import open_image
from sitsflow.radar.safe import (
    MEASUREMENT_DRIVERS,
    FoundProducts,
    Sentinel1Product,
    find_products,
)
from sitsflow.radar.sensor import RESOLUTION_M, radar_sensor
from sitsflow.radar.slices import Acquisition, group_slices
from sitsflow.radar_settings import NAME, Orbit, Polarisation, RadarSettings
from sitsflow.request import SensorRequest

_PASSES: dict[str, Orbit] = {"ASCENDING": "asc", "DESCENDING": "des"}
_SIDE_PIXELS = 10980  # of a tile of the Military Grid Reference System
_EDGE_POINTS = 9
_HEIGHTS = (".tif", ".tiff", ".hgt", ".vrt", ".img", ".dt1", ".dt2", ".asc", ".bil")
"""Endings of elevation models in a folder."""


class RadarTrack(NamedTuple):
    """One direction of a run: the sensor that it is, and which products are its."""

    sensor: Sensor
    orbit: Orbit
    relative_orbit: int | None
    found: FoundProducts

    def has(self, product: Sentinel1Product, settings: RadarSettings) -> bool:
        """Whether a product is one of these."""
        wanted = settings.relative_orbits
        return (
            _PASSES[product.orbit_pass] == self.orbit
            and (not wanted or product.relative_orbit in wanted)
            and self.relative_orbit in (None, product.relative_orbit)
        )


def radar_tracks(wanted: SensorRequest) -> list[RadarTrack]:
    """Find all products, and the directions that they have of those that are asked for.

    Raises
    ------
    MissingInputError
        If there is no product of any.
    """
    settings = _settings(wanted)
    found = find_products(wanted.root, with_co_polarised(settings.polarisations))
    tracks = []
    for orbit in settings.orbits:
        track = RadarTrack(radar_sensor(settings, orbit), orbit, None, found)
        its = [one for one in found.products if track.has(one, settings)]
        numbers = sorted({one.relative_orbit for one in its}) if settings.separate_orbits else ()
        if numbers:
            tracks += [
                RadarTrack(radar_sensor(settings, orbit, number), orbit, number, found)
                for number in numbers
            ]
        elif its:
            tracks.append(track)
    if not tracks and found.broken and not found.products:
        reasons = [f"  {one.reason}" for one in found.broken]
        raise ProductError("\n".join([f"{wanted.root}: no product can be used:", *reasons]))
    if not tracks:
        orbits = " or ".join(settings.orbits)
        listed = ", ".join(map(str, settings.relative_orbits))
        of_orbits = f" of relative orbit {listed}" if listed else ""
        raise MissingInputError(
            f"{wanted.root}: none of its {len(found.products)} products is {orbits}{of_orbits}; "
            f"they are of {_orbits_of(found)}"
        )
    return tracks


def _orbits_of(found: FoundProducts) -> str:
    numbers: dict[str, set[int]] = {}
    for one in found.products:
        numbers.setdefault(_PASSES[one.orbit_pass], set()).add(one.relative_orbit)
    return " and ".join(
        f"{orbit} ({', '.join(map(str, sorted(its)))})" for orbit, its in sorted(numbers.items())
    )


def with_co_polarised(polarisations: Sequence[Polarisation]) -> tuple[Polarisation, ...]:
    """Return what products must have: the border is found in the co-polarised channel."""
    first: Polarisation = "vv" if {"vv", "vh"} & {*polarisations} else "hh"
    return (first, *(name for name in polarisations if name != first))


def tile_reference(
    tile: str, wanted: SensorRequest, others: Iterable[tuple[Sensor, FoundScenes]]
) -> Grid:
    """Return where a tile lies: where other sensors of the run, its reference or its name say.

    Raises
    ------
    MissingInputError
        If nothing tells it.
    """
    for sensor, found in others:
        for scene in found.scenes[:1]:
            return read_header(scene.bands[sensor.bands[0].name].path).grid
    settings = _settings(wanted)
    if settings.references is not None:
        return read_header(_reference(tile, settings.references, settings.reference_pattern)).grid
    try:
        corner = tile_corner(tile)
    except BadTileError:
        raise MissingInputError(
            f"tile {tile}: nothing tells where it lies. Write it as in T31TCJ, or set "
            "Sentinel_1.references to a folder that has a folder of its name with a raster on its "
            "grid"
        ) from None
    return Grid(
        crs=corner.crs, x=corner.x, y=corner.y, xres=RESOLUTION_M, yres=RESOLUTION_M,
        height=_SIDE_PIXELS, width=_SIDE_PIXELS,
    )  # fmt: skip


def find_passes(
    track: RadarTrack, wanted: SensorRequest, tile: str, reference: Grid
) -> tuple[FoundScenes, dict[Path, Acquisition]]:
    """Find the passes of a direction that show a tile.

    Returns
    -------
    FoundScenes, dict of Path to Acquisition
        A scene a pass, called by its first product, and the pass of each.

    Raises
    ------
    MissingInputError
        If no product shows the tile.
    """
    settings = _settings(wanted)
    ground = _polygon(reference)
    its = [one for one in track.found.products if track.has(one, settings)]
    shown = [one for one in its if one.footprint.intersects(ground)]
    broken = [
        # They do not tell their direction: of all directions they are the same ones.
        Skipped(tile=tile, sensor=NAME, product=one.product, reason=one.reason)
        for one in track.found.broken
    ]
    if not shown and not broken:
        raise MissingInputError(
            f"{wanted.root}: none of its {len(its)} {track.orbit} products shows tile {tile}. If "
            f"none ever does, leave {track.orbit} out of Sentinel_1.orbits"
        )
    passes = {one.slices[0].product: one for one in group_slices(shown)}
    scenes = [_scene(one, settings) for one in passes.values()]
    scenes.sort(key=lambda scene: (scene.day, scene.product.name))
    return FoundScenes(scenes, broken, track.found.notices), passes


def _scene(acquisition: Acquisition, settings: RadarSettings) -> Scene:
    first = acquisition.slices[0]
    return Scene(
        product=first.product,
        day=to_day(acquisition.day),
        bands={
            name.upper(): Layer(
                path=first.channels[name].measurement, nodata=0, drivers=MEASUREMENT_DRIVERS
            )
            for name in settings.polarisations
        },
        masks={},
    )


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
    settings = _settings(wanted)
    rasters = elevation_files(settings.dem)
    model = open_elevation(rasters, settings.geoid, settings.constant_height or 0.0)
    if settings.terrain_flattening and grid.rasterio_crs.is_geographic:
        raise GridError(
            f"Sentinel_1.terrain_flattening: slopes cannot be measured on a map in degrees "
            f"({grid.system}); set chain.proj to a projected system, or leave it out"
        )
    if model.geoid is not None:
        reached = replace(model, rasters=(model.geoid,)).covered(grid)
        if reached < 1:
            raise MissingInputError(
                f"tile {tile}: {model.geoid.path} reaches over {100 * reached:.3g} % of it only: "
                "set Sentinel_1.geoid to a geoid that covers all tiles, such as EGM96 of the whole "
                "Earth"
            )
    notices = list(model.notices(ellipsoidal=settings.ellipsoidal_heights))
    covered = 1.0
    if rasters:
        near = [
            raster
            for raster in model.rasters
            if replace(model, rasters=(raster,)).covered(grid) > 0
        ]
        covered = model.covered(grid)
        if covered == 0:
            raise MissingInputError(
                f"tile {tile}: none of the {len(rasters)} elevation model(s) of Sentinel_1.dem "
                "reaches over it"
            )
        if covered < 1:
            notices.append(
                f"WARNING, tile {tile}: elevation models reach over {100 * covered:.3g} % of it "
                "only; the rest is taken to lie at sea level, and displaced where it does not"
            )
        settings = settings.model_copy(update={"dem": tuple(one.path for one in near)})
    found = RadarSeries(settings=settings, acquisitions=tuple(acquisitions), covered=covered)
    return found, notices


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


def check_passes(tile: str, plan: SeriesPlan) -> list[Skipped]:
    """Read the annotation of every image of a series, and whether its measurements are whole."""
    assert plan.radar is not None
    settings = plan.radar.settings
    broken = []
    for scene, acquisition in zip(plan.scenes, plan.radar.acquisitions, strict=True):
        faults = []
        for product in acquisition.slices:
            try:
                image = open_image(product, settings, settings.polarisations)
                faults += [_fault(channel.measurement) for channel in image.channels.values()]
            except ProductError as error:
                faults.append(str(error))
        if any(faults):
            reason = "\n  ".join(filter(None, faults))
            broken.append(
                Skipped(tile=tile, sensor=plan.sensor.label, product=scene.product, reason=reason)
            )
    return broken


def _fault(path: Path) -> str:
    """Say where a measurement is cut; nothing where it is whole."""
    try:
        return _fault_of(path, file_on_disk(path).stat().st_mtime_ns)
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror})"


# An image shows several tiles, and its strips are thousands.
@lru_cache(maxsize=4096)
def _fault_of(path: Path, changed: int) -> str:
    del changed
    try:
        with reading(), opened(path, MEASUREMENT_DRIVERS) as raster:
            size = path.stat().st_size if path.is_file() else None
            absent = next(absent_blocks(raster, 1, size=size, sparse=True), None)
            return "" if absent is None else f"{path}: {absent}; copy or download the file again"
    except (RasterioError, OSError) as error:
        return f"{path}: not a readable raster ({error})"


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


def _settings(wanted: SensorRequest) -> RadarSettings:
    assert wanted.radar is not None, "a sensor of radar"
    return wanted.radar


def _reference(tile: str, folder: Path, pattern: str) -> Path:
    # iota2's folders are called T31TCJ, whatever stands before the number in the tile's name.
    for name in dict.fromkeys((tile, f"T{tile}", f"T{tile[1:]}")):
        for path in sorted((folder / name).rglob("*.tif")):
            if pattern in path.name:
                return path
    named = f" whose name contains {pattern!r}" if pattern else ""
    raise MissingInputError(
        f"{folder / tile}: no .tif{named}. Sentinel_1.references must hold one folder a tile, with "
        "a raster on its grid"
    )


def _polygon(grid: Grid) -> Polygon:
    """Return the outline of a grid, longitude and latitude in degrees."""
    west, south, east, north = grid.bounds
    along = np.linspace(0, 1, _EDGE_POINTS)
    xs = np.concatenate([
        west + along * (east - west), np.full(_EDGE_POINTS, east),
        east - along * (east - west), np.full(_EDGE_POINTS, west),
    ])  # fmt: skip
    ys = np.concatenate([
        np.full(_EDGE_POINTS, north), north - along * (north - south),
        np.full(_EDGE_POINTS, south), south + along * (north - south),
    ])  # fmt: skip
    transformer = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    return Polygon(np.column_stack(transformer.transform(xs, ys)))
