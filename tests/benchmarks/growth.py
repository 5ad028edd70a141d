"""`make bench-growth`: how CPU and memory grow with dates, pixels, bands, features and tiles.

One thing grows at a time, from the same small job: 24 dates of 512 x 512 pixels in EPSG:2154, two
bands, one feature. Each point is a process of its own: the engine on one tile, or for tiles all
jobs of a run one after the other, without Prefect.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from sitsflow.planning.planner import make_plan
from sitsflow.request import FunctionCall, Request
from sitsflow.run.peak_memory import peak_mb
from sitsflow.simulate import simulate
from sitsflow.steps.chunk import compute_chunk
from sitsflow.steps.kernels import compile_kernels
from tests.benchmarks.jobs import BANDS, LAMBERT, START, TILE, Job, products_of, request_for
from tests.serial_run import run

_BAND_ORDER = ("B4", "B8", "B2", "B11", "B5", "B3", "B6", "B7", "B8A", "B12")
_STATISTICS = ("mean", "min", "max", "std", "amplitude", "p10", "p25", "p50", "p75", "p90")
_TILES = tuple(f"T31T{col}{row}" for col in "CDEF" for row in "JKHL")
_TILE_SIZE, _TILE_DATES = 96, 12


@dataclass(frozen=True)
class Point:
    """One job, by what may grow."""

    grows: str
    value: int
    dates: int = 24
    size: int = 512
    bands: int = 2
    features: int = 1
    tiles: int = 1


def points() -> list[Point]:
    """Return all points, curve by curve."""
    base = Point("", 0)
    found = [replace(base, grows="dates", value=n, dates=n) for n in (12, 24, 48, 96)]
    found += [
        replace(base, grows="pixels", value=n, size=size) for n, size in ((1, 512), (4, 1024))
    ]
    # Of as many features as the most bands, so that nothing but bands grows.
    found += [replace(base, grows="bands", value=n, bands=n, features=10) for n in (2, 5, 10)]
    found += [replace(base, grows="features", value=n, features=n) for n in (1, 10, 50)]
    small = replace(base, grows="tiles", size=_TILE_SIZE, dates=_TILE_DATES)
    found += [replace(small, value=n, tiles=n) for n in (1, 4, 16)]
    return found


def functions_of(point: Point) -> tuple[FunctionCall, ...]:
    """Return metrics that make so many features: of the bands, and of NDVI unless bands grow."""
    names = _BAND_ORDER[: point.bands]
    pairs = [(name, what) for what in _STATISTICS for name in names]
    if point.grows != "bands":
        pairs = [(name, what) for what in _STATISTICS for name in ("ndvi", *names, "ndvi")]
    pairs = list(dict.fromkeys(pairs))
    days = [f"p{n}" for n in range(1, 100) if f"p{n}" not in _STATISTICS]
    pairs += [("ndvi", what) for what in days]
    return tuple(FunctionCall(name=f"{of.lower()}_{what}") for of, what in pairs[: point.features])


def request_of(point: Point, folder: Path) -> Request:
    """Return what a run of the point is asked; its products are simulated if need be."""
    job = Job("", BANDS[: point.bands], LAMBERT, functions_of(point), ())
    if point.grows != "tiles":
        products = products_of(folder, point.dates, point.size)
        return request_for(job, products, max(1, (point.size // 512) ** 2), folder / "map")
    tiles = _TILES[: point.tiles]
    products = folder / f"products_{point.tiles}_tiles"
    if not products.exists():
        every = 360 // point.dates
        end = START + timedelta(days=every * (point.dates - 1))
        begun = folder / "begun"
        simulate(begun, "Sentinel_2", list(tiles), START, end, every, point.size, 0)
        begun.rename(products)
    out = folder / f"map_{point.tiles}_tiles"
    return request_for(job, products, 1, out).model_copy(update={"tiles": tiles})


def carry_out(point: Point, folder: Path) -> dict[str, float]:
    """Carry out a point in this process; return what it took."""
    request = request_of(point, folder)
    compile_kernels()
    if point.grows == "tiles":
        shutil.rmtree(request.output_path, ignore_errors=True)
        wall, cpu = time.perf_counter(), time.process_time()
        run(request)
    else:
        plan, tiles = make_plan(request)
        tile = tiles[TILE]
        compute_chunk(plan, tile, 0)  # its first call loads compiled code
        wall, cpu = time.perf_counter(), time.process_time()
        for index in range(len(tile.chunks)):
            compute_chunk(plan, tile, index)
    return {
        "cpu_s": round(time.process_time() - cpu, 3),
        "wall_s": round(time.perf_counter() - wall, 3),
        "peak_mb": round(peak_mb(), 1),
    }


def draw(rows: Sequence[dict[str, object]], path: Path) -> None:
    """Draw a panel for each thing that grows: CPU against the left axis, memory the right."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    curves = list(dict.fromkeys(str(row["grows"]) for row in rows))
    figure = Figure(figsize=(2.3 * len(curves), 2.4), layout="constrained")
    for panel, grows in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        own = [row for row in rows if row["grows"] == grows]
        x = [float(str(row["value"])) for row in own]
        for key, axes, colour in (
            ("cpu_s", panel, "#1f5f99"),
            ("peak_mb", panel.twinx(), "#b35900"),
        ):
            axes.plot(x, [float(str(row[key])) for row in own], "o-", color=colour, markersize=3)
            axes.set_ylim(bottom=0)
            axes.tick_params(labelsize=7, colors=colour, axis="y")
        panel.set_xticks(x)
        panel.tick_params(labelsize=7, axis="x")
        panel.set_xlabel(grows, fontsize=8)
    figure.suptitle("CPU s (blue) and peak MB (orange)", fontsize=9)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "growth"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    """Measure, print as CSV, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("bench"))
    parser.add_argument("--csv", type=Path, help="file that gets the figures too")
    parser.add_argument("--plot", type=Path, help="SVG or PNG")
    parser.add_argument("--point", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    folder = args.folder.absolute()
    if args.point is not None:
        sys.stdout.write(json.dumps(carry_out(points()[args.point], folder)) + "\n")
        return
    folder.mkdir(parents=True, exist_ok=True)
    compile_kernels()  # here: it takes memory that is not the first point's
    rows: list[dict[str, object]] = []
    sys.stdout.write(f"# {date.today()}, one process a point\n")
    columns = ("grows", "value", "cpu_s", "wall_s", "peak_mb")
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    for number, point in enumerate(points()):
        request_of(point, folder)  # what must be simulated is, outside the process measured
        command = [sys.executable, "-m", "tests.benchmarks.growth", "--folder", str(folder)]
        done = subprocess.run(
            [*command, "--point", str(number)], check=True, stdout=subprocess.PIPE, text=True
        )
        figures = json.loads(done.stdout.splitlines()[-1])
        rows.append({"grows": point.grows, "value": point.value, **figures})
        writer.writerow(rows[-1])
        sys.stdout.flush()
    if args.csv:
        with args.csv.open("w", encoding="utf-8", newline="") as file:
            kept = csv.DictWriter(file, columns, lineterminator="\n")
            kept.writeheader()
            kept.writerows(rows)
    if args.plot:
        draw(rows, args.plot)


if __name__ == "__main__":
    main()
