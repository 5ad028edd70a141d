"""Deciding a whole run from names and headers, before a pixel is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from sitsflow import __version__
from sitsflow.dates import to_date
from sitsflow.digest import digest_text
from sitsflow.errors import ConfigError, Fault
from sitsflow.features.code_digests import builtin_digest, metrics_digest
from sitsflow.features.probe import ProbeResult
from sitsflow.features.probe_process import prober_of
from sitsflow.io.code_snapshot import CodeSnapshot
from sitsflow.io.opening import reading_for
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.planning.cube_windows import cube_windows
from sitsflow.planning.decoding import times_decoded
from sitsflow.planning.estimates import bytes_on, bytes_read, bytes_written, largest_chunk_gb
from sitsflow.planning.grids import RunGrids, define_grids
from sitsflow.planning.inventory import (
    CheckedLayers,
    Inventory,
    check_layers,
    find_products,
    first_headers,
    without,
)
from sitsflow.planning.notices import memory_notice, plan_notices
from sitsflow.planning.probing import probe_tiles
from sitsflow.planning.room import one_file_notice, room_notice
from sitsflow.planning.series import all_series, run_sensors
from sitsflow.planning.tile_plans import plan_tiles
from sitsflow.request import Request

_NOT_PIXELS = {
    "output_path", "first_step", "last_step", "allow_remote", "probe_seconds", "timeout",
    "logger_level", "mosaic", "concurrent_reads",
}  # fmt: skip
"""Keys of a request that leave what is computed alone."""


def make_plan(request: Request) -> tuple[Plan, dict[str, TilePlan]]:
    """Decide a run.

    Raises
    ------
    SitsflowError
        Whatever would make the run fail later; products' faults are reported together.
    """
    with reading_for(request):
        return _decided(request)


def _decided(request: Request) -> tuple[Plan, dict[str, TilePlan]]:
    _check_nodata(request.no_data_value)
    sensors, tracks = run_sensors(request)
    # First, for its process starts while products are looked for.
    with prober_of(request) as prober:
        inventory = find_products(request, sensors, tracks)
        while True:
            first = first_headers(inventory, tracks)
            grids = define_grids(request, sensors, first)
            series, about = all_series(request, sensors, inventory, first, grids.grids)
            probed = probe_tiles(request, series, prober)
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


def _finished(
    request: Request,
    code: CodeSnapshot | None,
    inventory: Inventory,
    grids: RunGrids,
    series: Mapping[str, list[SeriesPlan]],
    probed: Mapping[str, ProbeResult],
    checked: CheckedLayers,
) -> tuple[Plan, dict[str, TilePlan]]:
    """Return the plan of a run whose products, grids and functions are known to be in order."""
    first = next(iter(probed.values()))
    tiles, touched = plan_tiles(request, _code_digest(code, first), grids, series, probed, checked)
    to_write = sum(bytes_written(one, len(first.labels)) for one in tiles.values())
    chunk_ram_gb = round(largest_chunk_gb(request, tiles, probed, checked.width), 3)
    notices = [
        *inventory.notices,
        *grids.notices,
        *checked.notices,
        *touched,
        *_room_notices(request, grids, first, to_write, len(tiles)),
        *memory_notice(chunk_ram_gb, request.maximum_ram),
        *plan_notices(request, tiles, first.labels),
    ]
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
        notices=tuple(notices),
        chunk_ram_gb=chunk_ram_gb,
        cubes_ram_gb=_cubes_gb(request, tiles),
        bytes_to_read=sum(bytes_read(one, checked.width) for one in tiles.values()),
        bytes_to_write=to_write,
        times_decoded=times_decoded(tiles.values(), checked.blocks, request.resampling),
        first_day=to_date(min(days)),
        last_day=to_date(max(days)),
        fingerprint=digest_text(request.model_dump_json(exclude=_NOT_PIXELS)),
        map_fingerprint=_map_fingerprint(request, grids, tiles),
    )
    return plan, tiles


def _code_digest(code: CodeSnapshot | None, probed: ProbeResult) -> str:
    """Return what tells the code of the functions of a run from any other."""
    digest = builtin_digest() if code is None else code.digest
    if any(one.metric for one in probed.functions):
        return digest_text(digest, metrics_digest())
    return digest


def _room_notices(
    request: Request, grids: RunGrids, probed: ProbeResult, to_write: int, tiles: int
) -> Iterator[str]:
    """Say what may not fit on the disk, or in one file."""
    yield from room_notice(request.output_path, to_write, request.compression)
    if request.mosaic == "file":
        in_one = bytes_on(grids.mosaic, len(probed.labels))
        yield from one_file_notice(request.output_path, to_write, in_one, tiles)


def _map_fingerprint(request: Request, grids: RunGrids, tiles: Mapping[str, TilePlan]) -> str:
    return digest_text(
        request.output_name,
        request.mosaic,
        grids.mosaic.model_dump_json(),
        *(text for tile, one in tiles.items() for text in (tile, one.features.fingerprint)),
    )


def _cubes_gb(request: Request, tiles: Mapping[str, TilePlan]) -> float:
    if not request.write_outputs:
        return 0.0
    return round(max(cube_windows(request, tile).ram_gb for tile in tiles.values()), 3)
