"""`python -m sitsflow.kernels`: compile every kernel once, so that no run's first chunk has to.

Compiled code is kept beside the sources, for this kind of processor.
"""

from __future__ import annotations

import numpy as np

from sitsflow.gapfill import fill_gaps
from sitsflow.geometry import source_coordinates
from sitsflow.grid import Grid
from sitsflow.indices import normalized_difference
from sitsflow.resample import nearest, resample


def compile_kernels() -> None:
    """Call each kernel on a few pixels, with each type that products have."""
    source = Grid(crs="EPSG:32631", x=0, y=0, xres=10, yres=10, height=8, width=8)
    target = source.model_copy(update={"xres": 7.0, "yres": 7.0})
    coordinates = source_coordinates(target, target.whole, source, 0)
    valid = np.zeros((1, 8, 8), bool)
    for dtype in (np.int16, np.uint16, np.float32):
        values = np.ones((1, 8, 8), dtype)
        for usable in (None, valid):
            resample(values, usable, -1, coordinates, source.whole)
    nearest(valid, coordinates, source.whole, False)
    nearest(valid.astype(np.float32), coordinates, source.whole, np.nan)
    series = np.ones((2, 1, 1), np.float32)
    filled = fill_gaps(series, series > 0, [0, 1], [0])
    normalized_difference(filled, filled)


if __name__ == "__main__":
    compile_kernels()
