"""The simulation of a series: checks what is asked, then writes product after product."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from sitsflow.errors import ConfigError, Fault, OutputError
from sitsflow.simulate.landsat import LANDSAT5, LANDSAT7, LANDSAT8
from sitsflow.simulate.landsat_old import LANDSAT5_OLD, LANDSAT8_OLD
from sitsflow.simulate.landsat_usgs import LANDSAT8_USGS, LANDSAT8_USGS_INFRARED
from sitsflow.simulate.landscape import survey
from sitsflow.simulate.model import BadTileError, Simulator
from sitsflow.simulate.scene import Scene
from sitsflow.simulate.sentinel2 import SENTINEL_2
from sitsflow.simulate.weather import sky_over

SIMULATORS: dict[str, Simulator] = {
    "Sentinel_2": SENTINEL_2,
    "Landsat8_old": LANDSAT8_OLD,
    "Landsat5_old": LANDSAT5_OLD,
    "Landsat5": LANDSAT5,
    "Landsat7": LANDSAT7,
    "Landsat8": LANDSAT8,
    "Landsat8_usgs": LANDSAT8_USGS,
    "Landsat8_usgs_optical": LANDSAT8_USGS,
    "Landsat8_usgs_thermal": LANDSAT8_USGS,
    "Landsat8_usgs_infrared": LANDSAT8_USGS_INFRARED,
}
"""Sensors that can be simulated, by the name of their description."""

SMALLEST = 16  # pixels: under it neighbours would not overlap

Progress = Callable[[int, int], None]


def simulate(
    out: Path,
    sensor: str,
    tiles: Sequence[str],
    start: date,
    end: date,
    every: int,
    size: int,
    seed: int,
    *,
    progress: Progress | None = None,
) -> list[Path]:
    """Write products of a sensor in its real layout, names and metadata.

    Neighbouring tiles overlap by the share real ones do, over one continuous world: where they
    overlap, pixels of one date are the same. Tiles smaller than real ones keep the arrangement,
    scaled, with the first tile (of each UTM zone) at its real corner. Pixels follow from the
    seed, the tile's size and place, and the date alone.

    Parameters
    ----------
    out : Path
        Folder that gets ``<tile>/<product>/``; made if need be.
    sensor : str
        One of `SIMULATORS`.
    tiles : sequence of str
        Names in the sensor's own tiling, e.g. T31TCJ, D0005H0002 or tile199029.
    start, end : date
        First date, and the last possible one.
    every : int
        Days between dates.
    size : int
        Rows and columns of a tile at the sensor's finest resolution; even for Sentinel-2.
    seed : int
        Of the world and its weather.
    progress : callable, optional
        Called after each product with the number of products written and to write.

    Returns
    -------
    list of Path
        The products' folders, by tile, then by date.

    Raises
    ------
    ConfigError
        If an argument is wrong; all faults at once.
    OutputError
        If a product is already there; nothing is written then.
    """
    _check(sensor, tiles, start, end, every, size)
    simulator = SIMULATORS[sensor]
    days = [start + timedelta(step) for step in range(0, (end - start).days + 1, every)]
    folders = {
        (tile, day): out / tile / simulator.product(tile, day, every)
        for tile in tiles
        for day in days
    }
    for folder in folders.values():
        if folder.exists():
            raise OutputError(f"{folder} is already there: remove it, or choose another folder")
    written: list[Path] = []
    for tile, grid in simulator.layout(tiles, size).items():
        ground = survey(grid, seed)
        for day in days:
            scene = Scene(tile, grid, day, seed, ground, sky_over(grid, seed, day))
            _write(simulator, folders[tile, day], scene)
            written.append(folders[tile, day])
            if progress is not None:
                progress(len(written), len(folders))
    return written


def _write(simulator: Simulator, folder: Path, scene: Scene) -> None:
    """Write a product aside, and give it its name when it is whole."""
    part = folder.with_name(f".{folder.name}.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    simulator.write(part, folder.name, scene)
    part.rename(folder)


def _check(
    sensor: str, tiles: Sequence[str], start: date, end: date, every: int, size: int
) -> None:
    faults = []
    simulator = SIMULATORS.get(sensor)
    if simulator is None:
        faults.append(Fault("sensor", _unknown(sensor)))
    else:
        faults += _tile_faults(simulator, tiles)
        if size % simulator.multiple:
            multiple = simulator.multiple
            faults.append(
                Fault("size", f"{size} is not a multiple of {multiple}, as {sensor} needs")
            )
    if not tiles:
        faults.append(Fault("tiles", "no tile is named: give at least one"))
    if start > end:
        faults.append(Fault("start", f"{start} is after the end, {end}: exchange them"))
    if every < 1:
        faults.append(Fault("every", f"{every} days between dates: give at least 1"))
    if size < SMALLEST:
        faults.append(Fault("size", f"{size} pixels is too small: give at least {SMALLEST}"))
    if faults:
        raise ConfigError(faults, "the simulation")


def _unknown(sensor: str) -> str:
    near = difflib.get_close_matches(sensor, SIMULATORS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(SIMULATORS)}"
    return f"'{sensor}' cannot be simulated: {hint}"


def _tile_faults(simulator: Simulator, tiles: Sequence[str]) -> list[Fault]:
    faults = []
    for tile in dict.fromkeys(tiles):
        try:
            simulator.corner(tile)
        except BadTileError as error:
            faults.append(Fault("tiles", str(error)))
    twice = sorted({tile for tile in tiles if list(tiles).count(tile) > 1})
    if twice:
        faults.append(Fault("tiles", f"named twice: {', '.join(twice)}"))
    return faults
