"""The mosaic of many whole tiles, all made from the one that `make bench-tile` left in a folder.

They overlap as real ones do, by a ninth or a bit more of their width.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

from sitsflow.geo.frame import place_in
from sitsflow.geo.grid import union
from sitsflow.io.opening import reading
from sitsflow.io.write import BLOCK
from sitsflow.plan import Plan, TilePlan, load_plan, load_tile, save_plan
from sitsflow.steps.mosaic import about, mosaic_tiles
from sitsflow.steps.parts import Part
from sitsflow.steps.tile_map import write_tile_map
from tests.benchmarks.repeated_tile import TILE
from tests.benchmarks.whole_tile import measured

_STEP = 19 * BLOCK  # pixels from tile to tile: so that the blocks of the one are those of all


def plan_tiles(source: Path, out: Path, number: int) -> tuple[Plan, dict[str, TilePlan]]:
    """Plan tiles in two rows."""
    plan, one = load_plan(source), load_tile(source, TILE)
    tiles = {}
    for n in range(number):
        name = f"T{n:02}AAA"
        x = one.grid.x + n // 2 * _STEP * one.grid.xres
        y = one.grid.y - n % 2 * _STEP * one.grid.yres
        grid = one.grid.model_copy(update={"x": x, "y": y})
        tiles[name] = one.model_copy(update={"tile": name, "grid": grid})
    west, south, east, north = union([tile.grid.bounds for tile in tiles.values()])
    size = {
        "height": round((north - south) / one.grid.yres),
        "width": round((east - west) / one.grid.xres),
    }
    fields = {
        "request": plan.request.model_copy(update={"output_path": out}),
        "tile_names": tuple(tiles),
        "mosaic_grid": one.grid.model_copy(update=size),
    }
    return plan.model_copy(update=fields), tiles


def prepare(source: Path, out: Path, number: int) -> None:
    """Make the maps of all tiles of the map of one."""
    plan, tiles = plan_tiles(source, out, number)
    save_plan(plan, tiles)
    grid = load_tile(source, TILE).grid
    for name, tile in tiles.items():
        path, place = plan.paths.tile_map(name), place_in(tile.grid, plan.mosaic_grid)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Part(load_plan(source).paths.tile_map(TILE), grid, place, "make bench-tile")
        says = about(plan, [tile], tile.features.fingerprint)
        with reading():  # GDAL's own cache is a twentieth of the memory
            write_tile_map(path, [part], tile.grid, place, says)


def _mosaic(out: Path) -> None:
    plan = load_plan(out)
    mosaic_tiles(plan, {name: load_tile(out, name) for name in plan.tile_names})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that of `make bench-tile`; gets 3 GB a tile")
    parser.add_argument("--dates", type=int, default=24, help="as they were there")
    parser.add_argument("--tiles", type=int, default=8)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    out = args.folder.absolute() / "many"
    if args.child:
        figures = measured(lambda: _mosaic(out))
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    shutil.rmtree(out, ignore_errors=True)
    prepare(args.folder.absolute() / f"map_{args.dates}", out, args.tiles)
    command = [sys.executable, "-m", "tests.benchmarks.many_tiles", str(args.folder), "--child"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    size = (out / "final" / "features_map.tif").stat().st_size
    sys.stdout.write(f"{date.today()}; the mosaic of {args.tiles} tiles, {size / 1e9:.1f} GB: ")
    sys.stdout.write(done.stdout)
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
