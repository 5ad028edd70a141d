"""`make bench`: simulate a tile once, then run both jobs in turn and print medians and ratios."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

from sitsflow.simulate import simulate

DATES = 24


def measure(job: str, products: Path, crs: str, chunks: int) -> dict[str, float]:
    """Run one job in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.jobs", job, str(products), crs, str(chunks)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def row(name: str, runs: list[dict[str, float]]) -> str:
    """Format the medians of a job."""
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return f"{name:<28}{middle['cpu_s']:>9.1f}{middle['wall_s']:>9.1f}{middle['peak_mb']:>11.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("bench"))
    args = parser.parse_args()
    products = args.folder / f"products_{args.size}"
    if not products.exists():
        sys.stdout.write(f"simulating {DATES} dates of {args.size} x {args.size} ...\n")
        simulate(products, "Sentinel_2", ["T31TCJ"], date(2018, 1, 1), date(2018, 12, 20), 15,
                 args.size, 0)  # fmt: skip
    out = sys.stdout.write
    out(f"{date.today()}, {platform.machine()}, Python {platform.python_version()}; medians of ")
    out(f"{args.runs} runs in turn; 3 NDVI functions, {args.chunks} chunks, one process\n")
    out(f"{'':<28}{'CPU s':>9}{'wall s':>9}{'peak MB':>11}\n")
    for crs in ("EPSG:2154", "EPSG:32631"):
        jobs = ("sitsflow", "warper") if crs == "EPSG:2154" else ("sitsflow",)
        found: dict[str, list[dict[str, float]]] = {job: [] for job in jobs}
        for _ in range(args.runs):
            for job in jobs:
                found[job].append(measure(job, products, crs, args.chunks))
        for job, runs in found.items():
            name = "GDAL's cubic warper alone" if job == "warper" else "sitsflow, whole map"
            out(row(f"{name}", runs) + f"  {crs}\n")
        if len(jobs) == 2:
            pairs = zip(found["warper"], found["sitsflow"], strict=True)
            ratios = sorted(a["cpu_s"] / b["cpu_s"] for a, b in pairs)
            out(f"the warper alone takes {statistics.median(ratios):.1f} times the CPU ")
            out(f"({ratios[0]:.1f} to {ratios[-1]:.1f})\n")


if __name__ == "__main__":
    main()
