"""A plan in words and as plain data: what a run would do, said before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.filesize import decimal

from sitsflow.dates import to_date
from sitsflow.features.catalogue import CatalogueEntry
from sitsflow.geo.grid import Grid
from sitsflow.plan import Plan, RadarSeries, SeriesPlan, TilePlan
from sitsflow.request import GROUPS, STEPS, Mosaic, Request
from sitsflow.run.jobs import selected_steps

Tiles = Mapping[str, TilePlan]

_SHOWN = 6
_KINDS = {
    "interpolated": "Interpolated series",
    "raw": "Raw series",
    "masks": "Masks of the raw series",
    "alias": "Older names of the same",
    "dates": "Dates",
    "raster": "The user's raster",
    "built-in": "Built-in functions",
    "metric": "Metrics of a series, v on the days d: ndvi_p90, b8_mean, valid_count and so on",
    "module": "Functions of the user's module",
}

MOSAICS: Mapping[Mosaic, str] = {
    "file": "",
    "vrt": ", as a VRT over the maps of the tiles",
    "none": ", only as maps of the tiles",
}
"""What is said of a map besides its size."""


def step_list(chosen: tuple[int, ...]) -> str:
    """Return the list of steps as iota2 prints it, those `chosen` (from 1) ticked."""
    lines = []
    for group in GROUPS:
        lines.append(f"Group {group}:")
        for number, (member, title) in enumerate(STEPS, start=1):
            if member == group:
                tick = "x" if number in chosen else " "
                lines.append(f"         [{tick}] Step {number}: {title}")
    return "\n".join(lines)


def as_data(plan: Plan, tiles: Tiles) -> dict[str, Any]:
    """Return the plan as one JSON object: what `sitsflow check --json` prints."""
    chosen = selected_steps(plan)
    return {
        "sitsflow": plan.version,
        "fingerprint": plan.fingerprint,
        "output_path": str(plan.request.output_path),
        "steps": [
            {"number": number, "group": group, "title": title, "selected": number in chosen}
            for number, (group, title) in enumerate(STEPS, start=1)
        ],
        "tiles": [_tile_data(tiles[name]) for name in plan.tile_names],
        "map": _grid_data(plan.mosaic_grid),
        "mosaic": plan.request.mosaic,
        "first_day": plan.first_day.isoformat(),
        "last_day": plan.last_day.isoformat(),
        "interpolation": plan.request.interpolation.method if plan.request.use_gapfilling else None,
        "functions": [function.model_dump(mode="json") for function in plan.functions],
        "labels": list(plan.labels),
        "chunk_ram_gb": plan.chunk_ram_gb,
        "bytes_to_read": plan.bytes_to_read,
        "bytes_to_write": plan.bytes_to_write,
        "times_decoded": plan.times_decoded,
        "skipped": [row.model_dump(mode="json") for row in plan.skipped],
        "notices": list(plan.notices),
    }


def _tile_data(tile: TilePlan) -> dict[str, Any]:
    return {
        "tile": tile.tile,
        "grid": _grid_data(tile.grid),
        "chunks": [window.model_dump() for window in tile.chunks],
        "series": [_series_data(series) for series in tile.series],
    }


def _series_data(series: SeriesPlan) -> dict[str, Any]:
    return {
        "sensor": series.sensor.name,
        "label": series.sensor.label,
        "products": [str(product) for product in series.products],
        "dates": _days(series, series.days),
        "interpolated_dates": _days(series, series.target_days),
        "bands": list(series.bands),
        "bands_read": list(series.read),
        "masks_read": [mask.name for mask in series.sensor.masks],
        **({} if series.radar is None else {"radar": _radar_data(series.radar)}),
    }


def _radar_data(radar: RadarSeries) -> dict[str, Any]:
    return {
        "settings": radar.settings.model_dump(mode="json"),
        "passes": [
            {
                "day": one.day.isoformat(),
                "relative_orbit": one.relative_orbit,
                "products": [str(slice_.product) for slice_ in one.slices],
            }
            for one in radar.acquisitions
        ],
        "elevation_covers": radar.covered,
    }


def _days(series: SeriesPlan, days: Sequence[int]) -> list[str]:
    return [to_date(day).isoformat() for day in days] if series.sensor.dated else []


def _grid_data(grid: Grid) -> dict[str, Any]:
    return {**grid.model_dump(mode="json"), "bounds": list(grid.bounds)}


def as_text(plan: Plan, tiles: Tiles) -> str:
    """Return the steps and the plan in words."""
    lines = [step_list(selected_steps(plan)), "", f"Output: {plan.request.output_path}"]
    for name in plan.tile_names:
        lines += _tile_lines(tiles[name], plan.request)
    lines += [
        f"Map: {_grid_text(plan.mosaic_grid)}{MOSAICS[plan.request.mosaic]}",
        f"Functions: {', '.join(f.name for f in plan.functions) or 'none'}",
        f"Bands of the map ({len(plan.labels)}): {_some(plan.labels)}",
        f"Memory: about {plan.chunk_ram_gb:.2f} GB a task",
        f"Reads about {decimal(plan.bytes_to_read)}, writes about {decimal(plan.bytes_to_write)}",
        f"Decodes each block of the products {plan.times_decoded:.1f} times on average",
    ]
    lines += [f"Left out: {row.product} ({row.tile}): {row.reason}" for row in plan.skipped]
    lines += [f"Notice: {notice}" for notice in plan.notices]
    return "\n".join(lines)


def catalogue_text(entries: Sequence[CatalogueEntry]) -> str:
    """Return what user functions can call, a paragraph a kind, a line an entry."""
    lines: list[str] = []
    for kind, members in groupby(entries, key=lambda entry: entry.kind):
        lines += ["", _KINDS[kind]] if lines else [_KINDS[kind]]
        for entry in members:
            facts = [text for text in (entry.shape, entry.dtype, entry.about) if text]
            if entry.dates:
                facts.append(f"{len(entry.dates)} dates, {entry.dates[0]} to {entry.dates[-1]}")
            lines.append(f"  {entry.name}: {', '.join(facts)}")
    return "\n".join(lines)


def _tile_lines(tile: TilePlan, request: Request) -> Iterator[str]:
    yield f"Tile {tile.tile}: {_grid_text(tile.grid)}; {_chunks_text(tile)}"
    for series in tile.series:
        if not series.sensor.dated:
            yield f"  {series.sensor.name}: rasters without dates; reads {', '.join(series.read)}"
            continue
        days = [to_date(day).isoformat() for day in series.days]
        targets = [to_date(day).isoformat() for day in series.target_days]
        yield f"  {_what_there_is(series)}, {_span(days)}"
        if request.use_gapfilling:
            how = series.interpolated_by(request).text
            yield f"    interpolated ({how}) to {len(targets)} dates: {_span(targets)}"
        else:
            yield f"    not interpolated: {len(targets)} dates"
        masks = ", ".join(mask.name for mask in series.sensor.masks) or "none"
        unread = len(series.bands) - len(series.read)
        if series.radar is None:
            yield f"    reads {', '.join(series.read) or 'no band'}; masks {masks}; {unread} unread"
        else:
            yield f"    reads {', '.join(series.read) or 'no polarisation'}; {unread} unread"
            yield f"    {series.radar.settings.text}"
            yield f"    {_heights(series.radar)}"


def _what_there_is(series: SeriesPlan) -> str:
    if series.radar is None:
        return f"{series.sensor.name}: {len(series.scenes)} products"
    passes = series.radar.acquisitions
    orbits = sorted({one.relative_orbit for one in passes})
    missions = sorted({slice_.mission for one in passes for slice_ in one.slices})
    return (
        f"{series.sensor.platform}: {len(passes)} passes ({len(series.products)} products of "
        f"{', '.join(missions)}; relative orbit {', '.join(map(str, orbits))})"
    )


def _heights(radar: RadarSeries) -> str:
    settings = radar.settings
    if settings.constant_height is not None:
        return f"on flat land at {settings.constant_height:g} m above the ellipsoid"
    names = ", ".join(path.name for path in settings.dem[:_SHOWN])
    more = f" and {len(settings.dem) - _SHOWN} more" if len(settings.dem) > _SHOWN else ""
    if settings.ellipsoidal_heights:
        above = "above the ellipsoid"
    else:
        above = "no geoid" if settings.geoid is None else f"geoid {settings.geoid.name}"
    return f"heights of {names}{more}, which cover {100 * radar.covered:.3g} % of the tile; {above}"


def _chunks_text(tile: TilePlan) -> str:
    largest = max(tile.chunks, key=lambda window: window.height * window.width)
    count = len(tile.chunks)
    noun = "chunk" if count == 1 else "chunks"
    return f"{count} {noun} of at most {largest.height} x {largest.width} pixels"


def _grid_text(grid: Grid) -> str:
    size = f"{grid.height} x {grid.width} pixels of {grid.xres:g} x {grid.yres:g}"
    return f"{size} in {grid.system}, corner at {grid.x:.10g}, {grid.y:.10g}"


def _span(days: list[str]) -> str:
    return f"{days[0]} to {days[-1]}" if days else "none"


def _some(labels: tuple[str, ...]) -> str:
    if len(labels) <= 2 * _SHOWN:
        return ", ".join(labels)
    return ", ".join([*labels[:_SHOWN], "...", *labels[-_SHOWN:]])
