"""Compile every kernel once (``python -m sitsflow.steps.kernels``), so that no run has to.

Compiled code is kept beside the sources, for this kind of processor.
"""

from __future__ import annotations

import numpy as np

from sitsflow.features.metrics import compile_metrics
from sitsflow.geo.averaging import Footprints
from sitsflow.geo.coordinates import source_coordinates
from sitsflow.geo.grid import Grid
from sitsflow.geo.resampling import nearest, resample
from sitsflow.radar.border_noise import border_mask
from sitsflow.radar.calibration import calibrate
from sitsflow.radar.flattening_kernels import accumulate_facets, mark_distortions
from sitsflow.radar.geocoding_kernels import locate_pixels, zero_doppler
from sitsflow.radar.lee import lee, refined_lee
from sitsflow.radar.lookup_table import LookupTable
from sitsflow.radar.multilook import multilooked
from sitsflow.radar.multitemporal_filter import filter_dates
from sitsflow.radar.thermal_noise import AzimuthBlock, ThermalNoise
from sitsflow.request import METHODS, Interpolation
from sitsflow.steps.statistics import block_figures, halve
from sitsflow.timeseries.gapfilling import fill_gaps
from sitsflow.timeseries.indices import normalized_difference
from sitsflow.timeseries.interpolation import interpolate


def compile_kernels() -> None:
    """Call each kernel on a few pixels, with each type that products have."""
    source = Grid(crs="EPSG:32631", x=400_000, y=4_900_000, xres=10, yres=10, height=8, width=8)
    target = source.model_copy(update={"xres": 7.0, "yres": 7.0})
    coordinates = source_coordinates(target, target.whole, source, 0)
    coarse = source.model_copy(update={"xres": 20.0, "yres": 20.0, "height": 2, "width": 2})
    turned = coarse.model_copy(update={"crs": "EPSG:2154", "x": 600_000, "y": 6_350_480})
    under = [Footprints(grid, grid.whole, source) for grid in (coarse, turned)]
    valid = np.zeros((1, 8, 8), bool)
    for dtype in (np.int16, np.uint16, np.float32):
        values = np.ones((1, 8, 8), dtype)
        for usable in (None, valid):
            resample(values, usable, -1, coordinates, source.whole)
        for one in under:
            assert one.window is not None
            one.mean(values[:, *one.window.slices], None, -1)
    for one in under:
        assert one.window is not None
        one.covered(valid[:, *one.window.slices])
    nearest(valid, coordinates, source.whole, False)
    nearest(valid.astype(np.float32), coordinates, source.whole, np.nan)
    series = np.ones((2, 1, 1), np.float32)
    filled = fill_gaps(series, series > 0, [0, 1], [0])
    for method in METHODS:
        how = Interpolation(method=method, savitzky_golay_window=3, savitzky_golay_degree=1)
        interpolate(series, series > 0, [0, 1], [0, 1, 2], how)
    normalized_difference(filled, filled)
    compile_metrics()
    _compile_radiometry()
    _compile_geocoding()
    block = np.ones((2, 2, 2), np.float32)
    block_figures(block[0], -1.0)
    halve(block[0], -1.0, block[1, :1, :1])


def _compile_radiometry() -> None:
    """Call the kernels that make backscatter of a radar image, and those that filter it."""
    ends = np.array([0.0, 1.0])
    table = LookupTable(ends, ends, np.ones((2, 2)))
    block = AzimuthBlock(0, 1, 0, 1, ends, ends)
    noise = ThermalNoise(table, (block,)).over(0, 0, (1, 1))
    numbers = np.ones((1, 1), np.uint16)
    for one in (None, noise):
        calibrate(numbers, 0, 0, table, one)
    border_mask(np.ones((1, 1), np.float32))
    for smooth in (filter_dates, lee, refined_lee):
        smooth(np.ones((1, 1, 1), np.float32))


def _compile_geocoding() -> None:
    orbit = np.arange(2.0), np.zeros((1, 4, 3))
    zero_doppler(np.zeros((1, 3)), *orbit, 0.0, np.empty(1))
    image = (0.0, 0.0, 1.0, 1.0, np.zeros(1), np.zeros(1), np.zeros((1, 2)))
    lines, samples = np.empty((2, 1, 1))
    heights = np.zeros((1, 1), np.float32)
    nodes, frame = np.zeros((1, 1, 7)), (1, 0, 0)
    locate_pixels(nodes, frame, heights, orbit, image, lines, samples)
    layover, shadow = np.empty((2, 1, 1), np.bool_)
    mark_distortions(heights, frame, np.ones((1, 1, 4)), layover, shadow)
    part, area = (1.0, 0, 0, 1), np.zeros((1, 1))
    accumulate_facets(nodes, frame, heights, (lines, samples), orbit, part, shadow, area)
    multilooked(np.ones((1, 1, 1), np.float32), (1, 1))


if __name__ == "__main__":
    compile_kernels()
