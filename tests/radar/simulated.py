"""A simulated series, and its images on the map by bicubic interpolation alone."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio

from sitsflow.geo.grid import Grid
from sitsflow.geo.resampling import MARGINS, resample
from sitsflow.radar.annotation import Annotation
from sitsflow.radar.elevation import open_elevation
from sitsflow.radar.geocoding import image_geometry, source_window
from tests.radar.geometry_cases import annotation_at


class OnMap(NamedTuple):
    """Squared numbers on a map, float32, NaN outside the image; and where they come from."""

    power: np.ndarray
    annotation: Annotation
    lines: np.ndarray
    samples: np.ndarray


def image_file(product: Path, folder: str, polarisation: str = "vv") -> Path:
    (path,) = (product / folder).glob(f"*-{polarisation}-*.*")
    return path


def on_map(product: Path, elevation: Path, grid: Grid, polarisation: str = "vv") -> OnMap:
    annotation = annotation_at(image_file(product, "annotation", polarisation))
    geometry = image_geometry(annotation)
    heights = open_elevation([elevation]).read(grid, grid.whole)
    assert heights.holes == 0
    places = geometry.coordinates(grid, grid.whole, heights.heights)
    window = source_window(places, geometry.shape, MARGINS["bicubic"])
    assert window is not None
    with rasterio.open(image_file(product, "measurement", polarisation)) as raster:
        assert raster.shape == geometry.shape
        numbers = raster.read(1)[window.slices].astype(np.float32)
    power = resample((numbers**2)[None], None, 0, places, window, "bicubic")[0]
    return OnMap(power, annotation, places.rows, places.cols)
