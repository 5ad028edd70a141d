"""Step 1: the files that say on which grid and dates a tile is worked on."""

from __future__ import annotations

import logging

import numpy as np
from rasterio.windows import Window as RasterioWindow

from sitsflow.dates import stamp
from sitsflow.io.record import TaskRecord
from sitsflow.io.write import create, strips, write_text
from sitsflow.plan import Plan, TilePlan
from sitsflow.steps.cubes import write_cubes
from sitsflow.steps.tags import file_tags

log = logging.getLogger(__name__)


def prepare_tile(plan: Plan, tile_plan: TilePlan) -> TaskRecord:
    """Write a tile's reference grid and dates files; with `write_outputs`, its cubes too."""
    paths, tile = plan.paths, tile_plan.tile
    outputs = []
    for series in tile_plan.dated_series:
        label = series.sensor.label
        reference = paths.of_series(tile, label, "reference.tif")
        with create(
            reference,
            tile_plan.grid,
            dtype="uint8",
            nodata=None,
            descriptions=["grid only"],
            tags=file_tags(plan, [tile_plan], tile_plan.preprocess.fingerprint),
            compression=plan.request.compression,
        ) as file:
            for window in strips(tile_plan.grid):
                place = RasterioWindow(window.col, window.row, window.width, window.height)
                file.write(np.ones(window.shape, np.uint8), 1, window=place)
        inputs = paths.of_series(tile, label, "input_dates.txt")
        write_text(inputs, "\n".join(stamp(day) for day in series.days))
        targets = paths.of_series(tile, label, "interpolation_dates.txt")
        write_text(targets, "\n".join(stamp(day) for day in series.target_days))
        outputs += [reference, inputs, targets]
        log.info(
            "%s %s: %d product(s), %s to %s; %d interpolated date(s), %s to %s",
            tile, label, len(series.days), stamp(series.days[0]), stamp(series.days[-1]),
            len(series.target_days), stamp(series.target_days[0]), stamp(series.target_days[-1]),
        )  # fmt: skip
        names = "\n".join(scene.product.name for scene in series.scenes)
        log.info("%s %s:\n%s", tile, label, names)
    if plan.request.write_outputs:
        outputs += write_cubes(plan, tile_plan)
    return TaskRecord(
        task="preprocess",
        tile=tile,
        outputs=tuple(outputs),
        pixels=tile_plan.grid.height * tile_plan.grid.width,
    )
