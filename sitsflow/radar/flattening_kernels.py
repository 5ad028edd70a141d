"""The compiled loops of terrain flattening: facets of the ground, and what hides behind what.

Cached kernels notice changes in their own file only, so all that they call is here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def _row_of_points(nodes: Any, frame: Any, heights: Any, i: int, out: Any) -> None:
    """ECEF places of the pixels of one row, into `out`, shape (3, col)."""
    step, row, col = frame
    k = (row + i) // step
    down = (row + i - k * step) / step
    below = min(k + 1, nodes.shape[0] - 1)
    last = nodes.shape[1] - 1
    for j in range(heights.shape[1]):
        m = (col + j) // step
        right = (col + j - m * step) / step
        n = min(m + 1, last)
        h = float(heights[i, j])
        for axis in range(3):
            a = nodes[k, m, axis] + h * nodes[k, m, axis + 3]
            b = nodes[k, n, axis] + h * nodes[k, n, axis + 3]
            c = nodes[below, m, axis] + h * nodes[below, m, axis + 3]
            d = nodes[below, n, axis] + h * nodes[below, n, axis + 3]
            upper, lower = a + right * (b - a), c + right * (d - c)
            out[axis, j] = upper + down * (lower - upper)


@njit(cache=True, nogil=True, error_model="numpy")
def _facing(a: Any, b: Any, c: Any, j: int, k: int, m: int, look: Any) -> float:
    """Area of a triangle as seen along `look` (towards the satellite), below 0 from behind."""
    ux, uy, uz = b[0, k] - a[0, j], b[1, k] - a[1, j], b[2, k] - a[2, j]
    vx, vy, vz = c[0, m] - a[0, j], c[1, m] - a[1, j], c[2, m] - a[2, j]
    area = (uy * vz - uz * vy) * look[0] + (uz * vx - ux * vz) * look[1]
    return float(0.5 * (area + (ux * vy - uy * vx) * look[2]))


@njit(cache=True, nogil=True, error_model="numpy")
def _look(times: Any, cubics: Any, at: float, points: Any, j: int, look: Any) -> None:
    """Put the unit vector from a point to the satellite into `look`."""
    piece = 0
    while piece < times.size - 2 and at >= times[piece + 1]:
        piece += 1
    after = at - times[piece]
    total = 0.0
    for axis in range(3):
        cubic = cubics[piece, :, axis]
        place = cubic[0] + after * (cubic[1] + after * (cubic[2] + after * cubic[3]))
        look[axis] = place - points[axis, j]
        total += look[axis] * look[axis]
    total = math.sqrt(total)
    for axis in range(3):
        look[axis] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(area: Any, line: float, sample: float, value: float) -> None:
    """Add a value to the four pixels around a place."""
    row, col = math.floor(line), math.floor(sample)
    down, right = line - row, sample - col
    for i in range(2):
        for j in range(2):
            if 0 <= row + i < area.shape[0] and 0 <= col + j < area.shape[1]:
                share = (down if i else 1.0 - down) * (right if j else 1.0 - right)
                area[row + i, col + j] += value * share


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate_facets(
    nodes: Any,
    frame: Any,
    heights: Any,
    places: Any,
    orbit: Any,
    image: Any,
    hidden: Any,
    area: Any,
) -> None:
    """Add up, in each pixel of an image, the areas of the ground that it shows.

    Parameters
    ----------
    nodes, frame, heights
        As `sitsflow.radar.geocoding_kernels.locate_pixels` takes them.
    places : tuple of ndarray of float64, shape (row, col)
        Lines and samples of the map's pixels.
    orbit : tuple
        Times of the state vectors and cubics between them.
    image : tuple
        Seconds a line, first line and first sample of `area`, and into how many parts a facet is
        cut along each side.
    hidden : ndarray of bool, shape (row, col)
        Pixels in shadow, whose facets are not seen.
    area : ndarray of float64, shape (line, sample)
        Square metres across the line of sight, added to.
    """
    lines, samples = places
    times, cubics = orbit
    interval, top, left, parts = image
    height, width = heights.shape
    upper, lower = np.empty((3, width)), np.empty((3, width))
    look = np.empty(3)
    _row_of_points(nodes, frame, heights, 0, lower)
    for i in range(height - 1):
        upper, lower = lower, upper
        _row_of_points(nodes, frame, heights, i + 1, lower)
        for j in range(width - 1):
            if hidden[i, j] or hidden[i, j + 1] or hidden[i + 1, j] or hidden[i + 1, j + 1]:
                continue
            l00, l01, l10, l11 = lines[i, j], lines[i, j + 1], lines[i + 1, j], lines[i + 1, j + 1]
            s00, s01 = samples[i, j], samples[i, j + 1]
            s10, s11 = samples[i + 1, j], samples[i + 1, j + 1]
            if not abs(l00 + l01 + l10 + l11 + s00 + s01 + s10 + s11) < math.inf:
                continue
            _look(times, cubics, l00 * interval, upper, j, look)
            # Counter-clockwise from above on a north-up map: seen from its outer side.
            seen = max(_facing(upper, lower, upper, j, j, j + 1, look), 0.0)
            seen += max(_facing(lower, upper, lower, j + 1, j + 1, j, look), 0.0)
            seen /= parts * parts
            for m in range(parts):
                down = (m + 0.5) / parts
                for n in range(parts):
                    right = (n + 0.5) / parts
                    line = (1 - down) * (l00 + right * (l01 - l00))
                    line += down * (l10 + right * (l11 - l10))
                    sample = (1 - down) * (s00 + right * (s01 - s00))
                    sample += down * (s10 + right * (s11 - s10))
                    _spread(area, line - top, sample - left, seen)


@njit(cache=True, nogil=True, error_model="numpy")
def _height_at(heights: Any, row: float, col: float) -> float:
    """Bilinear height; NaN outside."""
    i, j = math.floor(row), math.floor(col)
    if not (0 <= i < heights.shape[0] - 1 and 0 <= j < heights.shape[1] - 1):
        return math.nan
    down, right = row - i, col - j
    upper = heights[i, j] + right * (heights[i, j + 1] - heights[i, j])
    lower = heights[i + 1, j] + right * (heights[i + 1, j + 1] - heights[i + 1, j])
    return float(upper + down * (lower - upper))


@njit(cache=True, nogil=True, error_model="numpy")
def _rises_over(heights: Any, start: Any, way: Any, rate: float, most: float) -> bool:
    """Whether the ground rises over a line from a pixel on that climbs `rate` metres a step."""
    row, col, level = start
    down, right = way
    step = 1.0
    while step * rate <= most:
        found = _height_at(heights, row + step * down, col + step * right)
        if not abs(found) < math.inf:  # the end of what is known
            return False
        if found >= level + step * rate:
            return True
        step += 1.0
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _falls_under(heights: Any, start: Any, way: Any, rate: float, most: float) -> bool:
    """Whether the ground falls under a line that descends `rate` metres a step."""
    row, col, level = start
    down, right = way
    step = 1.0
    while step * rate <= most:
        found = _height_at(heights, row + step * down, col + step * right)
        if not abs(found) < math.inf:
            return False
        if found <= level - step * rate:
            return True
        step += 1.0
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _steepest(heights: Any, views: Any) -> float:
    """Greatest change of height over one step along any of the ways, a bound of it."""
    down = right = 0.0
    for k in range(views.shape[0]):
        for m in range(views.shape[1]):
            down, right = max(down, abs(views[k, m, 0])), max(right, abs(views[k, m, 1]))
    steepest = 0.0
    for i in range(heights.shape[0] - 1):
        for j in range(heights.shape[1] - 1):
            a, b = heights[i, j], heights[i, j + 1]
            c, d = heights[i + 1, j], heights[i + 1, j + 1]
            change = down * max(abs(c - a), abs(d - b)) + right * max(abs(b - a), abs(d - c))
            steepest = max(steepest, change)
    return steepest


@njit(cache=True, nogil=True, error_model="numpy")
def mark_distortions(heights: Any, frame: Any, views: Any, layover: Any, shadow: Any) -> None:
    """Mark pixels that share their slant range with others, and those that are hidden.

    Along the way of the waves over the map, a point further away with the same slant range rises
    by the step times the tangent of the incidence angle; what hides a point rises, towards the
    satellite, by the step over that tangent.

    Parameters
    ----------
    heights : ndarray of float32, shape (row, col)
        Metres, finite.
    frame : tuple
        Pixels between nodes, and row and col of the first pixel after the first node.
    views : ndarray of float64, shape (node row, node col, 4)
        Rows and columns of one step away from the satellite, its length in metres and the tangent
        of the incidence angle.
    layover, shadow : ndarray of bool, shape (row, col)
        Filled.
    """
    step, row, col = frame
    steepest = _steepest(heights, views)
    # A rise of so much over some steps has a step somewhere that rises as much.
    flat = steepest < (views[:, :, 2] * views[:, :, 3]).min()
    open_ = steepest < (views[:, :, 2] / views[:, :, 3]).min()
    if flat and open_:
        layover[:], shadow[:] = False, False
        return
    lowest, highest = math.inf, -math.inf
    for i in range(heights.shape[0]):
        for j in range(heights.shape[1]):
            lowest, highest = min(lowest, heights[i, j]), max(highest, heights[i, j])
    for i in range(heights.shape[0]):
        k = min((row + i + step // 2) // step, views.shape[0] - 1)
        for j in range(heights.shape[1]):
            m = min((col + j + step // 2) // step, views.shape[1] - 1)
            down, right, metres, tangent = views[k, m]
            level = float(heights[i, j])
            start = (float(i), float(j), level)
            away, back = (down, right), (-down, -right)
            layover[i, j] = not flat and (
                _rises_over(heights, start, away, metres * tangent, highest - level)
                or _falls_under(heights, start, back, metres * tangent, level - lowest)
            )
            shadow[i, j] = not open_ and _rises_over(
                heights, start, back, metres / tangent, highest - level
            )
