"""The real annotation, and geocoding again, slowly."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.radar.annotation import Annotation, read_annotation
from tests.real_data import real_data

PRODUCT = "S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371.SAFE"

Floats = NDArray[np.float64]


def real_product() -> Path:
    """The folder of a real product, in its place beside the repository."""
    return real_data("sentinel1") / PRODUCT


def real_annotation_file() -> Path:
    (path,) = (real_product() / "annotation").glob("*.xml")
    return path


def annotation_at(path: Path) -> Annotation:
    return read_annotation(path.parent, path)


def solved(image: Annotation, points: Floats) -> tuple[Floats, Floats]:
    """Moment and slant range of ECEF points, by bisection of the Doppler condition."""
    low = np.full(len(points), image.orbit.times[0])
    high = np.full(len(points), image.orbit.times[-1])
    for _ in range(60):
        middle = (low + high) / 2
        place, speed, _ = image.orbit.at(middle)
        before = ((points - place) * speed).sum(axis=-1) > 0
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return low, np.linalg.norm(points - image.orbit.at(low)[0], axis=-1)


def ground_range(image: Annotation, moments: Floats, ranges: Floats) -> Floats:
    """Ground range, metres, linear in time between two polynomials at their dates."""
    table = image.conversions
    after = np.searchsorted(table.times, moments, side="right").clip(1, len(table.times) - 1)
    values = []
    for record in (after - 1, after):
        x = ranges - table.slant_origins[record]
        values.append(sum(table.to_ground[record, k] * x**k for k in range(9)))
    share = (moments - table.times[after - 1]) / (table.times[after] - table.times[after - 1])
    return values[0] + share * (values[1] - values[0])
