"""`make bench`: sitsflow's engine and its whole flow, rivals, and floors, on the same jobs.

Each contender carries out a job in a process of its own, all in turn, run after run. Figures are
medians of the runs, ratios of CPU the median of those within a run.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import psutil
import rasterio

from tests.benchmarks.contenders import CONTENDERS, is_there
from tests.benchmarks.flow_run import WORKERS, configuration_of, run_flow
from tests.benchmarks.jobs import CHUNKS, JOBS, products_of
from tests.benchmarks.result import SMALL, Difference, difference, read_result

Figures = dict[str, Any]
FLOW = "flow"
ENGINE = "engine"
QUICK = {"size": 512, "dates": 12, "runs": 1}
_PACKAGES = ("sitsflow", "numba", "rasterio", "dask", "odc-stac", "odc-loader", "rioxarray")
_COLUMNS = ("CPU s", "wall s", "peak MB", "read MB", "ratio", "largest difference, share beyond")


def measure(name: str, job: str, products: Path, folder: Path) -> Figures:
    """Let one contender carry out a job; its features lie in `folder` then."""
    out = folder / "results" / f"{job}-{name}.npy"
    out.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.contenders", name, job, str(products)]
    done = subprocess.run([*command, str(out)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures | {"result": str(out) if figures.pop("made") else None}


def measure_flow(job: str, products: Path, folder: Path) -> Figures:
    """Let the whole flow carry out a job."""
    out = folder / "results" / f"run-{job}"
    figures = run_flow(configuration_of(JOBS[job], products, out), folder / "home")
    return figures | {"result": str(out / "final" / "features_map.tif")}


def title(name: str) -> str:
    """Return what a contender is, with its threads or processes."""
    if name == FLOW:
        return f"sitsflow run, {WORKERS} workers"
    contender = CONTENDERS[name]
    threads = f", {contender.threads} threads" if contender.threads > 1 else ""
    return f"{contender.title}{threads}"


def contenders_of(job: str, wanted: Sequence[str]) -> list[str]:
    """Return who carries out a job, in order."""
    able = [name for name, one in CONTENDERS.items() if job in one.jobs and is_there(one)]
    able.insert(1, FLOW)
    return [name for name in able if not wanted or name in wanted or name == ENGINE]


def row(job: str, name: str, runs: list[Figures], engine: list[Figures]) -> Figures:
    """Return the medians of a contender's runs, its ratio, and how its map differs."""
    keys = ("cpu_s", "wall_s", "peak_mb", "read_mb")
    found = {key: [run[key] for run in runs if run[key] is not None] for key in keys}
    ratios = [run["cpu_s"] / one["cpu_s"] for run, one in zip(runs, engine, strict=True)]
    apart = None
    if name != ENGINE and runs[-1]["result"] is not None:
        one, other = (read_result(Path(run["result"])) for run in (engine[-1], runs[-1]))
        apart = difference(one, other, JOBS[job].scales)
    return {
        "job": job,
        "contender": name,
        "title": title(name),
        **{key: statistics.median(values) if values else None for key, values in found.items()},
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "difference": None if apart is None else asdict(apart),
    }


def line(one: Figures) -> str:
    """Return a row of a table in Markdown."""
    apart = one["difference"]
    read = "" if one["read_mb"] is None else f"{one['read_mb']:.0f}"
    cells = (
        one["title"],
        f"{one['cpu_s']:.1f}",
        f"{one['wall_s']:.1f}",
        f"{one['peak_mb']:.0f}",
        read,
        f"{one['ratio']:.2f}",
        "" if apart is None else Difference(**apart).text,
    )
    return f"| {' | '.join(cells)} |\n"


def carry_out(args: argparse.Namespace) -> list[Figures]:
    """Measure all jobs, and print a table each as soon as it is complete."""
    args.folder.mkdir(parents=True, exist_ok=True)
    folder = args.folder.absolute()
    products = products_of(folder, args.dates, args.size)
    rows: list[Figures] = []
    for job in args.jobs:
        names = contenders_of(job, args.contenders)
        found: dict[str, list[Figures]] = {name: [] for name in names}
        for _ in range(args.runs):
            for name in names:
                figures = (
                    measure_flow(job, products, folder)
                    if name == FLOW
                    else measure(name, job, products, folder)
                )
                found[name].append(figures)
        made = [row(job, name, runs, found[ENGINE]) for name, runs in found.items()]
        sys.stdout.write(f"\n{JOBS[job].title}\n\n| contender | {' | '.join(_COLUMNS)} |\n")
        sys.stdout.write("|" + " --- |" * (len(_COLUMNS) + 1) + "\n")
        sys.stdout.writelines(line(one) for one in made)
        sys.stdout.flush()
        rows += made
    return rows


def about(args: argparse.Namespace) -> Figures:
    """Return what stands over the tables: when, where, how large."""
    there = {one.metadata["Name"] for one in distributions()}
    packages = {name: version(name) for name in _PACKAGES if name in there}
    return {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores",
        "python": platform.python_version(),
        "gdal": rasterio.__gdal_version__,
        "packages": packages,
        "dates": args.dates,
        "size": args.size,
        "runs": args.runs,
        "chunks": CHUNKS,
        "small": SMALL,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--contenders", nargs="*", choices=[*CONTENDERS, FLOW], default=[])
    parser.add_argument("--folder", type=Path, default=Path("bench"))
    parser.add_argument("--json", type=Path, help="file that gets all figures")
    parser.add_argument("--quick", action="store_true", help="one small run of one job")
    args = parser.parse_args()
    if args.quick:
        parser.set_defaults(**QUICK, jobs=["ndvi-2154"])
        args = parser.parse_args()
    said = about(args)
    missing = [one.title for one in CONTENDERS.values() if not is_there(one)]
    if missing:
        sys.stdout.write(f"not installed, left out: {'; '.join(missing)} (extra `bench`)\n")
    sys.stdout.write(
        f"{said['date']}, {said['machine']}, Python {said['python']}, GDAL {said['gdal']}; "
        f"{args.dates} dates of {args.size} x {args.size}, {CHUNKS} chunks, medians of {args.runs} "
        f"run(s) in turn; ratios are of CPU, to the engine; differences beyond {SMALL:g} count\n"
    )
    sys.stdout.write(f"{json.dumps(said['packages'])}\n")
    rows = carry_out(args)
    if args.json:
        args.json.write_text(json.dumps({"about": said, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
