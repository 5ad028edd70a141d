"""Ground range products of Sentinel-1 over the simulated world, in their real layout.

Unlike those of other sensors they belong to no tile: one image shows all tiles. What is left out of
a real product: previews, schemas, and the parts of the annotation that no reader here needs.
Where tiles lie, which products of other sensors tell, is said by rasters of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from sitsflow.errors import ConfigError, Fault, OutputError
from sitsflow.geo.grid import Grid, union
from sitsflow.geo.mgrs import BadTileError
from sitsflow.simulate.archive import pack
from sitsflow.simulate.arguments import multiple_faults, series_faults, tile_faults
from sitsflow.simulate.radar_options import LOOKS
from sitsflow.simulate.raster import write_radar, write_raster
from sitsflow.simulate.relief import RELIEFS, Ground, Relief
from sitsflow.simulate.sentinel1_image import Image
from sitsflow.simulate.sentinel1_manifest import write_manifest
from sitsflow.simulate.sentinel1_metadata import grid_axes, write_annotation
from sitsflow.simulate.sentinel1_orbit import to_geographic
from sitsflow.simulate.sentinel1_pixels import TRACKS, Pixels, Place, Track
from sitsflow.simulate.sentinel1_tables import write_calibration, write_noise
from sitsflow.simulate.sentinel2 import SENTINEL_2

ELEVATION, REFERENCES = "elevation.tif", "references"


@dataclass(frozen=True)
class RadarSeries:
    """What was simulated.

    `products` are the SAFE folders or archives, by date, direction and slice; `elevation` the
    raster of heights above the ellipsoid; `grids` those of the tiles.
    """

    products: tuple[Path, ...]
    elevation: Path
    grids: dict[str, Grid]


def simulate_sentinel1(
    out: Path,
    tiles: Sequence[str],
    start: date,
    end: date,
    every: int,
    size: int,
    seed: int,
    *,
    directions: Sequence[str] = ("DES", "ASC"),
    tracks: int = 1,
    relief: Relief = "flat",
    polarisations: Sequence[str] = ("VV", "VH"),
    looks: float | None = LOOKS,
    targets: Sequence[Place] = (),
    slices: int = 1,
    slopes: bool = False,
    zipped: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RadarSeries:
    """Write ground range products over tiles of Sentinel-2, and the elevation under them.

    Backscatter is that of the parcels of the other sensors' world. Without `slopes` it is gamma
    nought on the ellipsoid: brightness does not depend on the relief, only places do.

    Parameters
    ----------
    out : Path
        Folder that gets the SAFE folders and ``elevation.tif``; made if need be.
    tiles : sequence of str
        Such as T31TCJ, of one UTM zone, laid out as `simulate` lays them out for Sentinel_2.
    start, end : date
        First date, and the last possible one.
    every : int
        Days between dates.
    size : int
        Rows and columns of a tile, pixels of 10 m; even.
    seed : int
        Of the world and the speckle.
    directions : sequence of {"DES", "ASC"}
        Passes of each date.
    tracks : {1, 2}
        Relative orbits of each direction. The second one sees the ground more steeply, 5 days (DES)
        or 7 (ASC) after each date; not after `end`.
    relief : {"flat", "slope", "ridge"}
        180 m everywhere; rising eastwards by 12 %; a ridge of 160 m from south to north.
    polarisations : sequence of {"VV", "VH"}
    looks : float, optional
        Equivalent number of looks of the speckle; None: no speckle.
    targets : sequence of (float, float)
        Map coordinates, metres, of bright points on the ground.
    slices : {1, 2}
        Products that an image is cut into, one after the other along the track.
    slopes : bool
        Whether slopes that face the satellite are brighter, as they are in truth.
    zipped : bool
        Whether each product is a zip archive with its SAFE folder in it.
    progress : callable, optional
        Called after each product with the number of products written and to write.

    Returns
    -------
    RadarSeries

    Raises
    ------
    ConfigError
        If an argument is wrong; all faults at once.
    OutputError
        If products, heights or references are already there; nothing is written then.
    """
    _check(tiles, start, end, every, size, directions, tracks, relief, polarisations, slices)
    _refuse_full(out)
    grids = SENTINEL_2.layout(tiles, size)
    ground = Ground(union([grid.bounds for grid in grids.values()]), grids[tiles[0]].crs, relief)
    out.mkdir(parents=True, exist_ok=True)
    write_raster(out / ELEVATION, ground.elevation()[None], ground.elevation_grid)
    passes = _passes(start, end, every, directions, tracks)
    written: list[Path] = []
    for day, track in passes:
        pixels = Pixels(ground, day, track, seed, looks, tuple(targets), slopes=slopes)
        for number in range(slices):
            image = pixels.image.sliced(number, slices)
            written.append(_write(out, pixels, image, tuple(polarisations), zipped=zipped))
            if progress is not None:
                progress(len(written), len(passes) * slices)
    return RadarSeries(tuple(written), out / ELEVATION, grids)


def _passes(
    start: date, end: date, every: int, directions: Sequence[str], tracks: int
) -> list[tuple[date, Track]]:
    """List the passes over the land by their dates, on each date in the order of directions."""
    days = [start + timedelta(step) for step in range(0, (end - start).days + 1, every)]
    found = [
        (day + timedelta(track.later), track)
        for day in days
        for direction in directions
        for track in TRACKS[direction][:tracks]
    ]
    return sorted((one for one in found if one[0] <= end), key=lambda one: one[0])


def write_references(out: Path, grids: dict[str, Grid]) -> None:
    """Write a raster on the grid of each tile, ``references/<tile>/reference.tif``."""
    for tile, grid in grids.items():
        reference = out / REFERENCES / tile / "reference.tif"
        reference.parent.mkdir(parents=True)
        write_raster(reference, np.ones((1, *grid.shape), np.uint8), grid)


def _refuse_full(out: Path) -> None:
    """Refuse a folder with what would be written, or with products over other heights."""
    there = [out / ELEVATION, out / REFERENCES, *sorted(out.glob("S1*"))]
    for path in there:
        if path.exists():
            raise OutputError(f"{path} is already there: remove it, or choose another folder")


def radar_faults(
    tiles: Sequence[str],
    directions: Sequence[str],
    relief: str,
    slices: int,
    polarisations: Sequence[str] = ("VV", "VH"),
    tracks: int = 1,
) -> list[Fault]:
    """Name what is wrong with what only products of Sentinel-1 have."""
    faults = []
    for place, values, known in (
        ("orbits", directions, tuple(TRACKS)),
        ("relief", [relief], RELIEFS),
        ("polarisations", polarisations, ("VV", "VH")),
    ):
        faults += [
            Fault(place, f"'{value}' is not one of {', '.join(known)}")
            for value in values
            if value not in known
        ]
        if not values or len(set(values)) < len(values):
            faults.append(Fault(place, "name at least one, and none twice"))
    if slices not in (1, 2):
        faults.append(Fault("slices", f"{slices} is not 1 or 2"))
    if tracks not in (1, 2):
        faults.append(Fault("tracks", f"{tracks} is not 1 or 2"))
    if len(_zones(tiles)) > 1:
        faults.append(Fault("tiles", "they lie in several UTM zones: simulate each zone alone"))
    return faults


def _zones(tiles: Sequence[str]) -> set[str]:
    """Return the coordinate reference systems of tiles, as far as they are known."""
    found = set()
    for tile in tiles:
        with suppress(BadTileError):
            found.add(SENTINEL_2.corner(tile).crs)
    return found


def _check(
    tiles: Sequence[str],
    start: date,
    end: date,
    every: int,
    size: int,
    directions: Sequence[str],
    tracks: int,
    relief: str,
    polarisations: Sequence[str],
    slices: int,
) -> None:
    faults = tile_faults(SENTINEL_2, tiles) + multiple_faults(SENTINEL_2, "Sentinel_1", size)
    faults += radar_faults(tiles, directions, relief, slices, polarisations, tracks)
    faults += series_faults(tiles, start, end, every, size)
    if faults:
        raise ConfigError(faults, "the simulation")


def _write(
    out: Path, pixels: Pixels, image: Image, polarisations: tuple[str, ...], *, zipped: bool
) -> Path:
    """Write a product aside, and give it its name when it is whole."""
    product = pixels.product(image, polarisations)
    path = out / product.name
    part = out / f".{product.name}.part"
    if part.exists():
        shutil.rmtree(part)
    tables = part / "annotation" / "calibration"
    tables.mkdir(parents=True)
    (part / "measurement").mkdir()
    lines, samples = (axis.ravel() for axis in np.meshgrid(*grid_axes(image), indexing="ij"))
    places = np.stack([lines, samples, *to_geographic(product.points.reshape(-1, 3))], axis=-1)
    for polarisation in polarisations:
        stem = product.stem(polarisation)
        write_annotation(part / "annotation" / f"{stem}.xml", product, polarisation)
        write_calibration(tables / f"calibration-{stem}.xml", product, polarisation)
        write_noise(tables / f"noise-{stem}.xml", product, polarisation)
        numbers = pixels.numbers(product, polarisation)
        write_radar(part / "measurement" / f"{stem}.tiff", numbers, places)
    files = sorted(file.relative_to(part).as_posix() for file in part.rglob("*.*ml"))
    files += sorted(file.relative_to(part).as_posix() for file in part.rglob("*.tiff"))
    write_manifest(part / "manifest.safe", product, files)
    if zipped:
        archive = path.with_suffix(".zip")
        pack(part, product.name, archive)
        shutil.rmtree(part)
        return archive
    part.rename(path)
    return path
