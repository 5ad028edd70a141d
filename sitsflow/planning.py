"""Deciding a whole run from names and headers, before a pixel is read."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sitsflow import __version__
from sitsflow.area import read_area
from sitsflow.chunking import AUTO_RAM_GB, cut
from sitsflow.dates import merged_days, regular_days, to_date, to_day
from sitsflow.errors import MissingInputError, ProductError
from sitsflow.exogenous import describe_raster, raster_path
from sitsflow.functions import Functions, load_functions
from sitsflow.geometry import node_step
from sitsflow.grid import Grid
from sitsflow.layout import Layout, lay_out
from sitsflow.memory import bytes_read, bytes_written, chunk_ram_gb, pixels_within
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.probe import Probed, probe
from sitsflow.read import Header, headers
from sitsflow.request import Request, SensorRequest
from sitsflow.scenes import Scene, Skipped, digest, find_scenes, refuse_broken
from sitsflow.sensors.model import Sensor, load_sensors

log = logging.getLogger(__name__)

_NOT_PIXELS = {"output_path", "first_step", "last_step"}
"""Keys of a request that leave what is computed alone."""
_NOT_TILE = {
    *_NOT_PIXELS,
    "tiles",
    "sensors",
    "chunking",
    "maximum_ram",
    "sensor_folders",
    "module",
}


class _Draft(NamedTuple):
    """Scenes of each tile and sensor label, while broken ones are still being found."""

    scenes: dict[tuple[str, str], list[Scene]]
    skipped: list[Skipped]


def make_plan(request: Request) -> tuple[Plan, dict[str, TilePlan]]:
    """Decide a run.

    Raises
    ------
    ConfigError, MissingInputError, ProductError, GridError, FunctionError, ExpressionError
        Whatever would make the run fail later; products' faults are reported together.
    """
    known = load_sensors(request.sensor_folders)
    sensors = [(known[one.sensor], one) for one in request.sensors]
    functions = load_functions(request.module, [one.name for one in request.functions])
    draft = _find(request, sensors)
    while True:
        first = _headers_of_first(draft)
        layout = lay_out(request, sensors, draft.scenes, first)
        series = {tile: _series(request, sensors, draft, first, tile) for tile in layout.grids}
        probed = _probe(request, series, functions)
        broken, block, width = _broken_layers(series, probed)
        if not broken:
            break
        draft = _without(draft, broken, request)
    return _finished(request, functions, draft, layout, series, probed, block, width)


def _find(request: Request, sensors: Sequence[tuple[Sensor, SensorRequest]]) -> _Draft:
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
    return _Draft(scenes, skipped)


def _refuse_few(scenes: Mapping[tuple[str, str], list[Scene]], request: Request) -> None:
    few = [
        f"tile {tile}: {len({scene.day for scene in found})} date(s) of {label}; "
        f"chain.minimum_required_dates is {request.minimum_required_dates}"
        for (tile, label), found in scenes.items()
        if len({scene.day for scene in found}) < request.minimum_required_dates
    ]
    if few:
        raise MissingInputError("\n".join(few))


def _without(draft: _Draft, broken: list[Skipped], request: Request) -> _Draft:
    """Leave broken products out, or refuse them."""
    if not request.skip_broken_products:
        refuse_broken(broken)
    names = {one.product for one in broken}
    scenes = {
        key: [scene for scene in found if scene.product not in names]
        for key, found in draft.scenes.items()
    }
    _refuse_few(scenes, request)
    return _Draft(scenes, [*draft.skipped, *broken])


def _headers_of_first(draft: _Draft) -> dict[tuple[str, str], dict[str, Header]]:
    """Read all headers of one product a series: they stand for the others' until these are read.

    The first product whose files all open is taken.
    """
    found = {}
    for (tile, label), scenes in draft.scenes.items():
        reasons = []
        for scene in scenes:
            layers = {**scene.bands, **scene.masks}
            read = headers({layer.path for layer in layers.values()})
            here: dict[str, Header] = {}
            for name, layer in layers.items():
                header = read[layer.path]
                if isinstance(header, ProductError):
                    reasons.append(str(header))
                    break
                here[name] = header
            else:
                found[tile, label] = here
                break
        else:
            raise ProductError("\n".join([f"tile {tile}: no readable {label} product", *reasons]))
    return found


def _series(
    request: Request,
    sensors: Sequence[tuple[Sensor, SensorRequest]],
    draft: _Draft,
    first: Mapping[tuple[str, str], Mapping[str, Header]],
    tile: str,
) -> list[SeriesPlan]:
    plans = []
    for sensor, wanted in sensors:
        scenes = draft.scenes[tile, sensor.label]
        days = tuple(scene.day for scene in scenes)
        everywhere = [
            tuple(scene.day for scene in found)
            for (_, label), found in draft.scenes.items()
            if label == sensor.label
        ]
        plans.append(
            SeriesPlan(
                sensor=sensor,
                scenes=tuple(scenes),
                grids={name: one.grid for name, one in first[tile, sensor.label].items()},
                target_days=_target_days(request, wanted, everywhere, days),
                bands=_bands(sensor, wanted),
                read=(),
                raw_days=merged_days(everywhere) if request.fill_missing_dates else days,
            )
        )
    return plans


def _bands(sensor: Sensor, wanted: SensorRequest) -> tuple[str, ...]:
    if wanted.keep_bands is None:
        return sensor.band_names
    return tuple(name for name in sensor.band_names if name in wanted.keep_bands)


def _target_days(
    request: Request,
    wanted: SensorRequest,
    everywhere: Sequence[tuple[int, ...]],
    days: tuple[int, ...],
) -> tuple[int, ...]:
    """Return the dates of the interpolated series, the same for all tiles (reference B.7)."""
    if not request.use_gapfilling:
        return merged_days(everywhere) if request.fill_missing_dates else days
    if request.auto_date or wanted.start is None or wanted.end is None:
        start, end = min(min(one) for one in everywhere), max(max(one) for one in everywhere)
    else:
        start, end = to_day(wanted.start), to_day(wanted.end)
    return regular_days(start, end, wanted.temporal_resolution)


def _probe(
    request: Request, series: Mapping[str, list[SeriesPlan]], functions: Functions
) -> dict[str, Probed]:
    """Probe each tile whose dates differ; all must make the same bands."""
    by_dates: dict[Any, Probed] = {}
    found = {}
    for tile, plans in series.items():
        exogenous = describe_raster(request, tile)
        names = None if exogenous is None else (exogenous[0], tuple(exogenous[1]))
        key = (tuple((plan.days, plan.raw_days, plan.target_days) for plan in plans), names)
        if key not in by_dates:
            by_dates[key] = probe(plans, request, functions, exogenous)
        found[tile] = by_dates[key]
    first_tile, first = next(iter(found.items()))
    for tile, probed in found.items():
        if len(probed.labels) != len(first.labels):
            raise MissingInputError(
                f"tile {first_tile} makes {len(first.labels)} bands and tile {tile} "
                f"{len(probed.labels)}: their dates differ. Set "
                "external_features.fill_missing_dates: True, or use_gapfilling: True"
            )
    return found


def _broken_layers(
    series: Mapping[str, Sequence[SeriesPlan]], probed: Mapping[str, Probed]
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
                layers = {**scene.bands, **scene.masks}
                read = headers({layers[name].path for name in names})
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
    layers = {**scene.bands, **scene.masks}
    for name in names:
        header = read[layers[name].path]
        if isinstance(header, ProductError):
            return str(header)
        if layers[name].index > header.count:
            return (
                f"{layers[name].path}: {header.count} band(s), {name} is number "
                f"{layers[name].index}"
            )
        wanted = grids[name]
        if header.grid.shape != wanted.shape or header.grid.offset_in(wanted) != (0, 0):
            return (
                f"{layers[name].path}: on another grid than the other dates: {_about(header.grid)} "
                f"instead of {_about(wanted)}"
            )
    return ""


def _about(grid: Grid) -> str:
    return (
        f"{grid.height} x {grid.width} pixels of {grid.xres:g} at ({grid.x:.10g}, {grid.y:.10g}), "
        f"{grid.crs}"
    )


def _finished(
    request: Request,
    functions: Functions,
    draft: _Draft,
    layout: Layout,
    series: Mapping[str, list[SeriesPlan]],
    probed: Mapping[str, Probed],
    block: tuple[int, int],
    width: int,
) -> tuple[Plan, dict[str, TilePlan]]:
    about_code = _about_code(request, functions)
    first = next(iter(probed.values()))
    tiles = {}
    ram = 0.0
    for tile, plans in series.items():
        grid = layout.grids[tile]
        whole = tuple(
            plan.model_copy(
                update={
                    "read": probed[tile].read[plan.sensor.label],
                    "step": _step(grid, plan),
                }
            )
            for plan in plans
        )
        limit = pixels_within(min(request.maximum_ram, AUTO_RAM_GB), whole, probed[tile], request)
        chunks = cut(grid, request.chunking, _in_pixels_of(grid, block, whole), limit)
        largest = max(window.height * window.width for window in chunks)
        ram = max(ram, chunk_ram_gb(largest, whole, probed[tile], request))
        tiles[tile] = TilePlan(
            tile=tile,
            grid=grid,
            series=whole,
            chunks=chunks,
            fingerprint=_digest(about_code, grid, *whole, str(_exogenous_state(request, tile))),
        )
    days = [day for plan in tiles.values() for one in plan.series for day in one.days]
    plan = Plan(
        version=__version__,
        request=request,
        tile_names=tuple(tiles),
        labels=first.labels,
        functions=first.functions,
        mosaic_grid=layout.mosaic,
        area=layout.area,
        skipped=tuple(draft.skipped),
        notices=(*layout.notices, *_notices(request)),
        chunk_ram_gb=round(ram, 3),
        bytes_to_read=sum(bytes_read(one, width) for one in tiles.values()),
        bytes_to_write=sum(bytes_written(one, len(first.labels)) for one in tiles.values()),
        first_day=to_date(min(days)),
        last_day=to_date(max(days)),
        fingerprint=_digest(request.model_dump_json(exclude=_NOT_PIXELS)),
    )
    return plan, tiles


def _notices(request: Request) -> tuple[str, ...]:
    if request.indices and "NDVI" in request.spectral_indices:
        return ("NDVI is iota2's, x 1000: the catalogue's needs `features: []`",)
    return ()


def _step(grid: Grid, plan: SeriesPlan) -> int:
    """Return the node step that is fine enough for all grids of a series."""
    return min(node_step(grid, source) for source in dict.fromkeys(plan.grids.values()))


def _in_pixels_of(
    grid: Grid, block: tuple[int, int], series: Sequence[SeriesPlan]
) -> tuple[int, int]:
    """Return a block's size in pixels of the target where both share their CRS."""
    source = next(iter(series[0].grids.values()))
    if source.rasterio_crs != grid.rasterio_crs:
        return block
    rows, cols = source.yres / grid.yres, source.xres / grid.xres
    return max(1, round(block[0] * rows)), max(1, round(block[1] * cols))


def _about_code(request: Request, functions: Functions) -> str:
    """Digest what pixels depend on besides a tile's own files."""
    keys = json.loads(request.model_dump_json(exclude=_NOT_TILE))
    expressions = [one.additional_features for one in request.sensors]
    area = request.area_of_interest
    if area is not None:
        keys["area_state"] = digest(
            path for path in area.parent.glob(f"{area.stem}.*") if path.is_file()
        )
        read_area(area, request.crs or "EPSG:4326")
    return json.dumps([__version__, keys, expressions, functions.digest], sort_keys=True)


def _exogenous_state(request: Request, tile: str) -> str:
    path = raster_path(request, tile)
    return "" if path is None else digest([path])


def _digest(*parts: Any) -> str:
    whole = hashlib.sha256()
    for part in parts:
        text = part if isinstance(part, str) else part.model_dump_json()
        whole.update(text.encode())
        whole.update(b"\0")
    return whole.hexdigest()[:32]
