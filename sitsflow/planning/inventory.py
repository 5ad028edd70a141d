"""What is on disk for a run: the products of each tile and sensor, and whether they can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.features.probe import ProbeResult
from sitsflow.geo.grid import Grid
from sitsflow.io.read import Header, headers
from sitsflow.plan import SeriesPlan
from sitsflow.products.scenes import Scene, Skipped, find_scenes, refuse_broken
from sitsflow.products.sensors.model import Sensor
from sitsflow.request import Request, SensorRequest


class Inventory(NamedTuple):
    """Scenes of each tile and sensor label, while broken ones are still being found."""

    scenes: dict[tuple[str, str], list[Scene]]
    skipped: list[Skipped]


def find_products(request: Request, sensors: Sequence[tuple[Sensor, SensorRequest]]) -> Inventory:
    """Find the products of all tiles and sensors by their names.

    Raises
    ------
    MissingInputError
        If folders are missing, empty or short of dates.
    ProductError
        If products are not whole, and must be.
    """
    scenes, skipped, missing = {}, [], []
    for tile in request.tiles:
        for sensor, wanted in sensors:
            try:
                found = find_scenes(sensor, wanted.root, tile)
            except MissingInputError as error:
                missing.append(str(error))
                continue
            scenes[tile, sensor.label] = found.scenes
            skipped += found.broken
    if missing:
        raise MissingInputError("\n".join(missing))
    if not request.skip_broken_products:
        refuse_broken(skipped)
    _refuse_few(scenes, request)
    return Inventory(scenes, skipped)


def _refuse_few(scenes: Mapping[tuple[str, str], list[Scene]], request: Request) -> None:
    few = [
        f"tile {tile}: {len({scene.day for scene in found})} date(s) of {label}; "
        f"chain.minimum_required_dates is {request.minimum_required_dates}"
        for (tile, label), found in scenes.items()
        if len({scene.day for scene in found}) < request.minimum_required_dates
    ]
    if few:
        raise MissingInputError("\n".join(few))


def without(inventory: Inventory, broken: list[Skipped], request: Request) -> Inventory:
    """Leave broken products out, or refuse them."""
    if not request.skip_broken_products:
        refuse_broken(broken)
    names = {one.product for one in broken}
    scenes = {
        key: [scene for scene in found if scene.product not in names]
        for key, found in inventory.scenes.items()
    }
    _refuse_few(scenes, request)
    return Inventory(scenes, [*inventory.skipped, *broken])


def first_headers(inventory: Inventory) -> dict[tuple[str, str], dict[str, Header]]:
    """Read all headers of one product a series: they stand for the others' until these are read.

    The first product whose files all open is taken, of those on the grid that most are on.
    """
    found, faults = {}, []
    for (tile, label), scenes in inventory.scenes.items():
        reasons = []
        for scene in _by_grid(scenes):
            layers = scene.layers
            read = headers(layers.values())
            errors = [one for one in read.values() if isinstance(one, ProductError)]
            if not errors:
                found[tile, label] = {
                    name: header
                    for name, layer in layers.items()
                    if isinstance(header := read[layer.path], Header)
                }
                break
            reasons.append(str(errors[0]))
        else:
            faults += [f"tile {tile}: no readable {label} product", *reasons]
    if faults:
        raise ProductError("\n".join(faults))
    return found


def _by_grid(scenes: Sequence[Scene]) -> list[Scene]:
    """Put the scenes first whose first band lies on the most frequent grid."""
    firsts = [next(iter(scene.bands.values())) for scene in scenes]
    read = headers(firsts)
    found = [read[layer.path] for layer in firsts]
    grids = [header.grid if isinstance(header, Header) else None for header in found]
    often = Counter(grid for grid in grids if grid is not None)
    order = sorted(range(len(scenes)), key=lambda at: -often[grids[at]])  # type: ignore[index]
    return [scenes[at] for at in order]


def check_layers(
    series: Mapping[str, Sequence[SeriesPlan]], probed: Mapping[str, ProbeResult]
) -> tuple[list[Skipped], tuple[int, int], int]:
    """Check the headers of every layer that will be read.

    Returns the products with a file that does not open or lies on another grid, the largest
    block that any file decodes at once, and the bytes of its widest pixel.
    """
    broken, block, width = [], (1, 1), 1
    for tile, plans in series.items():
        for plan in plans:
            names = (*probed[tile].read[plan.sensor.label], *_mask_names(plan.sensor))
            for scene in plan.scenes:
                layers = scene.layers
                read = headers((layers[name] for name in names), whole=True)
                reason = _fault(scene, names, read, plan.grids)
                if reason:
                    broken.append(
                        Skipped(
                            tile=tile, sensor=plan.sensor.label, product=scene.product,
                            reason=reason,
                        )
                    )  # fmt: skip
                for header in read.values():
                    if isinstance(header, Header):
                        block = (max(block[0], header.block[0]), max(block[1], header.block[1]))
                        width = max(width, header.bytes_per_pixel)
    return broken, block, width


def _mask_names(sensor: Sensor) -> tuple[str, ...]:
    return tuple(mask.name for mask in sensor.masks)


def _fault(
    scene: Scene,
    names: Sequence[str],
    read: Mapping[Any, Header | ProductError],
    grids: Mapping[str, Grid],
) -> str:
    """Return what is wrong with the files of a scene, one line a file."""
    layers = scene.layers
    faults: dict[Any, str] = {}
    for name in names:
        path, header, wanted = layers[name].path, read[layers[name].path], grids[name]
        if isinstance(header, ProductError):
            faults[path] = str(header)
        elif layers[name].index > header.count:
            faults[path] = f"{path}: {header.count} band(s), {name} is number {layers[name].index}"
        elif header.grid.shape != wanted.shape or header.grid.offset_in(wanted) != (0, 0):
            faults[path] = (
                f"{path}: on another grid than the other dates: {_about(header.grid)} "
                f"instead of {_about(wanted)}"
            )
    return "\n  ".join(faults.values())


def _about(grid: Grid) -> str:
    return (
        f"{grid.height} x {grid.width} pixels of {grid.xres:g} at ({grid.x:.10g}, {grid.y:.10g}), "
        f"{grid.crs}"
    )
