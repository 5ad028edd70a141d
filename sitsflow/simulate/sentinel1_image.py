"""A ground range image: which place on the ground each pixel shows, by its physics alone.

Nothing here is shared with `sitsflow.radar`, whose results are compared with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray

from sitsflow.simulate.sentinel1_orbit import (
    RADIUS_M,
    CircularOrbit,
    normals,
    to_geocentric,
    to_geographic,
)

Floats = NDArray[np.float64]
Height = Callable[[Floats, Floats], Floats]
"""Heights above the ellipsoid, metres, of longitudes and latitudes, degrees."""

LIGHT = 299_792_458.0
LINE_S = 1.4966e-3
SPACING_M = 10.0
_MARGIN = 24  # pixels around the ground that must be seen
_AROUND_M = 20_000.0  # polynomials hold beyond the image
_DEGREE = 6
_RISE_M = 15.0  # of the terrain height that ground ranges refer to, from record to record
_SEMI_AXES = 6_378_137.0, 6_356_752.314245


@dataclass(frozen=True)
class Image:
    """One image. Times are seconds of the orbit.

    `near` is the slant range of the first sample (m); `records` are times, one a second, `to_slant`
    and `to_ground` the polynomials of each. `middle` is the slant range whose line has
    the true time; others are seen earlier or later by half the echo's difference (bistatic).
    """

    orbit: CircularOrbit
    first: float
    lines: int
    samples: int
    near: float
    middle: float
    records: Floats
    to_slant: tuple[Polynomial, ...]
    to_ground: tuple[Polynomial, ...]

    def line_times(self, lines: ArrayLike) -> Floats:
        """Return the times that lines carry."""
        return self.first + LINE_S * np.asarray(lines, np.float64)

    def slant_ranges(self, times: Floats, samples: Floats) -> Floats:
        """Return the slant range of samples, linear in time between two records."""
        ground = np.asarray(samples, np.float64) * SPACING_M
        table = np.stack([one(ground) for one in self.to_slant])
        return _between(self.records, table, times)

    def true_times(self, times: Floats, ranges: Floats) -> Floats:
        """Return when what a line shows at slant ranges lay across the track."""
        return times + (ranges - self.middle) / LIGHT

    def place(self, points: Floats) -> tuple[Floats, Floats]:
        """Return lines and samples of ECEF places, shape (point, 3); samples by bisection."""
        moments, ranges = self.orbit.seen(points)
        times = moments - (ranges - self.middle) / LIGHT
        low, high = np.full(len(points), -1e3), np.full(len(points), self.samples + 1e3)
        for _ in range(60):
            middle = (low + high) / 2
            nearer = self.slant_ranges(times, middle) < ranges
            low, high = np.where(nearer, middle, low), np.where(nearer, high, middle)
        return (times - self.first) / LINE_S, low

    def ground(self, lines: Floats, samples: Floats, height: Height) -> Floats:
        """Find the ECEF place that pixels show, shape (..., 3).

        On the circle of a slant range around the satellite, across the track, the point at the
        height of the ground there: sought again with the height of the last one until it stays,
        further by what the last two steps tell of the slope.
        """
        times = self.line_times(lines)
        ranges = self.slant_ranges(times, samples)
        circle = _circle(self.orbit, self.true_times(times, ranges), ranges)
        level, missing = np.zeros((2, *ranges.shape))
        points, share = circle[0], np.ones(ranges.shape)
        angle = np.arccos((RADIUS_M**2 + ranges**2 - 6.37e6**2) / (2 * RADIUS_M * ranges))
        for step in range(60):
            angle, points = _at_level(circle, angle, level, 1 if step else 3)
            longitudes, latitudes, heights = to_geographic(points)
            before, missing = missing, height(longitudes, latitudes) - heights
            if np.abs(missing).max() < 1e-3:
                break
            if step:
                # Of a step of `share * before` this part was wanted. Where the ground hardly
                # changed, rounding would tell anything.
                gone = np.abs(before) > 1e-3
                part = np.divide(before - missing, share * before, out=1 / share, where=gone)
                share = 1 / part.clip(0.4, 2.5)
            level = level + share * missing
        else:
            raise ValueError("the relief is too steep for an image with one place a pixel")
        return points

    def sliced(self, number: int, count: int) -> Image:
        """Return one of `count` images that follow each other."""
        start, end = (self.lines * k // count for k in (number, number + 1))
        return replace(self, first=self.first + LINE_S * start, lines=end - start)


def _between(records: Floats, table: Floats, times: Floats) -> Floats:
    """Interpolate rows of a table, one a record, to times."""
    after = np.searchsorted(records, times, side="right").clip(1, len(records) - 1)
    share = (times - records[after - 1]) / (records[after] - records[after - 1])
    before, next_ = (
        np.take_along_axis(table, np.broadcast_to(k, table.shape[1:])[None], axis=0)[0]
        for k in (after - 1, after)
    )
    between: Floats = before + share * (next_ - before)
    return between


def _circle(
    orbit: CircularOrbit, times: Floats, ranges: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Centre, downward and right unit vectors across the track, and radius."""
    places, speeds = orbit.at(times)
    ahead = speeds / np.linalg.norm(speeds, axis=-1, keepdims=True)
    down = (places * ahead).sum(axis=-1, keepdims=True) * ahead - places
    down /= np.linalg.norm(down, axis=-1, keepdims=True)
    return places, down, np.cross(down, ahead), ranges[..., None]


