"""How the times of an annotation differ from those of its own grid of points.

The grid is the only part of an annotation that says which pixel shows which place; what the other
parts leave open is measured on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sitsflow.radar.annotation import SPEED_OF_LIGHT, Annotation, RangeConversions

Floats = NDArray[np.float64]

_SEARCHED = ((0.5, 101), (0.01, 101))
"""Parts of the time between records on each side, and how many delays are tried: first, then."""


def azimuth_timing(annotation: Annotation) -> tuple[float, float]:
    """Measure how much later than the time of its line a point is seen across the track.

    Lines carry a time that is corrected for the flight during the echo at the middle of the swath
    only (bistatic effect); the points of the grid have the exact moment (Gisinger et al. 2021,
    doi:10.1109/TGRS.2019.2961248). It is 0.2 line at both ends of the swath.

    Returns
    -------
    float, float
        Seconds at a slant range of 0, and seconds a metre of slant range.
    """
    points = annotation.grid
    late = points.azimuth_times - points.lines * annotation.line_interval
    distance = _slant_ranges(annotation)
    if np.ptp(distance) == 0:
        return float(late.mean()), 0.0
    rate, shift = np.polynomial.Polynomial.fit(distance, late.ravel(), 1).convert().coef[[1, 0]]
    return float(shift), float(rate)


def record_delay(annotation: Annotation) -> float:
    """Measure how much later than the line that it holds for a range polynomial is dated.

    In real products it is 0.09 s. Their grids have a row every three seconds, that each follow one
    polynomial to 0.01 sample: the one dated 0.09 s later. Where the terrain height behind the
    polynomials changes fast, two that follow each other differ by up to 14 samples (of 10 m), so
    that neither the nearest one alone can be taken, as images have no such breaks, nor the dates
    as they are: the grid would be missed by half a sample.

    Returns
    -------
    float
        Seconds. With polynomials dated so much earlier, linear in time between two of them, the
        samples of the grid are met best; at most half the time between two. 0 if that cannot be
        told: with one polynomial, or equal ones.
    """
    records = annotation.conversions
    if records.times.size < 2:
        return 0.0
    times = annotation.grid.lines.ravel() * annotation.line_interval
    ground = ground_ranges(records, _slant_ranges(annotation))
    wanted = annotation.grid.pixels.ravel() * annotation.range_spacing
    interval = float(np.median(np.diff(records.times)))
    found = 0.0
    for half, count in _SEARCHED:
        tried = found + interval * np.linspace(-half, half, count)
        tried = tried[np.argsort(np.abs(tried), kind="stable")]  # of equal ones the least
        missed = [
            ((_between(records.times - delay, ground, times) - wanted) ** 2).sum()
            for delay in tried
        ]
        found = float(tried[int(np.argmin(missed))])
    return found


def ground_ranges(records: RangeConversions, slant_ranges: Floats) -> Floats:
    """Return the ground ranges of slant ranges, metres, by each record; (record, point)."""
    after = slant_ranges - records.slant_origins[:, None]
    ground = np.zeros_like(after)
    for power in records.to_ground.T[::-1]:
        ground = ground * after + power[:, None]
    return ground


def _slant_ranges(annotation: Annotation) -> Floats:
    return annotation.grid.slant_range_times.ravel() * (SPEED_OF_LIGHT / 2)


def _between(dates: Floats, ground: Floats, times: Floats) -> Floats:
    """Interpolate the values of records, (record, point), to the time of each point."""
    before = np.clip(np.searchsorted(dates, times, side="right") - 1, 0, dates.size - 2)
    share = (times - dates[before]) / (dates[before + 1] - dates[before])
    points = np.arange(times.size)
    first = ground[before, points]
    between: Floats = first + share * (ground[before + 1, points] - first)
    return between
