"""`make bench-sentinel1`: what geocoding one pass of Sentinel-1 costs, ours and sarsen's.

A scene of real size has the annotation of the real product beside the repository, and noise. Each
job runs in a process of its own; sarsen's with a Python that has it (`--sarsen PYTHON`).
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterWindow

from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.mgrs import tile_corner
from sitsflow.plan import Plan, TilePlan, load_plan, load_tile, save_plan
from sitsflow.planning.planner import make_plan
from sitsflow.radar.geocoded import elevation_of
from sitsflow.radar.image import open_image
from sitsflow.radar_settings import RadarSettings
from sitsflow.request import Request, Resampling, SensorRequest
from sitsflow.simulate.raster import write_raster
from sitsflow.steps.kernels import compile_kernels
from sitsflow.timeseries.observing import observe
from tests.benchmarks.whole_tile import measured
from tests.radar.geometry_cases import real_product

TILE = "T33TUG"
JOBS = ("whole tile", "part", "part, nearest", "places")
_STRIP = 512
_RELIEF_M = 1500.0


def make_scene(folder: Path) -> Path:
    """Return the product of real size, made if need be: both polarisations are the same noise."""
    real = real_product()
    product = folder / "products" / real.name
    if (product / "manifest.safe").exists():
        return product
    (image,) = (real / "measurement").iterdir()
    with rasterio.open(image) as raster:
        shape = raster.shape
    for source in real.rglob("*vv*.xml"):
        for name, number in (("vv", "001"), ("vh", "002")):
            target = product / source.relative_to(real)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8")
            text = text.replace("<polarisation>VV<", f"<polarisation>{name.upper()}<")
            renamed = target.name.replace("-vv-", f"-{name}-").replace("-001.", f"-{number}.")
            target.with_name(renamed).write_text(text, encoding="utf-8")
    measurement = product / "measurement" / image.name
    measurement.parent.mkdir(exist_ok=True)
    _write_noise(measurement, shape)
    other = image.name.replace("-vv-", "-vh-").replace("-001.", "-002.")
    measurement.with_name(other).hardlink_to(measurement)
    manifest = (real / "manifest.safe").read_text(encoding="utf-8")
    (product / "manifest.safe").write_text(manifest, encoding="utf-8")
    return product


def _write_noise(path: Path, shape: tuple[int, int]) -> None:
    """Write speckle of 4.4 looks in strips of one line, not compressed, as ESA does."""
    random = np.random.default_rng(0)
    options = {"driver": "GTiff", "count": 1, "dtype": "uint16", "blockysize": 1}
    with rasterio.open(path, "w", height=shape[0], width=shape[1], **options) as raster:
        for row in range(0, shape[0], _STRIP):
            rows = min(_STRIP, shape[0] - row)
            power = 9e4 * random.gamma(4.4, 1 / 4.4, (rows, shape[1]))
            window = RasterWindow(0, row, shape[1], rows)
            raster.write(np.sqrt(power).round().clip(1).astype(np.uint16), 1, window=window)


def make_heights(folder: Path, grid: Grid) -> Path:
    """Return hills up to 1500 m under the tile, pixels of 30 m; made if need be."""
    path = folder / "elevation.tif"
    if not path.exists():
        around = grid.model_copy(
            update={
                "x": grid.x - 3000, "y": grid.y + 3000, "xres": 30.0, "yres": 30.0,
                "height": 3860, "width": 3860,
            }
        )  # fmt: skip
        rows, cols = np.ogrid[: around.height, : around.width]
        hills = np.sin(rows / 70) * np.cos(cols / 90) * (0.5 + 0.5 * np.sin((rows + cols) / 400))
        write_raster(path, (_RELIEF_M / 2 * (1 + hills)).astype(np.float32)[None], around)
    return path


def plan_run(folder: Path) -> tuple[Plan, TilePlan]:
    """Plan a map of the tile with one date, without a filter."""
    out = folder / "map"
    product = make_scene(folder)
    corner = tile_corner(TILE)
    grid = Grid(crs=corner.crs, x=corner.x, y=corner.y, xres=10, yres=10, height=10980, width=10980)
    settings = RadarSettings(
        products=product.parent, dem=(make_heights(folder, grid),), speckle_filter="none"
    )
    sensor = SensorRequest(
        sensor="Sentinel_1", root=product.parent, temporal_resolution=10, radar=settings
    )
    plan, tiles = make_plan(
        Request(output_path=out, tiles=(TILE,), sensors=(sensor,), minimum_required_dates=1)
    )
    save_plan(plan, tiles)
    return plan, tiles[TILE]


def part_of(grid: Grid, size: int) -> Window:
    """Return the middle of the tile."""
    row, col = ((length - size) // 2 for length in grid.shape)
    return Window(row=row, col=col, height=size, width=size)


def geocoded(tile: TilePlan, windows: list[Window], method: Resampling) -> None:
    """Compute VV and VH of windows one after the other, as a run does, and drop them."""
    (series,) = tile.series
    series = series.model_copy(update={"read": series.bands})
    for window in windows:
        seen = observe(series, tile.grid, window, method)
        for band in series.bands:
            seen.band(band)


def write_places(folder: Path, tile: TilePlan, size: int) -> None:
    """Write heights, lines and samples of the part."""
    (series,) = tile.series
    assert series.radar is not None
    settings, window = series.radar.settings, part_of(tile.grid, size)
    heights = elevation_of(settings).read(tile.grid, window).heights
    write_raster(folder / "heights.tif", heights[None], tile.grid.part(window))
    product = series.radar.acquisitions[0].slices[0]
    # sarsen takes polynomials at the times that they are dated.
    image = open_image(product, settings, settings.polarisations)
    geometry = replace(image.geometry, record_delay=0.0)
    found = geometry.coordinates(tile.grid, window, heights)
    np.save(folder / "places.npy", np.stack([found.rows, found.cols]))


def carry_out(job: str, folder: Path, size: int) -> None:
    """Carry out a job of ours, and print what it took, as JSON."""
    tile = load_tile(folder / "map", TILE)
    load_plan(folder / "map")
    compile_kernels()
    part = part_of(tile.grid, size)
    geocoded(tile, [part.model_copy(update={"height": 16})], "bicubic")  # loads code
    if job == "places":
        figures = measured(lambda: write_places(folder, tile, size))
    elif job == "whole tile":
        figures = measured(lambda: geocoded(tile, list(tile.chunks), "bicubic"))
    else:
        method: Resampling = "nearest" if job == "part, nearest" else "bicubic"
        figures = measured(lambda: geocoded(tile, [part], method))
    sys.stdout.write(json.dumps(figures) + "\n")


def _run(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare_places(folder: Path) -> None:
    """Print how far apart both have the pixels in the image."""
    ours, theirs = (np.load(folder / name) for name in ("places.npy", "sarsen_places.npy"))
    for name, one, other in zip(("line", "sample"), ours, theirs, strict=True):
        off = other - one
        low, high = np.percentile(off, (1, 99))
        sys.stdout.write(
            f"{name}: sarsen's minus ours {off.mean():.4f}, 98 % of {low:.4f} to {high:.4f}\n"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="gets the scene and results, 2 GB")
    parser.add_argument("--size", type=int, default=2000, help="of the part, pixels")
    parser.add_argument("--sarsen", metavar="PYTHON", help="one that has sarsen")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the scene has no control points
    folder = args.folder.absolute()
    if args.job:
        carry_out(args.job, folder, args.size)
        return
    plan_run(folder)
    product = str(make_scene(folder))
    sys.stdout.write(f"{date.today()}, {platform.machine()}, Python {platform.python_version()}; ")
    sys.stdout.write(f"VV and VH of one scene, a part of {args.size} x {args.size} pixels\n")
    sys.stdout.write(f"{'':<28}{'CPU s':>9}{'wall s':>9}{'peak MB':>11}\n")
    jobs = {job: [sys.executable, "-m", "tests.benchmarks.sentinel1", str(folder), "--size",
                  str(args.size), "--job", job] for job in JOBS}  # fmt: skip
    if args.sarsen:
        script = str(Path(__file__).with_name("terrain_corrected.py"))
        for method in ("nearest", "linear", "places"):
            command = [args.sarsen, script, product, str(folder / "heights.tif"), method]
            jobs[f"sarsen, {method}"] = command
    for job, command in jobs.items():
        one = _run(command)
        figures = f"{one['cpu_s']:>9.1f}{one['wall_s']:>9.1f}{one['peak_mb']:>11.0f}"
        sys.stdout.write(f"{job:<28}{figures}\n")
        sys.stdout.flush()
    if args.sarsen:
        compare_places(folder)


if __name__ == "__main__":
    main()