def _at_level(
    circle: tuple[Floats, Floats, Floats, Floats], angle: Floats, level: Floats, steps: int
) -> tuple[Floats, Floats]:
    """Point of the circle on an ellipsoid with semi-axes longer by `level`, by Newton's method."""
    centre, down, right, radius = circle
    axes = np.stack([_SEMI_AXES[0] + level, _SEMI_AXES[0] + level, _SEMI_AXES[1] + level], -1)
    for _ in range(steps):
        cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
        points = centre + radius * (cos * down + sin * right)
        turned = radius * (cos * right - sin * down)
        value = ((points / axes) ** 2).sum(axis=-1) - 1
        angle = angle - value / (2 * points * turned / axes**2).sum(axis=-1)
    cos, sin = np.cos(angle)[..., None], np.sin(angle)[..., None]
    return angle, centre + radius * (cos * down + sin * right)


def image_over(orbit: CircularOrbit, longitudes: Floats, latitudes: Floats, heights: Floats) -> (
    Image
):  # fmt: skip
    """Make an image, without pixels, that shows all places given, with a margin around them."""
    points = to_geocentric(longitudes, latitudes, heights)
    moments, ranges = orbit.seen(points)
    first = float(moments.min()) - _MARGIN * LINE_S
    lines = int(np.ceil(np.ptp(moments) / LINE_S)) + 2 * _MARGIN
    near = float(ranges.min()) - 0.6 * _MARGIN * SPACING_M
    radius = float(np.linalg.norm(points, axis=-1).mean())
    records = np.arange(first - 1.31, first + lines * LINE_S + 1.0, 1.0)
    far = float(ranges.max())
    pairs = [_polynomials(near, far, radius + _RISE_M * k) for k in range(len(records))]
    samples = max(int(to_ground(far - near) / SPACING_M) for _, to_ground in pairs) + _MARGIN
    return Image(
        orbit=orbit,
        first=first,
        lines=lines,
        samples=samples,
        near=near,
        middle=near + 500.0,
        records=records,
        to_slant=tuple(pair[0] for pair in pairs),
        to_ground=tuple(pair[1] for pair in pairs),
    )


def _polynomials(near: float, far: float, radius: float) -> tuple[Polynomial, Polynomial]:
    """Slant range of ground ranges on a sphere, and ground range of slant ranges after `near`."""

    def angle(slant: Floats) -> Floats:
        cosine = (radius**2 + RADIUS_M**2 - slant**2) / (2 * radius * RADIUS_M)
        turned: Floats = np.arccos(cosine)
        return turned

    slant = np.linspace(near - _AROUND_M, far + _AROUND_M, 400)
    ground = radius * (angle(slant) - angle(np.array(near)))
    to_ground = Polynomial.fit(slant - near, ground, _DEGREE).convert()
    to_slant = Polynomial.fit(ground, slant, _DEGREE).convert()
    return to_slant, to_ground


def incidences(image: Image, lines: Floats, points: Floats) -> Floats:
    """Return the incidence angles at ECEF places that lines show, degrees from the normal."""
    times = image.line_times(lines)
    back = image.orbit.at(times)[0] - points
    cosine = (back * normals(points)).sum(axis=-1) / np.linalg.norm(back, axis=-1)
    angles: Floats = np.degrees(np.arccos(cosine))
    return angles


def gathered_area(image: Image, lines: Floats, points: Floats, upwards: Floats) -> Floats:
    """Return how much ground pixels show, across the line of sight, over their own area.

    Of a plane with the normal `upwards` (ECEF, shape (..., 3)) that is the ratio of the normal's
    parts along the line of sight and along the normal of the image's plane (Ulander 1996,
    doi:10.1109/36.536527).
    """
    places, speeds = image.orbit.at(image.line_times(lines))
    back = places - points
    back /= np.linalg.norm(back, axis=-1, keepdims=True)
    across = np.cross(back, speeds)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    ratio: Floats = (back * upwards).sum(axis=-1) / np.abs((across * upwards).sum(axis=-1))
    return ratio
