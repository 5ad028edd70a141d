"""What is on disk for a run: the products of each tile and sensor, and whether they can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.features.probe import ProbeResult
from sitsflow.geo.grid import Grid
from sitsflow.io.read import Header, headers
from sitsflow.plan import SeriesPlan
from sitsflow.planning.notices import nodata_notice
from sitsflow.planning.radar_passes import check_passes, find_passes
from sitsflow.planning.radar_series import radar_headers
from sitsflow.planning.radar_tracks import RadarTrack
from sitsflow.planning.rasters import find_raster_scene
from sitsflow.planning.tile_reference import tile_reference
from sitsflow.planning.usual import alike, usual_headers
from sitsflow.products.rasters import LABEL as RASTERS
from sitsflow.products.scenes import (
    FoundScenes,
    Layer,
    Scene,
    Skipped,
    find_scenes,
    refuse_broken,
)
from sitsflow.products.sensors.model import Sensor
from sitsflow.radar.slices import Acquisition
from sitsflow.request import Request, SensorRequest

_FEW = 5  # one odd product is outvoted


class Inventory(NamedTuple):
    """Scenes of each tile and sensor label, while broken ones are still being found."""

    scenes: dict[tuple[str, str], list[Scene]]
    skipped: list[Skipped]
    notices: tuple[str, ...] = ()
    passes: Mapping[tuple[str, Path], Acquisition] = MappingProxyType({})
    """Passes of Sentinel-1 over a tile, by the product of their scene."""
    references: Mapping[str, Grid] = MappingProxyType({})
    """Where the tiles lie, of runs with Sentinel-1."""

    @property
    def tiles(self) -> tuple[str, ...]:
        """The tiles that can be mapped, in the order of the run."""
        return tuple(dict.fromkeys(tile for tile, _ in self.scenes))


class CheckedLayers(NamedTuple):
    """What the headers of all layers say that a run reads."""

    broken: list[Skipped]
    """Products with a file that is not whole, or lies on another grid."""
    blocks: dict[Grid, tuple[int, int]]
    """Rows and columns of the largest block that any file on a grid decodes at once."""
    width: int
    """Bytes of the widest pixel."""
    notices: tuple[str, ...] = ()


def find_products(
    request: Request,
    sensors: Sequence[tuple[Sensor, SensorRequest]],
    tracks: Mapping[str, RadarTrack] = MappingProxyType({}),
) -> Inventory:
    """Find the products of all tiles and sensors by their names.

    `tracks` are those of Sentinel-1, by the label of their sensor.

    Raises
    ------
    MissingInputError
        If folders are missing, empty or short of dates.
    ProductError
        If products are not whole, and must be.
    """
    search = _Search(sensors, tracks)
    for tile in request.tiles:
        search.look_over(tile)
    found = search.found
    left_out = _tiles_left_out(request, found, search.missing)
    kept = {key: one for key, one in found.items() if key[0] not in left_out}
    skipped = list(dict.fromkeys(row for one in kept.values() for row in one.broken))
    if not request.skip_broken_products:
        refuse_broken(skipped)
    scenes = {key: one.scenes for key, one in kept.items()}
    _refuse_few(scenes, request)
    notices = dict.fromkeys(notice for one in found.values() for notice in one.notices)
    return Inventory(
        scenes, skipped, (*left_out.values(), *notices), search.passes, search.references
    )


class _Search:
    """What is found of the sensors of a run, tile by tile."""

    def __init__(
        self, sensors: Sequence[tuple[Sensor, SensorRequest]], tracks: Mapping[str, RadarTrack]
    ) -> None:
        self._sensors, self._tracks = sensors, tracks
        self.found: dict[tuple[str, str], FoundScenes] = {}
        self.missing: dict[tuple[str, str], str] = {}
        """Why there is nothing."""
        self.passes: dict[tuple[str, Path], Acquisition] = {}
        self.references: dict[str, Grid] = {}

    def look_over(self, tile: str) -> None:
        """Find the products of all sensors: last of Sentinel-1, whose place others tell best."""
        for sensor, wanted in sorted(self._sensors, key=lambda one: one[0].label in self._tracks):
            try:
                self.found[tile, sensor.label] = self._scenes(tile, sensor, wanted)
            except MissingInputError as error:
                self.missing[tile, sensor.label] = str(error)

    def _scenes(self, tile: str, sensor: Sensor, wanted: SensorRequest) -> FoundScenes:
        track = self._tracks.get(sensor.label)
        if track is not None:
            scenes, passes = find_passes(track, wanted, tile, self._reference(tile, wanted))
            self.passes |= {(tile, product): one for product, one in passes.items()}
            return scenes
        if sensor.dated:
            return find_scenes(sensor, wanted.root, tile)
        return find_raster_scene(sensor, wanted, tile)

    def _reference(self, tile: str, wanted: SensorRequest) -> Grid:
        if tile not in self.references:
            others = [
                (one, self.found[tile, one.label])
                for one, _ in self._sensors
                if one.dated and (tile, one.label) in self.found
            ]
            self.references[tile] = tile_reference(tile, wanted, others)
        return self.references[tile]


def _tiles_left_out(
    request: Request,
    found: Mapping[tuple[str, str], FoundScenes],
    missing: Mapping[tuple[str, str], str],
) -> dict[str, str]:
    """Return the tiles that some of several sensors lack, and why; refuse what may not be left out.

    Raises
    ------
    MissingInputError
        If tiles lack a sensor and may not be left out, or if no tile is left.
    """
    reasons: dict[str, str] = {}
    for tile in dict.fromkeys(tile for tile, _ in missing):
        has = [other for one, other in found if one == tile]
        if has:
            lacks = ", ".join(other for one, other in missing if one == tile)
            reasons[tile] = f"tile {tile} has products of {', '.join(has)}, and none of {lacks}"
    bare = {tile for tile, _ in missing} - set(reasons)
    if request.missing_sensor_tile == "skip" and not bare and len(reasons) < len(request.tiles):
        return {tile: f"WARNING, {why}: it is left out" for tile, why in reasons.items()}
    if missing:
        remedy = (
            "; chain.missing_sensor_tile: skip leaves such tiles out"
            if reasons and not bare
            else ""
        )
        heads = [f"{why}{remedy}:" for why in reasons.values()]
        raise MissingInputError("\n".join(dict.fromkeys([*heads, *missing.values()])))
    return {}


def _refuse_few(scenes: Mapping[tuple[str, str], list[Scene]], request: Request) -> None:
    few = []
    for (tile, label), found in scenes.items():
        count = len({scene.day for scene in found})
        if label == RASTERS:
            few += [] if found else [f"tile {tile}: none of its rasters can be used"]
        elif count < request.minimum_required_dates:
            few.append(
                f"tile {tile}: {count} date(s) of {label}; chain.minimum_required_dates is "
                f"{request.minimum_required_dates}"
            )
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
    return inventory._replace(scenes=scenes, skipped=[*inventory.skipped, *broken])


def first_headers(
    inventory: Inventory, tracks: Mapping[str, RadarTrack] = MappingProxyType({})
) -> dict[tuple[str, str], dict[str, Header]]:
    """Read all headers of a few products a series: they stand for the others' until these are read.

    Products whose files all open are taken, those first that lie on the grid that most are on.
    """
    found, faults = {}, []
    for (tile, label), scenes in inventory.scenes.items():
        if label in tracks:
            found[tile, label] = radar_headers(tracks[label].sensor, inventory.references[tile])
            continue
        reasons: list[str] = []
        whole = list(islice(_readable(_by_grid(scenes), reasons), _FEW))
        if whole:
            found[tile, label] = usual_headers(whole)
        else:
            faults += [f"tile {tile}: no readable {label} product", *reasons]
    if faults:
        raise ProductError("\n".join(faults))
    return found


def _readable(scenes: Iterable[Scene], reasons: list[str]) -> Iterator[dict[str, Header]]:
    """Yield the headers of products whose files all open; add to `reasons` why others do not."""
    for scene in scenes:
        layers = scene.layers
        read = headers(layers.values())
        errors = [one for one in read.values() if isinstance(one, ProductError)]
        if errors:
            reasons.append(str(errors[0]))
            continue
        yield {
            name: header
            for name, layer in layers.items()
            if isinstance(header := read[layer.path], Header)
        }


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
) -> CheckedLayers:
    """Check the headers of every layer that will be read, against what most products have."""
    broken: list[Skipped] = []
    notices: list[str] = []
    blocks: dict[Grid, tuple[int, int]] = {}
    width = 1
    for tile, plans in series.items():
        for plan in plans:
            if plan.radar is not None:
                broken += check_passes(tile, plan)
                width = max(width, 2)
                continue
            names = (*probed[tile].read[plan.sensor.label], *_mask_names(plan.sensor))
            read = {
                scene.product: headers((scene.layers[name] for name in names), whole=True)
                for scene in plan.scenes
            }
            notices += nodata_notice(tile, plan.sensor, _found(plan.scenes, names, read))
            usual = usual_headers([_by_name(scene, names, read) for scene in plan.scenes])
            for scene in plan.scenes:
                reason = _fault(scene, names, read[scene.product], usual)
                if reason:
                    broken.append(
                        Skipped(
                            tile=tile, sensor=plan.sensor.label, product=scene.product,
                            reason=reason,
                        )
                    )  # fmt: skip
            for header in (one for found in read.values() for one in found.values()):
                if isinstance(header, Header):
                    rows, cols = blocks.get(header.grid, (1, 1))
                    blocks[header.grid] = max(rows, header.block[0]), max(cols, header.block[1])
                    width = max(width, header.bytes_per_pixel)
    return CheckedLayers(broken, blocks, width, tuple(notices))


def _found(
    scenes: Iterable[Scene],
    names: Iterable[str],
    read: Mapping[Path, Mapping[Path, Header | ProductError]],
) -> Iterator[tuple[Layer, Header]]:
    """Yield the bands that could be read, with their headers; masks have no value for no data."""
    wanted = tuple(names)
    for scene in scenes:
        for name in wanted:
            layer = scene.bands.get(name)
            header = None if layer is None else read[scene.product][layer.path]
            if layer is not None and isinstance(header, Header):
                yield layer, header


def _by_name(
    scene: Scene, names: Iterable[str], read: Mapping[Path, Mapping[Path, Header | ProductError]]
) -> dict[str, Header]:
    found = {name: read[scene.product][scene.layers[name].path] for name in names}
    return {name: header for name, header in found.items() if isinstance(header, Header)}


def _mask_names(sensor: Sensor) -> tuple[str, ...]:
    return tuple(mask.name for mask in sensor.masks)


def _fault(
    scene: Scene,
    names: Sequence[str],
    read: Mapping[Path, Header | ProductError],
    usual: Mapping[str, Header],
) -> str:
    """Return what is wrong with the files of a scene, one line a file."""
    layers = scene.layers
    faults: dict[Path, str] = {}
    for name in names:
        path, header = layers[name].path, read[layers[name].path]
        if isinstance(header, ProductError):
            faults[path] = str(header)
        elif layers[name].index > header.count:
            faults[path] = f"{path}: {header.count} band(s), {name} is number {layers[name].index}"
        elif not alike(header.grid, usual[name].grid):
            faults[path] = (
                f"{path}: on another grid than the other dates: {_about(header.grid)} "
                f"instead of {_about(usual[name].grid)}"
            )
    return "\n  ".join(faults.values())


def _about(grid: Grid) -> str:
    return (
        f"{grid.height} x {grid.width} pixels of {grid.xres:g} at ({grid.x:.10g}, {grid.y:.10g}), "
        f"{grid.system}"
    )
