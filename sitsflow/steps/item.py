"""The map as a STAC item: what it is, where, when, and of which bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.warp import transform

from sitsflow.errors import GridError, OutputError
from sitsflow.geo.grid import Grid
from sitsflow.io.opening import reading
from sitsflow.io.paths import relative_way
from sitsflow.io.write import write_json
from sitsflow.plan import Plan

_STAC_VERSION = "1.0.0"
_VRT = "application/x-gdal-vrt"  # as QGIS has it; none is registered
_POINTS_A_SIDE = 20  # of the footprint, whose straight edges bend when unprojected
_STATISTICS = {
    "minimum": "STATISTICS_MINIMUM",
    "maximum": "STATISTICS_MAXIMUM",
    "mean": "STATISTICS_MEAN",
    "stddev": "STATISTICS_STDDEV",
    "valid_percent": "STATISTICS_VALID_PERCENT",
}


def write_item(plan: Plan, map_path: Path, out_json: Path) -> None:
    """Describe the map in a STAC 1.0 item with relative links.

    The fields of the projection extension (``proj:code``, ``proj:shape``, ...) and STAC 1.1's
    ``bands`` are there, but no extension is declared: a declared one makes validators fetch its
    schema, and the item must be valid without a network.

    Parameters
    ----------
    plan : Plan
        The run that made the map.
    map_path : Path
        The map, with its statistics.
    out_json : Path
        The item, written whole or not at all. The quicklook becomes its thumbnail where it lies
        at its place in the tree: write it first.

    Raises
    ------
    OutputError
        If the map cannot be read.
    GridError
        If the map's outline does not transform to longitudes and latitudes.
    """
    properties = {
        "title": title_of(plan),
        **projection(plan.mosaic_grid),
        **origin(plan, plan.map_fingerprint, plan.tile_names),
    }
    name = f"{map_path.stem}-{plan.map_fingerprint[:12]}"
    item = item_of(name, plan.mosaic_grid, (plan.first_day, plan.last_day), properties)
    item.add_asset("data", data_of(map_path, out_json.parent, "Feature map"))
    if (thumbnail := thumbnail_of(plan, out_json.parent)) is not None:
        item.add_asset("thumbnail", thumbnail)
    write_stac(item, out_json)


def write_stac(described: pystac.Item | pystac.Collection, out_json: Path) -> None:
    """Write an item or a collection, whole or not at all, with its links as they are."""
    fields = described.to_dict(include_self_link=False, transform_hrefs=False)
    # pystac writes the newest version it knows; setting another one there is global.
    fields["stac_version"] = _STAC_VERSION
    write_json(out_json, fields)


def item_of(
    name: str, grid: Grid, days: tuple[date, date], properties: dict[str, Any]
) -> pystac.Item:
    """Return an item without assets, over a grid and between two days, both included."""
    ring = _footprint(grid)
    longitudes, latitudes = zip(*ring, strict=True)
    first, last = days
    return pystac.Item(
        id=name,
        geometry={"type": "Polygon", "coordinates": [ring]},
        bbox=[min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        datetime=None,
        start_datetime=datetime.combine(first, time.min, UTC),
        end_datetime=datetime.combine(last, time(23, 59, 59), UTC),
        properties=properties,
    )


def title_of(plan: Plan) -> str:
    """Return what the whole map is."""
    sensors = ", ".join(each.sensor for each in plan.request.sensors)
    return f"Features of {sensors} over {len(plan.tile_names)} tile(s)"


def origin(plan: Plan, fingerprint: str, tiles: Sequence[str]) -> dict[str, Any]:
    """Return what a map of some tiles was made from, as properties of our own."""
    return {
        "sitsflow:version": plan.version,
        "sitsflow:fingerprint": fingerprint,
        "sitsflow:sensors": [each.sensor for each in plan.request.sensors],
        "sitsflow:tiles": list(tiles),
        "sitsflow:functions": [each.name for each in plan.functions],
    }


def projection(grid: Grid) -> dict[str, Any]:
    """Return the properties of the projection extension, and the ground sample distance."""
    epsg = grid.rasterio_crs.to_epsg()
    west, south, east, north = grid.bounds
    fields: dict[str, Any] = {
        "proj:code": f"EPSG:{epsg}" if epsg else None,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform)[:6],
        "proj:bbox": [west, south, east, north],
    }
    if epsg:
        fields["proj:epsg"] = epsg
    else:
        fields["proj:wkt2"] = grid.rasterio_crs.to_wkt(version="WKT2_2019")
    if grid.rasterio_crs.is_projected:
        metres = grid.rasterio_crs.linear_units_factor[1]
        fields["gsd"] = max(grid.xres, grid.yres) * metres
    return fields


def thumbnail_of(plan: Plan, folder: Path) -> pystac.Asset | None:
    """Return the quicklook as an asset of what lies in `folder`, None where there is none."""
    if not plan.paths.quicklook.is_file():
        return None
    return pystac.Asset(
        href=relative(plan.paths.quicklook, folder),
        title="Quicklook",
        media_type=pystac.MediaType.PNG,
        roles=["thumbnail"],
    )


def data_of(map_path: Path, folder: Path, title: str) -> pystac.Asset:
    """Return a map as an asset of what lies in `folder`, with its bands.

    Raises
    ------
    OutputError
        If the map cannot be read.
    """
    return pystac.Asset(
        href=relative(map_path, folder),
        title=title,
        media_type=_VRT if map_path.suffix == ".vrt" else pystac.MediaType.COG,
        roles=["data"],
        extra_fields={"bands": bands_of(map_path)},
    )


def bands_of(map_path: Path) -> list[dict[str, Any]]:
    """Return what a map says of its bands: names, types, no data, statistics.

    Raises
    ------
    OutputError
        If the map cannot be read.
    """
    try:
        with reading(), rasterio.open(map_path) as dataset:
            return [_band(dataset, number) for number in dataset.indexes]
    except RasterioError as error:
        raise OutputError(f"{map_path}: cannot be read ({error}); run the mosaic again") from error


def grid_of(map_path: Path) -> Grid:
    """Return the grid of all pixels of a map's file.

    Raises
    ------
    OutputError
        If the map cannot be read.
    """
    try:
        with reading(), rasterio.open(map_path) as dataset:
            return Grid.from_affine(dataset.crs, dataset.transform, *dataset.shape)
    except RasterioError as error:
        raise OutputError(f"{map_path}: cannot be read ({error}); run the mosaic again") from error


def _band(dataset: Any, number: int) -> dict[str, Any]:
    tags = dataset.tags(number)
    fields: dict[str, Any] = {
        "name": dataset.descriptions[number - 1] or f"band {number}",
        "data_type": dataset.dtypes[number - 1],
    }
    if dataset.nodata is not None:
        fields["nodata"] = dataset.nodata if math.isfinite(dataset.nodata) else str(dataset.nodata)
    # A band without any value has no minimum.
    found = {name: float(tags[tag]) for name, tag in _STATISTICS.items() if tag in tags}
    if found:
        fields["statistics"] = found
    return fields


def _footprint(grid: Grid) -> list[list[float]]:
    """Outline in longitude, latitude (WGS 84), counter-clockwise from the south-west, closed."""
    west, south, east, north = grid.bounds
    along = np.linspace(0, 1, _POINTS_A_SIDE, endpoint=False)
    width, height = along * (east - west), along * (north - south)
    xs = np.concatenate([west + width, 0 * height + east, east - width, 0 * height + west])
    ys = np.concatenate([0 * width + south, south + height, 0 * width + north, north - height])
    try:
        longitudes, latitudes = transform(grid.rasterio_crs, "EPSG:4326", xs, ys)
    except CPLE_BaseError as error:
        raise GridError(
            f"the map at {grid.bounds} in {grid.crs} has no longitudes and latitudes ({error}): "
            "is chain.proj meant for this place?"
        ) from error
    ring = [
        [round(float(longitude), 7), round(float(latitude), 7)]
        for longitude, latitude in zip(longitudes, latitudes, strict=True)
    ]
    return [*ring, ring[0]]


def relative(path: Path, folder: Path) -> str:
    """Return the way from `folder` to `path`, as links have it."""
    way = relative_way(path, folder)
    return way if way.startswith("../") else f"./{way}"
