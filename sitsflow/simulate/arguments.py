"""What every simulation refuses: tiles, days and sizes that make no products."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sitsflow.errors import Fault
from sitsflow.geo.mgrs import BadTileError
from sitsflow.simulate.model import Simulator

SMALLEST = 16  # pixels: under it neighbours would not overlap


def tile_faults(simulator: Simulator, tiles: Sequence[str]) -> list[Fault]:
    """Name tiles that are not the sensor's, and those named twice."""
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


def multiple_faults(simulator: Simulator, sensor: str, size: int) -> list[Fault]:
    """Name a size that does not hold whole pixels of all bands."""
    multiple = simulator.multiple
    if size % multiple:
        return [Fault("size", f"{size} is not a multiple of {multiple}, as {sensor} needs")]
    return []


def series_faults(
    tiles: Sequence[str], start: date, end: date, every: int | None, size: int
) -> list[Fault]:
    """Name what is wrong with a series of any sensor."""
    faults = []
    if not tiles:
        faults.append(Fault("tiles", "no tile is named: give at least one"))
    if start > end:
        faults.append(Fault("start", f"{start} is after the end, {end}: exchange them"))
    if every is not None and every < 1:
        faults.append(Fault("every", f"{every} days between dates: give at least 1"))
    if size < SMALLEST:
        faults.append(Fault("size", f"{size} pixels is too small: give at least {SMALLEST}"))
    return faults
