"""What a user should know of a plan before it runs, though nothing is wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sitsflow.dates import to_date
from sitsflow.geo.coordinates import pixel_span
from sitsflow.io.read import Header
from sitsflow.plan import TilePlan
from sitsflow.planning.inputs import Inputs
from sitsflow.products.scenes import Layer
from sitsflow.products.sensors.model import Sensor
from sitsflow.request import Request
from sitsflow.timeseries.indices import IOTA2_INDICES


def plan_notices(
    request: Request, tiles: Mapping[str, TilePlan], labels: Sequence[str]
) -> Iterator[str]:
    """Yield one sentence a matter; `labels` are the names of the map's bands."""
    for name in IOTA2_INDICES:
        if request.indices and name in request.spectral_indices:
            yield f"{name} is iota2's, x 1000: the catalogue's needs `features: []`"
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        more = ", ..." if len(twice) > 3 else ""
        yield f"several bands have the same name: {', '.join(twice[:3])}{more}"
    yield from _coarse_notice(request, tiles)
    for tile in tiles.values():
        for one in tile.dated_series:
            if one.target_days[-1] < one.days[0] or one.target_days[0] > one.days[-1]:
                yield (
                    f"tile {tile.tile}: all interpolated dates of {one.sensor.label} "
                    f"({to_date(one.target_days[0])} to {to_date(one.target_days[-1])}) lie "
                    f"outside its products' ({to_date(one.days[0])} to {to_date(one.days[-1])}): "
                    "the series is constant"
                )


def memory_notice(chunk_gb: float, maximum_gb: float) -> Iterator[str]:
    """Yield a sentence where a chunk needs more memory than the configuration allows a task."""
    if chunk_gb > maximum_gb:
        yield (
            f"a chunk takes about {chunk_gb:.2f} GB, more than task_retry_limits.maximum_ram, "
            f"{maximum_gb:.3g} GB, and is not tried again with more: cut the tiles in more chunks "
            "(external_features.number_of_chunks), or raise maximum_ram"
        )


_MUCH_COARSER = 1.95  # twice, but for what a projection stretches


def _coarse_notice(request: Request, tiles: Mapping[str, TilePlan]) -> Iterator[str]:
    """Yield a sentence on each sensor of which most pixels would go unseen."""
    found: dict[str, float] = {}
    for tile in tiles.values() if request.resampling != "average" else ():
        for one in tile.series:
            spans = [min(pixel_span(tile.grid, one.grids[name])) for name in one.read]
            found[one.sensor.label] = max([found.get(one.sensor.label, 0.0), *spans])
    for label, span in found.items():
        if span >= _MUCH_COARSER:
            yield (
                f"pixels of the map are {span:.3g} times as large as those of {label}, and "
                f"{request.resampling} resampling looks at their centres only: chain.resampling "
                "'average' takes the mean of what lies under them"
            )


def touched_notice(tile: str, inputs: Inputs) -> Iterator[str]:
    """Yield a sentence where files were compared with what an earlier run read of them."""
    if inputs.compared:
        yield (
            f"tile {tile}: input files with a new time of change and their former size: "
            f"{inputs.compared}; {inputs.same} of them hold the pixels that were read before, and "
            "count as unchanged"
        )


def nodata_notice(
    tile: str, sensor: Sensor, bands: Iterable[tuple[Layer, Header]]
) -> Iterator[str]:
    """Yield a sentence where files name another no-data value than the sensor's description.

    NaN is never a value, so a file that names it says nothing else.
    """
    others = {
        layer.path: header.nodata
        for layer, header in bands
        if header.nodata is not None
        and not math.isnan(header.nodata)
        and header.nodata != layer.nodata
    }
    if others:
        path, value = next(iter(others.items()))
        count = len(others) - 1
        more = f" and {count} more {'file' if count == 1 else 'files'}" if count else ""
        yield (
            f"tile {tile}: {path}{more}: the file's own no-data value is {value:g}, that of "
            f"{sensor.name} is {sensor.nodata:g}. The sensor's is used: pixels of {value:g} count "
            "as values"
        )
