"""The simulation of a series: checks what is asked, then writes product after product."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from sitsflow.errors import ConfigError, Fault, OutputError
from sitsflow.products.rasters import NAME
from sitsflow.radar_settings import NAME as SENTINEL_1
from sitsflow.simulate.archive import pack
from sitsflow.simulate.arguments import multiple_faults, series_faults, tile_faults
from sitsflow.simulate.landsat import LANDSAT5, LANDSAT7, LANDSAT8
from sitsflow.simulate.landsat_old import LANDSAT5_OLD, LANDSAT8_OLD
from sitsflow.simulate.landsat_usgs import LANDSAT8_USGS, LANDSAT8_USGS_INFRARED
from sitsflow.simulate.landscape import survey
from sitsflow.simulate.model import Simulator
from sitsflow.simulate.radar_options import RadarOptions
from sitsflow.simulate.scene import Scene
from sitsflow.simulate.sentinel1 import radar_faults, simulate_sentinel1, write_references
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
"""Sensors whose products belong to a tile each, by the name of their description."""

SENSORS = (*SIMULATORS, SENTINEL_1)
"""All sensors that can be simulated."""

_RADAR_DAYS = 12  # after which a satellite of Sentinel-1 passes again

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
    radar: RadarOptions | None = None,
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
        Folder that gets ``<tile>/<product>/``; made if need be. Products of Sentinel-1, which show
        all tiles, lie in it themselves, with ``elevation.tif``, the heights, and
        ``references/<tile>/reference.tif``, on the grid of each tile.
    sensor : str
        One of `SENSORS`.
    tiles : sequence of str
        Names in the sensor's own tiling, e.g. T31TCJ, D0005H0002 or tile199029.
    start, end : date
        First date, and the last possible one.
    every : int or None
        Days between dates. None: as the sensor has them, 30 of syntheses, 12 of Sentinel-1 and 10
        of others.
    size : int
        Rows and columns of a tile at the sensor's finest resolution; even for Sentinel-2 and
        Sentinel-1.
    seed : int
        Of the world and its weather.
    baseline : {"0212", "0400"}, optional
        Processing baseline of all products of Sentinel_2_S2C. Without it, that of their day.
    radar : RadarOptions, optional
        Orbits, relief and speckle of Sentinel_1.
    zipped : bool
        Whether each product is a zip archive with its folder in it, as agencies deliver them.
    progress : callable, optional
        Called after each product with the number of products written and to write.

    Returns
    -------
    list of Path
        The products' folders or archives, by tile, then by date; those of Sentinel-1 by date.

    Raises
    ------
    ConfigError
        If an argument is wrong; all faults at once.
    OutputError
        If a product is already there; nothing is written then.
    """
    faults = _faults(sensor, tiles, start, end, every, size, baseline, radar)
    if faults:
        raise ConfigError(faults, "the simulation")
    if sensor == SENTINEL_1:
        days_between = _RADAR_DAYS if every is None else every
        about = radar or RadarOptions()
        made = simulate_sentinel1(
            out, tiles, start, end, days_between, size, seed,
            directions=about.orbits, tracks=about.tracks, relief=about.relief, looks=about.looks,
            slices=about.slices, zipped=zipped, progress=progress,
        )  # fmt: skip
        write_references(out, made.grids)
        return list(made.products)
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


def _faults(
    sensor: str,
    tiles: Sequence[str],
    start: date,
    end: date,
    every: int | None,
    size: int,
    baseline: str | None,
    radar: RadarOptions | None,
) -> list[Fault]:
    faults = []
    simulator = SENTINEL_2 if sensor == SENTINEL_1 else SIMULATORS.get(sensor)
    if simulator is None:
        faults.append(Fault("sensor", _unknown(sensor)))
    else:
        faults += tile_faults(simulator, tiles)
        faults += multiple_faults(simulator, sensor, size)
    if baseline is not None:
        faults += _baseline_faults(sensor, baseline)
    if sensor == SENTINEL_1:
        about = radar or RadarOptions()
        faults += radar_faults(tiles, about.orbits, about.relief, about.slices, tracks=about.tracks)
    elif radar is not None:
        words = "only Sentinel_1 has orbits, tracks, relief, speckle and slices: leave them out"
        faults.append(Fault("sensor", words))
    return faults + series_faults(tiles, start, end, every, size)


def _baseline_faults(sensor: str, baseline: str) -> list[Fault]:
    if sensor != "Sentinel_2_S2C":
        return [Fault("baseline", "only products of Sentinel_2_S2C have one: leave it out")]
    if baseline not in BASELINES:
        return [Fault("baseline", f"'{baseline}' is not one of {', '.join(BASELINES)}")]
    return []


def _unknown(sensor: str) -> str:
    near = difflib.get_close_matches(sensor, SENSORS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(SENSORS)}"
    return f"'{sensor}' cannot be simulated: {hint}"
