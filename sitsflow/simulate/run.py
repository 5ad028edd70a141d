"""The simulation of a series: checks what is asked, then writes product after product."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from sitsflow.errors import ConfigError, Fault, OutputError
from sitsflow.products.rasters import NAME
from sitsflow.simulate.archive import pack
from sitsflow.simulate.landsat import LANDSAT5, LANDSAT7, LANDSAT8
from sitsflow.simulate.landsat_old import LANDSAT5_OLD, LANDSAT8_OLD
from sitsflow.simulate.landsat_usgs import LANDSAT8_USGS, LANDSAT8_USGS_INFRARED
from sitsflow.simulate.landscape import survey
from sitsflow.simulate.model import BadTileError, Simulator
from sitsflow.simulate.scene import Scene
from sitsflow.simulate.sentinel2 import SENTINEL_2
from sitsflow.simulate.sentinel2_l3a import SENTINEL_2_L3A
from sitsflow.simulate.sentinel2_s2c import BASELINES, SENTINEL_2_S2C, with_baseline
from sitsflow.simulate.user_rasters import USER_RASTERS
from sitsflow.simulate.weather import sky_over

SIMULATORS: dict[str, Simulator] = {
    "Sentinel_2": SENTINEL_2,
    "Sentinel_2_S2C": SENTINEL_2_S2C,
    "Sentinel_2_L3A": SENTINEL_2_L3A,
    "Landsat8_old": LANDSAT8_OLD,
    "Landsat5_old": LANDSAT5_OLD,
    "Landsat5": LANDSAT5,
    "Landsat7": LANDSAT7,
    "Landsat8": LANDSAT8,
    "Landsat8_usgs": LANDSAT8_USGS,
    "Landsat8_usgs_optical": LANDSAT8_USGS,
    "Landsat8_usgs_thermal": LANDSAT8_USGS,
    "Landsat8_usgs_infrared": LANDSAT8_USGS_INFRARED,
    NAME: USER_RASTERS,
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
    every: int | None,
    size: int,
    seed: int,
    *,
    baseline: str | None = None,
    zipped: bool = False,
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
    every : int or None
        Days between dates. None: as the sensor has them, 30 of syntheses and 10 of others.
    size : int
        Rows and columns of a tile at the sensor's finest resolution; even for Sentinel-2.
    seed : int
        Of the world and its weather.
    baseline : {"0212", "0400"}, optional
        Processing baseline of all products of Sentinel_2_S2C. Without it, that of their day.
    zipped : bool
        Whether each product is a zip archive with its folder in it, as agencies deliver them.
    progress : callable, optional
        Called after each product with the number of products written and to write.

    Returns
    -------
    list of Path
        The products' folders or archives, by tile, then by date.

    Raises
    ------
    ConfigError
        If an argument is wrong; all faults at once.
    OutputError
        If a product is already there; nothing is written then.
    """
    _check(sensor, tiles, start, end, every, size, baseline)
    simulator = SIMULATORS[sensor] if baseline is None else with_baseline(baseline)
    every = simulator.every if every is None else every
    days = [start + timedelta(step) for step in range(0, (end - start).days + 1, every)]
    days = days if simulator.dated else days[:1]
    ending = ".zip" if zipped else ""
    products = {
        (tile, day): out / tile / f"{simulator.product(tile, day, every)}{ending}"
        for tile in tiles
        for day in days
    }
    for product in products.values():
        if product.exists():
            raise OutputError(f"{product} is already there: remove it, or choose another folder")
    written: list[Path] = []
    for tile, grid in simulator.layout(tiles, size).items():
        ground = survey(grid, seed)
        for day in days:
            scene = Scene(tile, grid, day, seed, ground, sky_over(grid, seed, day))
            _write(simulator, products[tile, day], scene, zipped=zipped)
            written.append(products[tile, day])
            if progress is not None:
                progress(len(written), len(products))
    return written


def _write(simulator: Simulator, path: Path, scene: Scene, *, zipped: bool) -> None:
    """Write a product aside, and give it its name when it is whole."""
    product = path.stem if zipped else path.name
    part = path.with_name(f".{product}.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    simulator.write(part, product, scene)
    if zipped:
        pack(part, product, path)
        shutil.rmtree(part)
    else:
        part.rename(path)


def _check(
    sensor: str,
    tiles: Sequence[str],
    start: date,
    end: date,
    every: int | None,
    size: int,
    baseline: str | None,
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
    if baseline is not None:
        faults += _baseline_faults(sensor, baseline)
    if every is not None and every < 1:
        faults.append(Fault("every", f"{every} days between dates: give at least 1"))
    if size < SMALLEST:
        faults.append(Fault("size", f"{size} pixels is too small: give at least {SMALLEST}"))
    if faults:
        raise ConfigError(faults, "the simulation")


def _baseline_faults(sensor: str, baseline: str) -> list[Fault]:
    if sensor != "Sentinel_2_S2C":
        return [Fault("baseline", "only products of Sentinel_2_S2C have one: leave it out")]
    if baseline not in BASELINES:
        return [Fault("baseline", f"'{baseline}' is not one of {', '.join(BASELINES)}")]
    return []


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
