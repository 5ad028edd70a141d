"""A whole tile made from a small one by repetition: as many pixels as a real one, in a minute."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import rasterio

from sitsflow.geo.grid import Grid
from sitsflow.simulate import simulate
from sitsflow.simulate.raster import write_raster

TILE = "T31TCJ"
START, EVERY = date(2018, 1, 1), 15
SMALL, TIMES = 1098, 10
DISTINCT = 4  # dates with pixels of their own; those after them repeat these
READ = ("_FRE_B4.", "_FRE_B8.", "_CLM_R1.", "_SAT_R1.", "_EDG_R1.")
"""What the names of files have in them that NDVI needs; the others are all 0, and small."""


def repeated_products(folder: Path, dates: int) -> Path:
    """Return the folder of `dates` products of one tile of 10980 x 10980 pixels; made if need be.

    Dates after the first few are hard links to them: what is read is the same work.
    """
    products = folder / f"products_{dates}"
    if products.exists():
        return products
    small, begun = folder / "small", folder / "begun"
    for leftover in (small, begun):
        shutil.rmtree(leftover, ignore_errors=True)
    end = START + timedelta(days=EVERY * (dates - 1))
    simulate(small, "Sentinel_2", [TILE], START, end, EVERY, SMALL, 0)
    scenes = sorted((small / TILE).iterdir())
    for number, scene in enumerate(scenes):
        for source in _files(scene):
            target = begun / source.relative_to(small)
            target.parent.mkdir(parents=True, exist_ok=True)
            read = any(part in source.name for part in READ)
            first = scenes[number % DISTINCT if read else 0]
            name = source.relative_to(scene).as_posix().replace(scene.name, first.name)
            made = begun / TILE / first.name / name
            if source.suffix != ".tif":
                shutil.copy(source, target)
            elif made.exists():
                os.link(made, target)
            else:
                _repeat(source, target, read=read)
    begun.rename(products)
    shutil.rmtree(small)
    return products


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _repeat(source: Path, target: Path, *, read: bool) -> None:
    with rasterio.open(source) as raster:
        layers = raster.read()
        grid = Grid.from_affine(raster.crs, raster.transform, raster.height, raster.width)
    whole = grid.model_copy(update={"height": grid.height * TIMES, "width": grid.width * TIMES})
    write_raster(target, np.tile(layers if read else 0 * layers, (1, TIMES, TIMES)), whole)
