"""The compiled loops of geocoding: when a satellite passes points on the ground, and how far off.

Cached kernels notice changes in their own file only, so all that they call is here. An orbit is
given as the times of its state vectors, shape (vector,), and the coefficients of the cubics
between them, shape (vector - 1, 4, 3).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_ITERATIONS = 30
_EXACT_S = 1e-10  # a thousandth of a millimetre of flight


@njit(cache=True, nogil=True, error_model="numpy")
def _piece(times: Any, at: float, guess: int) -> int:
    """Cubic that holds a moment, sought from `guess` on; the first or last one outside."""
    last = times.size - 2
    while guess < last and at >= times[guess + 1]:
        guess += 1
    while guess > 0 and at < times[guess]:
        guess -= 1
    return guess


@njit(cache=True, nogil=True, error_model="numpy")
def _newton(cubic: Any, after: float, x: float, y: float, z: float) -> Any:
    """One step towards the moment of zero Doppler; returns how much later it is.

    Zero Doppler is where (P - S) . V = 0; its derivative is (P - S) . A - V . V.
    """
    doppler = slope = 0.0
    for axis in range(3):
        second, third = cubic[2, axis], cubic[3, axis]
        place = cubic[0, axis] + after * (cubic[1, axis] + after * (second + after * third))
        speed = cubic[1, axis] + after * (2.0 * second + after * 3.0 * third)
        point = x if axis == 0 else (y if axis == 1 else z)
        doppler += (point - place) * speed
        slope += (point - place) * (2.0 * second + after * 6.0 * third) - speed * speed
    return -doppler / slope


@njit(cache=True, nogil=True, error_model="numpy")
def _looks_right(cubic: Any, after: float, x: float, y: float, z: float) -> bool:
    """Whether a point lies on the right of the track, where Sentinel-1 looks: (P - S).(V x S)>0."""
    a, b, c = cubic[0], cubic[1], cubic[2]
    d = cubic[3]
    sx = a[0] + after * (b[0] + after * (c[0] + after * d[0]))
    sy = a[1] + after * (b[1] + after * (c[1] + after * d[1]))
    sz = a[2] + after * (b[2] + after * (c[2] + after * d[2]))
    vx, vy, vz = b[0] + 2.0 * after * c[0], b[1] + 2.0 * after * c[1], b[2] + 2.0 * after * c[2]
    right = (x - sx) * (vy * sz - vz * sy) + (y - sy) * (vz * sx - vx * sz)
    return bool(right + (z - sz) * (vx * sy - vy * sx) > 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def zero_doppler(points: Any, times: Any, cubics: Any, start: float, out: Any) -> None:
    """Moment at which each point is seen across the track, into `out`.

    Parameters
    ----------
    points : ndarray of float64, shape (point, 3)
        ECEF, metres.
    times, cubics
        The orbit.
    start : float
        Where the search begins.
    out : ndarray of float64, shape (point,)
        Seconds; NaN where there is no such moment, or the point lies left of the track.
    """
    piece = _piece(times, start, 0)
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        at, out[p] = start, math.nan
        for _ in range(_ITERATIONS):
            piece = _piece(times, at, piece)
            later = _newton(cubics[piece], at - times[piece], x, y, z)
            at += later
            if not abs(later) > _EXACT_S:  # NaN ends it too
                break
        piece = _piece(times, at, piece)
        if abs(later) <= _EXACT_S and _looks_right(cubics[piece], at - times[piece], x, y, z):
            out[p] = at


# The loops below go over one row each, without branches: the compiler makes vectors of them.


@njit(cache=True, nogil=True, error_model="numpy")
def _points(level: Any, step: int, col: int, heights: Any, places: Any) -> None:
    """Place (ECEF) and first moment of the pixels of one row, into `places`, shape (4, col).

    `level` holds the nodes at that row, shape (node, 7); `col` the pixels after the first one.
    """
    width, start, m = heights.size, 0, 0
    while start < width:
        end = min(width, (m + 1) * step - col)
        first, rate = level[m], 1.0 / step
        # Of the last node where every pixel is one.
        last = level[min(m + 1, level.shape[0] - 1)]
        for axis in range(3):
            at, turned = first[axis], first[axis + 3]
            more, turning = last[axis] - at, last[axis + 3] - turned
            out = places[axis]
            for j in range(start, end):
                right = (col + j - m * step) * rate
                out[j] = at + right * more + heights[j] * (turned + right * turning)
        at, more, out = first[6], last[6] - first[6], places[3]
        for j in range(start, end):
            out[j] = at + (col + j - m * step) * rate * more
        start, m = end, m + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _approach(cubic: Any, start: float, places: Any, moments: Any, ranges: Any) -> None:
    """Moment of zero Doppler and slant range of points of which the moment is nearly known.

    One step of Newton's: from an error of 1 ms less than 1e-9 s is left.
    """
    ax, bx, cx, dx = cubic[0, 0], cubic[1, 0], cubic[2, 0], cubic[3, 0]
    ay, by, cy, dy = cubic[0, 1], cubic[1, 1], cubic[2, 1], cubic[3, 1]
    az, bz, cz, dz = cubic[0, 2], cubic[1, 2], cubic[2, 2], cubic[3, 2]
    xs, ys, zs, guesses = places[0], places[1], places[2], places[3]
    for j in range(moments.size):
        t = guesses[j] - start
        x = xs[j] - (ax + t * (bx + t * (cx + t * dx)))
        y = ys[j] - (ay + t * (by + t * (cy + t * dy)))
        z = zs[j] - (az + t * (bz + t * (cz + t * dz)))
        u = bx + t * (2.0 * cx + t * 3.0 * dx)
        v = by + t * (2.0 * cy + t * 3.0 * dy)
        w = bz + t * (2.0 * cz + t * 3.0 * dz)
        pull = x * (2.0 * cx + t * 6.0 * dx) + y * (2.0 * cy + t * 6.0 * dy)
        pull += z * (2.0 * cz + t * 6.0 * dz)
        t -= (x * u + y * v + z * w) / (pull - (u * u + v * v + w * w))
        x = xs[j] - (ax + t * (bx + t * (cx + t * dx)))
        y = ys[j] - (ay + t * (by + t * (cy + t * dy)))
        z = zs[j] - (az + t * (bz + t * (cz + t * dz)))
        moments[j] = start + t
        ranges[j] = math.sqrt(x * x + y * y + z * z)


@njit(cache=True, nogil=True, error_model="numpy")
def _ground(ranges: Any, origin: float, powers: Any, out: Any) -> None:
    """Ground ranges of slant ranges by one polynomial, metres."""
    out[:] = powers[powers.size - 1]
    for k in range(powers.size - 2, -1, -1):
        power = powers[k]
        for j in range(out.size):
            out[j] = out[j] * (ranges[j] - origin) + power


@njit(cache=True, nogil=True, error_model="numpy")
def _samples(
    record: int, records: Any, moments: Any, ranges: Any, per_sample: float, out: Any, other: Any
) -> None:
    """Put samples of slant ranges, linear in time between a record and the next one, into `out`."""
    times, origins, powers = records
    _ground(ranges, origins[record], powers[record], out)
    if times.size > 1:
        _ground(ranges, origins[record + 1], powers[record + 1], other)
        first, rate = times[record], 1.0 / (times[record + 1] - times[record])
        for j in range(out.size):
            out[j] += (moments[j] - first) * rate * (other[j] - out[j])
    for j in range(out.size):
        out[j] *= per_sample


@njit(cache=True, nogil=True, error_model="numpy")
def _end_of_run(values: Any, times: Any, piece: int, start: int) -> int:
    """Where values no longer belong to the piece of the one at `start`; NaN belongs to any."""
    low = times[piece] if piece > 0 else -math.inf
    high = times[piece + 1] if piece < times.size - 2 else math.inf
    for j in range(start + 1, values.size):
        if values[j] < low or values[j] >= high:
            return j
    return int(values.size)


@njit(cache=True, nogil=True, error_model="numpy")
def locate_pixels(
    nodes: Any, frame: Any, heights: Any, orbit: Any, image: Any, rows: Any, cols: Any
) -> None:
    """Place in the image of each pixel of a map window.

    Every pixel's result follows from its own nodes and height, whatever window holds it.

    Parameters
    ----------
    nodes : ndarray of float64, shape (node row, node col, 7)
        Point on the ellipsoid (m, ECEF), the ellipsoid's normal there, and the moment at which
        that point is seen.
    frame : tuple
        Pixels between nodes (a power of two, or 1), and row and col of the window's first pixel
        after the first node.
    heights : ndarray of float32, shape (row, col)
        Metres above the ellipsoid.
    orbit : tuple
        Times and cubics.
    image : tuple
        Shift of azimuth times (s) and its rate (s/m), lines a second, samples a metre, and times,
        slant range origins and polynomials of the ground range.
    rows, cols : ndarray of float64, shape (row, col)
        Get the lines and samples; NaN where a node or the height is not finite.
    """
    step, row, col = frame
    times, cubics = orbit
    shift, shift_rate, per_line, per_sample = image[:4]
    records = image[4:]
    height, width = heights.shape
    level = nodes[0].copy()
    places = np.empty((4, width))
    ranges, other = np.empty(width), np.empty(width)
    piece = record = 0
    for i in range(height):
        k = (row + i) // step
        if step > 1:
            level[:] = nodes[k] + (row + i - k * step) / step * (nodes[k + 1] - nodes[k])
        else:
            level[:] = nodes[k]
        _points(level, step, col, heights[i], places)
        moments = rows[i]
        start = 0
        while start < width:
            piece = _piece(times, places[3, start], piece)
            end = _end_of_run(places[3], times, piece, start)
            run = slice(start, end)
            _approach(cubics[piece], times[piece], places[:, run], moments[run], ranges[run])
            start = end
        for j in range(width):
            moments[j] -= shift + shift_rate * ranges[j]
        start = 0
        while start < width:
            end = width
            if records[0].size > 1:
                record = _piece(records[0], moments[start], record)
                end = _end_of_run(moments, records[0], record, start)
            run = slice(start, end)
            _samples(record, records, moments[run], ranges[run], per_sample, cols[i, run], other)
            start = end
        for j in range(width):
            moments[j] *= per_line
