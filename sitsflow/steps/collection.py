"""The maps of tiles as a STAC collection, an item each: what catalogues and clients read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path

import pystac

from sitsflow.dates import to_date
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.item import (
    bands_of,
    data_of,
    grid_of,
    item_of,
    origin,
    projection,
    relative,
    thumbnail_of,
    title_of,
    write_stac,
)


def write_collection(plan: Plan, tiles: Mapping[str, TilePlan]) -> list[Path]:
    """Describe the maps of tiles in a STAC 1.0 collection with relative links; return all files.

    Each item lies beside its map. The collection has the statistics of all pixels, overlaps counted
    once, from the map of all tiles: make that, and the quicklook, first.

    Raises
    ------
    OutputError
        If a map cannot be read.
    GridError
        If an outline does not transform to longitudes and latitudes.
    """
    paths = plan.paths
    folder = paths.collection.parent
    items = [_item(plan, tiles[name]) for name in plan.tile_names]
    boxes = [item.bbox for item in items if item.bbox is not None]
    west, south, east, north = zip(*boxes, strict=True)
    # The first box holds all others, as the standard has it.
    whole = [min(west), min(south), max(east), max(north)]
    begin = datetime.combine(plan.first_day, time.min, UTC)
    end = datetime.combine(plan.last_day, time(23, 59, 59), UTC)
    collection = pystac.Collection(
        id=f"{plan.request.output_name}-{plan.map_fingerprint[:12]}",
        title=title_of(plan),
        description=f"Maps of the features of {len(items)} tile(s), {plan.first_day} to "
        f"{plan.last_day}",
        extent=pystac.Extent(
            pystac.SpatialExtent([whole] if len(boxes) == 1 else [whole, *boxes]),
            pystac.TemporalExtent([[begin, end]]),
        ),
        license="other",
        extra_fields={
            **origin(plan, plan.map_fingerprint, plan.tile_names),
            "bands": bands_of(paths.map),
        },
    )
    if plan.request.mosaic == "vrt":
        collection.add_asset("data", data_of(paths.map, folder, "Map of all tiles"))
    if (thumbnail := thumbnail_of(plan, folder)) is not None:
        collection.add_asset("thumbnail", thumbnail)
    collection.add_link(_link("root", paths.collection, folder))
    for name, item in zip(plan.tile_names, items, strict=True):
        item.collection_id = collection.id
        _write_item(item, paths.tile_item(name), paths.collection)
        collection.add_link(_link("item", paths.tile_item(name), folder, f"Tile {name}"))
    write_stac(collection, paths.collection)
    return [paths.collection, *(paths.tile_item(name) for name in plan.tile_names)]


def _item(plan: Plan, tile: TilePlan) -> pystac.Item:
    path = plan.paths.tile_map(tile.tile)
    fingerprint = tile.features.fingerprint
    days = [day for one in tile.dated_series for day in one.days]
    span = (to_date(min(days)), to_date(max(days))) if days else (plan.first_day, plan.last_day)
    properties = {
        "title": f"Features of tile {tile.tile}",
        # The file may reach farther than the tile, up to the edges of blocks.
        **projection(grid_of(path)),
        **origin(plan, fingerprint, [tile.tile]),
    }
    item = item_of(f"{tile.tile}-{fingerprint[:12]}", tile.grid, span, properties)
    item.add_asset("data", data_of(path, path.parent, "Feature map of the tile"))
    return item


def _write_item(item: pystac.Item, out_json: Path, collection: Path) -> None:
    for kind in ("root", "parent", "collection"):
        item.add_link(_link(kind, collection, out_json.parent))
    write_stac(item, out_json)


def _link(kind: str, path: Path, folder: Path, title: str | None = None) -> pystac.Link:
    return pystac.Link(kind, relative(path, folder), pystac.MediaType.JSON, title)
