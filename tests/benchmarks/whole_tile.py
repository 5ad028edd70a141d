"""`make bench-tile`: what each part of a run costs on one whole tile of three features.

Each part runs in a process of its own, through the science's functions, one after the other; then
the whole run on two workers.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sitsflow.plan import Plan, TilePlan, load_plan, load_tile, save_plan
from sitsflow.planning.planner import make_plan
from sitsflow.report.page import write_report
from sitsflow.request import FunctionCall, Request, SensorRequest
from sitsflow.run.peak_memory import peak_mb
from sitsflow.steps.chunk import compute_chunk, write_chunk
from sitsflow.steps.item import write_item
from sitsflow.steps.kernels import compile_kernels
from sitsflow.steps.mosaic import merge_tile, mosaic_tiles
from sitsflow.steps.quicklook import title_of, write_quicklook
from tests.benchmarks.flow_run import WORKERS, configuration, run_flow
from tests.benchmarks.repeated_tile import EVERY, START, TILE, repeated_products

FUNCTIONS = ("get_cumulative_productivity", "get_minimum_productivity", "get_seasonal_variation")


def plan_run(products: Path, out: Path, dates: int, functions: Sequence[str]) -> None:
    """Plan some of the tutorial's functions over the tile, in its own system; keep the plan."""
    request = Request(
        output_path=out,
        tiles=(TILE,),
        sensors=(
            SensorRequest(
                sensor="Sentinel_2",
                root=products,
                start=START,
                end=START + timedelta(days=EVERY * (dates - 1)),
                temporal_resolution=10,
            ),
        ),
        auto_date=False,
        concat_mode=False,
        functions=tuple(FunctionCall(name=name) for name in functions),
    )
    save_plan(*make_plan(request))


def _alone(plan: Plan, tile: TilePlan) -> None:
    for index in range(len(tile.chunks)):
        compute_chunk(plan, tile, index)


def _chunks(plan: Plan, tile: TilePlan) -> None:
    for index in range(len(tile.chunks)):
        write_chunk(plan, tile, index)


def _picture(plan: Plan, tile: TilePlan) -> None:
    write_quicklook(plan.paths.map, plan.paths.quicklook, title_of(plan))
    write_item(plan, plan.paths.map, plan.paths.item)
    write_report(plan, {TILE: tile}, plan.paths.report)


ALONE = "chunks, not written"
PARTS: dict[str, Callable[[Plan, TilePlan], object]] = {
    ALONE: _alone,
    "chunks": _chunks,
    "merge_tile": merge_tile,
    "mosaic": lambda plan, tile: mosaic_tiles(plan, {TILE: tile}),
    "quicklook, item, report": _picture,
}


def carry_out(part: str, out: Path) -> None:
    """Carry out a part and print what it took, as JSON."""
    plan, tile = load_plan(out), load_tile(out, TILE)
    compile_kernels()
    if part in (ALONE, "chunks"):
        compute_chunk(plan, tile, 0)  # its first call loads code
    figures = measured(lambda: PARTS[part](plan, tile))
    sys.stdout.write(json.dumps(figures) + "\n")


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Return what some work takes of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "cpu_s": round(time.process_time() - cpu, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "peak_mb": round(peak_mb()),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="gets products and map, up to 6 GB")
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--features", type=int, choices=(1, 2, 3), default=len(FUNCTIONS))
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--flow", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    out = args.folder.absolute() / f"map_{args.dates}"
    if args.part:
        carry_out(args.part, out)
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    products = repeated_products(args.folder.absolute(), args.dates)
    if args.parts == list(PARTS):
        shutil.rmtree(out, ignore_errors=True)
    functions = FUNCTIONS[: args.features]
    plan_run(products, out, args.dates, functions)
    found: dict[str, dict[str, float]] = {}
    sys.stdout.write(f"{date.today()}, {platform.machine()}, Python {platform.python_version()}; ")
    sys.stdout.write(
        f"one tile of 10980 x 10980, {args.dates} dates, {args.features} features, one thread\n"
    )
    sys.stdout.write(f"{'':<28}{'CPU s':>9}{'wall s':>9}{'peak MB':>11}{'share':>9}\n")
    for part in args.parts:
        command = [sys.executable, "-m", "tests.benchmarks.whole_tile", str(args.folder)]
        command += ["--dates", str(args.dates), "--part", part]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[part] = json.loads(done.stdout.splitlines()[-1])
    whole = sum(one["cpu_s"] for part, one in found.items() if part != ALONE)
    for part, one in found.items():
        share = "" if part == ALONE else f"{one['cpu_s'] / whole:.1%}"
        sys.stdout.write(f"{part:<28}{_figures(one)}{share:>9}\n")
    if args.flow:
        last = START + timedelta(days=EVERY * (args.dates - 1))
        run = out.with_name(f"run_{args.dates}")
        calls = [(name, {}) for name in functions]
        flow = run_flow(
            configuration(products, run, TILE, "EPSG:32631", (START, last), calls),
            args.folder.absolute() / "home",
        )
        sys.stdout.write(f"{f'sitsflow run, {WORKERS} workers':<28}{_figures(flow)}\n")
        found["run"] = flow
        if ALONE in found:
            _write_ratios(flow, found[ALONE])
    sys.stdout.write(json.dumps(found) + "\n")


def _figures(one: Mapping[str, Any]) -> str:
    return f"{one['cpu_s']:>9.1f}{one['wall_s']:>9.1f}{one['peak_mb']:>11.0f}"


def _write_ratios(flow: Mapping[str, Any], alone: Mapping[str, Any]) -> None:
    """Say what a run adds to its chunks, and how busy it keeps its workers."""
    cpu, busy = flow["cpu_s"] / alone["cpu_s"], flow["wall_s"] * WORKERS / flow["cpu_s"]
    sys.stdout.write(
        f"the run takes {cpu:.2f} times the CPU of its chunks, {flow['server_cpu_s']:.1f} s of it "
        f"the server's, and {busy:.2f} times the time in which its workers could spend it\n"
    )


if __name__ == "__main__":
    main()
