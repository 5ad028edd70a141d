"""Deciding a whole run from names and headers, before a pixel is read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sitsflow import __version__
from sitsflow.dates import merged_days, regular_days, to_date, to_day
from sitsflow.digest import digest_text
from sitsflow.errors import (
    ConfigError,
    Fault,
    MissingInputError,
    SensorFileError,
)
from sitsflow.features.code_digests import builtin_digest, metrics_digest
from sitsflow.features.exogenous import describe_raster
from sitsflow.features.probe import Prober, ProbeResult, probe
from sitsflow.features.probe_process import prober_of
from sitsflow.geo.coordinates import node_step
from sitsflow.geo.grid import Grid
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.io.opening import reading
from sitsflow.io.read import Header
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.planning.chunking import tile_chunks
from sitsflow.planning.cube_windows import cube_windows
from sitsflow.planning.decoding import times_decoded
from sitsflow.planning.estimates import (
    bytes_on,
    bytes_read,
    bytes_written,
    largest_chunk_gb,
    pixel_bytes,
)
from sitsflow.planning.fingerprints import TileFacts, tile_dependencies
from sitsflow.planning.grids import RunGrids, define_grids
from sitsflow.planning.inventory import (
    CheckedLayers,
    Inventory,
    check_layers,
    find_products,
    first_headers,
    without,
)
from sitsflow.planning.notices import plan_notices, touched_notice
from sitsflow.planning.radar import RadarTrack, first_and_last_day, radar_series, radar_tracks
from sitsflow.planning.rasters import NO_DAY, describe_rasters
from sitsflow.planning.room import one_file_notice, room_notice
from sitsflow.products.sensors.model import Sensor, load_sensors
from sitsflow.request import Request, SensorRequest

log = logging.getLogger(__name__)

_NOT_PIXELS = {
    "output_path", "first_step", "last_step", "allow_remote", "probe_seconds", "timeout",
    "logger_level", "mosaic",
}  # fmt: skip
"""Keys of a request that leave what is computed alone."""


def make_plan(request: Request) -> tuple[Plan, dict[str, TilePlan]]:
    """Decide a run.

    Raises
    ------
    SitsflowError
        Whatever would make the run fail later; products' faults are reported together.
    """
    with reading(remote=request.allow_remote):
        return _decided(request)


def _decided(request: Request) -> tuple[Plan, dict[str, TilePlan]]:
    _check_nodata(request.no_data_value)
    sensors, tracks = _sensors(request)
    # First, for its process starts while products are looked for.
    with prober_of(request) as prober:
        inventory = find_products(request, sensors, tracks)
        while True:
            first = first_headers(inventory, tracks)
            grids = define_grids(request, sensors, first)
            series, about = _all_series(request, sensors, inventory, first, grids)
            probed = _probe(request, series, prober)
            checked = check_layers(series, probed)
            if not checked.broken:
                break
            inventory = without(inventory, checked.broken, request)
        code = prober.snapshot()  # now: while they were tried functions may have imported more
    inventory = inventory._replace(notices=(*inventory.notices, *about))
    return _finished(request, code, inventory, grids, series, probed, checked)


def _check_nodata(value: float) -> None:
    """Refuse a no-data value that a file of 32-bit floats cannot hold; NaN can be held."""
    about = np.finfo(np.float32)
    largest, smallest = float(about.max), float(about.smallest_normal)
    message = ""
    if abs(value) > largest:
        message = f"{value:g} does not fit in 32-bit floats; at most {largest:.6g}"
    elif 0 < abs(value) < smallest:
        message = f"{value:g} would become 0 or another value in 32-bit floats; write 0"
    if message:
        raise ConfigError([Fault("external_features.no_data_value", message)])


def _sensors(
    request: Request,
) -> tuple[list[tuple[Sensor, SensorRequest]], dict[str, RadarTrack]]:
    """Return the sensors of a run; of Sentinel-1 one for each direction, and what it finds."""
    known = load_sensors(request.sensor_folders)
    sensors: list[tuple[Sensor, SensorRequest]] = []
    tracks: dict[str, RadarTrack] = {}
    for one in request.sensors:
        if one.radar is not None:
            its = radar_tracks(one)
            sensors += [(track.sensor, one) for track in its]
            tracks |= {track.sensor.label: track for track in its}
        else:
            described = describe_rasters(one, request.tiles) if one.patterns else known[one.sensor]
            sensors.append((described, one))
    labels: dict[str, str] = {}
    for sensor, _ in sensors:
        other = labels.setdefault(sensor.label, sensor.name)
        if other != sensor.name:
            raise SensorFileError(
                f"sensors {other} and {sensor.name} have the same label, {sensor.label}: give one "
                "of them another in its file, for files and functions are named by it"
            )
    return sensors, tracks


def _all_series(
    request: Request,
    sensors: Sequence[tuple[Sensor, SensorRequest]],
    inventory: Inventory,
    first: Mapping[tuple[str, str], Mapping[str, Header]],
    grids: RunGrids,
) -> tuple[dict[str, list[SeriesPlan]], tuple[str, ...]]:
    """Return the series of each tile, and what should be known of those of Sentinel-1."""
    found, notices = {}, []
    for tile, grid in grids.grids.items():
        plans = _series(request, sensors, inventory, first, tile)
        for at, (plan, (_, wanted)) in enumerate(zip(plans, sensors, strict=True)):
            if wanted.radar is not None:
                passes = [inventory.passes[tile, scene.product] for scene in plan.scenes]
                radar, about = radar_series(wanted, passes, tile, grid)
                notices += about
                its_grids = dict.fromkeys(plan.grids, grid)
                plans[at] = plan.model_copy(update={"radar": radar, "grids": its_grids})
        found[tile] = plans
    return found, tuple(dict.fromkeys(notices))


def _series(
    request: Request,
    sensors: Sequence[tuple[Sensor, SensorRequest]],
    inventory: Inventory,
    first: Mapping[tuple[str, str], Mapping[str, Header]],
    tile: str,
) -> list[SeriesPlan]:
    plans = []
    for sensor, wanted in sensors:
        scenes = inventory.scenes[tile, sensor.label]
        days = tuple(scene.day for scene in scenes)
        everywhere = [
            tuple(scene.day for scene in found)
            for (_, label), found in inventory.scenes.items()
            if label == sensor.label
        ]
        targets = _target_days(request, wanted, everywhere, days, sensor.label)
        _check_window(request, sensor, targets)
        plans.append(
            SeriesPlan(
                sensor=sensor,
                scenes=tuple(scenes),
                grids={name: one.grid for name, one in first[tile, sensor.label].items()},
                target_days=targets,
                bands=_bands(sensor, wanted),
                read=(),
                raw_days=merged_days(everywhere) if request.fill_missing_dates else days,
            )
        )
    return plans


def _check_window(request: Request, sensor: Sensor, targets: Sequence[int]) -> None:
    """Refuse a moving window of more dates than there are."""
    how = request.interpolation
    used = request.use_gapfilling and how.method == "savitzky_golay" and sensor.dated
    used = used and not sensor.is_radar  # which has a key of its own
    if used and len(targets) < how.savitzky_golay_window:
        message = (
            f"{how.savitzky_golay_window} dates, but {sensor.label} has {len(targets)} "
            f"interpolated date(s): lower it, or {sensor.name}.temporal_resolution"
        )
        raise ConfigError([Fault("sensors_data_interpolation.savitzky_golay_window", message)])


def _bands(sensor: Sensor, wanted: SensorRequest) -> tuple[str, ...]:
    if wanted.keep_bands is None:
        return sensor.band_names
    return tuple(name for name in sensor.band_names if name in wanted.keep_bands)


def _target_days(
    request: Request,
    wanted: SensorRequest,
    everywhere: Sequence[tuple[int, ...]],
    days: tuple[int, ...],
    label: str,
) -> tuple[int, ...]:
    """Return the dates of the interpolated series, the same for all tiles (reference B.7)."""
    if days == (NO_DAY,):
        return days
    if not request.use_gapfilling:
        return merged_days(everywhere) if request.fill_missing_dates else days
    if wanted.interpolated_dates == "input":
        return tuple(sorted({day for one in everywhere for day in one}))
    if wanted.radar is not None:
        start, end = first_and_last_day(wanted, everywhere, label)
    elif request.auto_date or wanted.start is None or wanted.end is None:
        start, end = min(min(one) for one in everywhere), max(max(one) for one in everywhere)
    else:
        start, end = to_day(wanted.start), to_day(wanted.end)
    return regular_days(start, end, wanted.temporal_resolution)


def _probe(
    request: Request, series: Mapping[str, list[SeriesPlan]], prober: Prober
) -> dict[str, ProbeResult]:
    """Probe each tile whose dates differ; all must make the same bands."""
    prober.load()
    by_dates: dict[Any, ProbeResult] = {}
    found = {}
    for tile, plans in series.items():
        exogenous = describe_raster(request, tile)
        names = None if exogenous is None else (exogenous[0], tuple(exogenous[1]))
        key = (tuple((plan.days, plan.raw_days, plan.target_days) for plan in plans), names)
        if key not in by_dates:
            by_dates[key] = probe(plans, request, prober, exogenous)
        found[tile] = by_dates[key]
    first_tile, first = next(iter(found.items()))
    for tile, probed in found.items():
        if probed.labels != first.labels:
            raise MissingInputError(
                f"{_difference(first_tile, first.labels, tile, probed.labels)}: their dates "
                "differ. Set python_data_managing.fill_missing_dates: True, or "
                "sensors_data_interpolation.use_gapfilling: True"
            )
    return found


def _difference(one: str, first: Sequence[str], other: str, second: Sequence[str]) -> str:
    if len(first) != len(second):
        return f"tile {one} makes {len(first)} bands and tile {other} {len(second)}"
    at = next(at for at, pair in enumerate(zip(first, second, strict=True)) if len({*pair}) > 1)
    return f"band {at + 1} is {first[at]} of tile {one} and {second[at]} of tile {other}"


def _finished(
    request: Request,
    code: CodeSnapshot | None,
    inventory: Inventory,
    grids: RunGrids,
    series: Mapping[str, list[SeriesPlan]],
    probed: Mapping[str, ProbeResult],
    checked: CheckedLayers,
) -> tuple[Plan, dict[str, TilePlan]]:
    first = next(iter(probed.values()))
    digest = builtin_digest() if code is None else code.digest
    if any(one.metric for one in first.functions):
        digest = digest_text(digest, metrics_digest())
    tiles: dict[str, TilePlan] = {}
    notices = [*inventory.notices, *grids.notices, *checked.notices]
    for tile, plans in series.items():
        grid = grids.grids[tile]
        whole = tuple(_complete(one, probed[tile], grid) for one in plans)
        facts = TileFacts(tile, grid, grids.rooms.get(tile), whole, probed[tile], digest)
        steps, inputs = tile_dependencies(request, facts)
        each = pixel_bytes(whole, probed[tile], request, grid, checked.width)
        chunks = tile_chunks(request, grid, whole, each, checked.blocks, grids.mosaic)
        tiles[tile] = TilePlan(
            tile=tile,
            grid=grid,
            series=whole,
            chunks=chunks.windows,
            pass_rows=chunks.pass_rows,
            read_rows=chunks.read_rows,
            room=facts.room,
            files=inputs.files,
            **steps,
        )
        notices += touched_notice(tile, inputs)
    to_write = sum(bytes_written(one, len(first.labels)) for one in tiles.values())
    notices += room_notice(request.output_path, to_write, request.compression)
    if request.mosaic == "file":
        in_one = bytes_on(grids.mosaic, len(first.labels))
        notices += one_file_notice(request.output_path, to_write, in_one, len(tiles))
    days = [day for plan in tiles.values() for one in plan.dated_series for day in one.days]
    plan = Plan(
        version=__version__,
        request=request,
        tile_names=tuple(tiles),
        labels=first.labels,
        functions=first.functions,
        code=code,
        mosaic_grid=grids.mosaic,
        area=grids.area,
        skipped=tuple(inventory.skipped),
        notices=(*notices, *plan_notices(request, tiles, first.labels)),
        chunk_ram_gb=round(largest_chunk_gb(request, tiles, probed, checked.width), 3),
        cubes_ram_gb=_cubes_gb(request, tiles),
        bytes_to_read=sum(bytes_read(one, checked.width) for one in tiles.values()),
        bytes_to_write=to_write,
        times_decoded=times_decoded(tiles.values(), checked.blocks, request.resampling),
        first_day=to_date(min(days)),
        last_day=to_date(max(days)),
        fingerprint=digest_text(request.model_dump_json(exclude=_NOT_PIXELS)),
        map_fingerprint=digest_text(
            request.output_name,
            request.mosaic,
            grids.mosaic.model_dump_json(),
            *(text for tile, one in tiles.items() for text in (tile, one.features.fingerprint)),
        ),
    )
    return plan, tiles


def _cubes_gb(request: Request, tiles: Mapping[str, TilePlan]) -> float:
    if not request.write_outputs:
        return 0.0
    return round(max(cube_windows(request, tile).ram_gb for tile in tiles.values()), 3)


def _complete(plan: SeriesPlan, probed: ProbeResult, grid: Grid) -> SeriesPlan:
    """Add to a series what is read of it, and how finely it is placed."""
    read, step = probed.read[plan.sensor.label], _step(grid, plan)
    return plan.model_copy(update={"read": read, "step": step})


def _step(grid: Grid, plan: SeriesPlan) -> int:
    """Return the node step that is fine enough for all grids of a series."""
    return min(node_step(grid, source) for source in dict.fromkeys(plan.grids.values()))
