"""`make bench-sensors`: what reading each layer of each sensor costs, and a map of its bands.

Products are simulated, in the true formats (JPEG 2000 where the agency has it). All figures are
CPU seconds of this process: milliseconds a megapixel and date. A layer's are those of reading and
decoding it, a megapixel of its own grid; the map's are those of the whole chain, a megapixel of
the map.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sitsflow.io.opening import reading
from sitsflow.io.read import read_layer
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors.model import Sensor, load_sensors
from sitsflow.request import FunctionCall, Request, SensorRequest
from sitsflow.simulate import simulate
from sitsflow.steps.chunk import compute_chunk
from tests.chaos.subjects import tile_of

FIRST, LAST, DATES = date(2018, 4, 1), date(2018, 9, 27), 6
EVERY = 30
NDVI = FunctionCall(name="get_cumulative_productivity")


class Costs(NamedTuple):
    """What one sensor costs: CPU ms a megapixel and date."""

    format: str
    masks: dict[str, float]
    bands: dict[str, float]
    """A band's, by what it has in common with the others: its pixels' size."""
    whole: float
    """Of the map, with the name of what it holds."""
    made: str


def measured(sensor: Sensor, folder: Path, size: int, runs: int) -> Costs:
    """Measure one sensor: its masks one by one, its bands, and a map."""
    tile = tile_of(sensor.name)
    root = folder / f"{sensor.name}_{size}"
    if not root.exists():
        simulate(root, sensor.name, [tile], FIRST, LAST, EVERY, size, seed=3)
    plan, planned = _plan(sensor, tile, root)
    series = planned.series[0]
    alike: dict[str, list[str]] = {}
    for band in series.bands:
        alike.setdefault(f"{series.grids[band].xres:g} m", []).append(band)
    masks = {mask.name: _reading(series, [mask.name], runs) for mask in sensor.masks}
    bands = {what: _reading(series, names, runs) for what, names in alike.items()}
    pixels = planned.grid.height * planned.grid.width * len(series.scenes)

    def whole() -> None:
        for index in range(len(planned.chunks)):
            compute_chunk(plan, planned, index)

    suffix = series.scenes[0].layers[series.bands[0]].path.suffix.lower()
    return Costs(
        "JPEG 2000" if suffix == ".jp2" else "GeoTIFF",
        masks,
        bands,
        _median(whole, runs) / pixels * 1e9,
        "NDVI" if plan.request.functions else "bands",
    )


def _plan(sensor: Sensor, tile: str, root: Path) -> tuple[Plan, TilePlan]:
    has_ndvi = sensor.band_of("red") is not None and sensor.band_of("nir") is not None
    request = Request(
        output_path=root.parent / "map",
        tiles=(tile,),
        sensors=(SensorRequest(sensor=sensor.name, root=root, temporal_resolution=30),),
        functions=(NDVI,) if has_ndvi else (),
        concat_mode=not has_ndvi,
        indices=has_ndvi,
    )
    plan, tiles = make_plan(request)
    return plan, tiles[tile]


def _reading(series: SeriesPlan, names: Sequence[str], runs: int) -> float:
    grid = series.grids[names[0]]

    def read() -> None:
        with reading():
            for scene in series.scenes:
                for name in names:
                    read_layer(scene.layers[name], grid.whole)

    pixels = grid.height * grid.width * len(series.scenes) * len(names)
    return _median(read, runs) / pixels * 1e9


def _median(job: Callable[[], None], runs: int) -> float:
    job()  # loads what is compiled, and fills the system's cache of files
    taken = []
    for _ in range(runs):
        begin = time.process_time()
        job()
        taken.append(time.process_time() - begin)
    return statistics.median(taken)


def main() -> None:
    """Measure and print, as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("bench"))
    args = parser.parse_args()
    out = sys.stdout.write
    out(f"{date.today()}, {platform.machine()}, Python {platform.python_version()}; medians of ")
    out(f"{args.runs} runs, {DATES} dates of {args.size} x {args.size} pixels, one process\n\n")
    out(
        "| sensor | format | each mask | each band | whole map |\n| --- | --- | --- | --- | --- |\n"
    )
    for sensor in load_sensors().values():
        one = measured(sensor, args.folder, args.size, args.runs)
        out(f"| `{sensor.name}` | {one.format} | {_listed(one.masks)} | {_listed(one.bands)} | ")
        out(f"{one.whole:.0f} ({one.made}) |\n")
        sys.stdout.flush()


def _listed(costs: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {cost:.1f}" for name, cost in costs.items())


if __name__ == "__main__":
    main()
