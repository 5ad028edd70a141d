"""The compiled loops of resampling: where target pixels lie, weights, and sums over taps.

A tap that may not be used is not finite: NaN where the source has none (outside, nodata, or not
finite itself), infinity where only the validity says so. Cached kernels notice changes in their own
file only, so all that they call is here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

# A block's patch of source pixels, as float32, and its weights stay in the processor's caches while
# every layer goes through them.
_BLOCK = 64
# Below this the negative lobes have all but cancelled the valid taps: dividing by their sum would
# magnify noise.
_LEAST_WEIGHT = np.float32(0.25)
_ZERO = np.float32(0)
_NAN = np.float32(np.nan)
_INFINITY = np.float32(np.inf)
# Unsigned: of other indices Numba asks each time whether they are negative, which makes the sums
# over taps a third slower.
_INDEX = np.uintp


@njit(cache=True, nogil=True)
def _locate(nodes: Any, step: int, row: int, col: int, height: int, width: int, out: Any) -> None:
    """Coordinates of a block of pixels, `row` and `col` pixels after the first node, into `out`."""
    if step < 2:
        tall, wide = nodes.shape[0] > 1, nodes.shape[1] > 1
        for i in range(height):
            for j in range(width):
                out[i * width + j] = nodes[tall * (row + i), wide * (col + j)]
        return
    shift = int(np.log2(step))
    first, last = col >> shift, ((col + width - 1) >> shift) + 1
    level = np.empty(last - first + 1)
    for i in range(height):
        k = (row + i) >> shift
        down = ((row + i) - (k << shift)) / step
        for m in range(level.size):
            level[m] = nodes[k, first + m] + down * (nodes[k + 1, first + m] - nodes[k, first + m])
        for j in range(width):
            m = ((col + j) >> shift) - first
            right = ((col + j) & (step - 1)) * (1.0 / step)
            out[i * width + j] = level[m] + right * (level[m + 1] - level[m])


@njit(cache=True, nogil=True)
def _mark_outside(rows: Any, cols: Any, count: int, top: int, left: int, shape: Any) -> Any:
    """Mark pixels whose centre lies outside by NaN; the first and last row and column of the rest.

    `top` and `left` place the source window, of the given shape, in the whole source.
    """
    bottom, right = top + shape[0] - 0.5, left + shape[1] - 0.5
    low_row, high_row, low_col, high_col = np.inf, -np.inf, np.inf, -np.inf
    missing = False
    for p in range(count):
        row, col = rows[p], cols[p]
        if top - 0.5 <= row < bottom and left - 0.5 <= col < right:
            low_row, high_row = min(low_row, row), max(high_row, row)
            low_col, high_col = min(low_col, col), max(high_col, col)
        else:
            rows[p] = cols[p] = np.nan
            missing = True
    if low_row > high_row:
        return 0, -1, 0, -1, missing
    return (
        math.floor(low_row),
        math.floor(high_row),
        math.floor(low_col),
        math.floor(high_col),
        missing,
    )


@njit(cache=True, nogil=True)
def _tap_weights(at: Any, count: int, first: int, bicubic: bool, weights: Any, starts: Any) -> None:
    """Weights of four taps a point along one axis, and where the first lies, from `first` on.

    `at` keeps the fraction after the second tap. Keys (1981) with a = -1/2, as GDAL's `cubic` and
    the Orfeo ToolBox's `bco`: the only a that reproduces slopes and parabolas exactly.
    """
    for p in range(count):
        whole = math.floor(at[p])
        t = at[p] - whole
        inside = t >= 0
        starts[p] = int(whole) - first if inside else 0
        at[p] = t
        if bicubic:
            weights[4 * p] = ((-0.5 * t + 1.0) * t - 0.5) * t
            weights[4 * p + 1] = (1.5 * t - 2.5) * t * t + 1.0
            weights[4 * p + 2] = ((-1.5 * t + 2.0) * t + 0.5) * t
            weights[4 * p + 3] = (0.5 * t - 0.5) * t * t
        else:
            weights[4 * p] = weights[4 * p + 3] = 0.0 * t
            weights[4 * p + 1] = 1.0 - t
            weights[4 * p + 2] = t


@njit(cache=True, nogil=True)
def _copy_patch(
    layer: Any, valid: Any, nodata: Any, top: int, left: int, floats: bool, patch: Any
) -> int:
    """Copy a patch of one layer as float32; returns how many of its taps may not be used."""
    height, width = layer.shape
    first = min(max(0, -left), patch.shape[1])
    last = max(first, min(patch.shape[1], width - left))
    unusable = 0
    for i in range(patch.shape[0]):
        row = top + i
        if row < 0 or row >= height:
            patch[i] = _NAN
            unusable += patch.shape[1]
            continue
        patch[i, :first] = _NAN
        patch[i, last:] = _NAN
        unusable += patch.shape[1] - (last - first)
        source, into = layer[row, left + first : left + last], patch[i, first:last]
        for j in range(into.size):
            value = np.float32(source[j])
            into[j] = _NAN if value == nodata else value
        if floats:  # whole numbers are always finite
            for j in range(into.size):
                into[j] = into[j] if abs(into[j]) < _INFINITY else _NAN
        if valid.size:
            usable = valid[row, left + first : left + last]
            for j in range(into.size):
                into[j] = into[j] if usable[j] or np.isnan(into[j]) else _INFINITY
        for j in range(into.size):
            unusable += not abs(into[j]) < _INFINITY
    return unusable


@njit(cache=True, nogil=True)
def _column(patch: Any, start: int, pitch: int, down: Any, at: int) -> Any:
    """Weighted sum of four taps below each other, from `start` on in the flat `patch`."""
    total = _ZERO
    for k in range(4):
        total += patch[_INDEX(start + k * pitch)] * down[_INDEX(at + k)]
    return total


@njit(cache=True, nogil=True)
def _weighted_sum(patch: Any, start: int, pitch: int, down: Any, right: Any, point: int) -> Any:
    """Weighted sum of all sixteen taps; not finite where one of them is not.

    `start` is the first tap, `pitch` the pixels between two rows of taps; `down` and `right` have
    four weights a point. The order of the additions is fixed, here and in `_usable_sums`: a pixel
    has the same bits wherever it is computed.
    """
    at = 4 * point
    sum0 = _column(patch, start, pitch, down, at) * right[_INDEX(at)]
    sum1 = _column(patch, start + 1, pitch, down, at) * right[_INDEX(at + 1)]
    sum2 = _column(patch, start + 2, pitch, down, at) * right[_INDEX(at + 2)]
    sum3 = _column(patch, start + 3, pitch, down, at) * right[_INDEX(at + 3)]
    return (sum0 + sum2) + (sum1 + sum3)


@njit(cache=True, nogil=True)
def _usable_column(patch: Any, start: int, pitch: int, down: Any, at: int) -> Any:
    """As `_column`, of the finite taps; then the sum of their weights, and how many they are."""
    total = weight = _ZERO
    usable = 0
    for k in range(4):
        tap, share = patch[_INDEX(start + k * pitch)], down[_INDEX(at + k)]
        finite = abs(tap) < _INFINITY
        total += (tap if finite else _ZERO) * share
        weight += share if finite else _ZERO
        usable += finite
    return total, weight, usable


@njit(cache=True, nogil=True)
def _usable_sums(patch: Any, start: int, pitch: int, down: Any, right: Any, point: int) -> Any:
    """Weighted sum of the finite taps, the sum of their weights, and how many they are."""
    at = 4 * point
    total0, weight0, usable0 = _usable_column(patch, start, pitch, down, at)
    total1, weight1, usable1 = _usable_column(patch, start + 1, pitch, down, at)
    total2, weight2, usable2 = _usable_column(patch, start + 2, pitch, down, at)
    total3, weight3, usable3 = _usable_column(patch, start + 3, pitch, down, at)
    right0, right1, right2, right3 = right[at], right[at + 1], right[at + 2], right[at + 3]
    return (
        (total0 * right0 + total2 * right2) + (total1 * right1 + total3 * right3),
        (weight0 * right0 + weight2 * right2) + (weight1 * right1 + weight3 * right3),
        usable0 + usable1 + usable2 + usable3,
    )


@njit(cache=True, nogil=True)
def _fallback(patch: Any, start: int, pitch: int, down: float, right: float, bicubic: bool) -> Any:
    """Bilinear over the usable of the four inner taps, or else the nearest usable tap."""
    total = weight = np.float32(0)
    nearest, least = _NAN, np.inf
    for k in range(4):
        for m in range(4):
            tap = patch[start + k * pitch + m]
            inner = 0 < k < 3 and 0 < m < 3
            if not abs(tap) < _INFINITY or not (bicubic or inner):
                continue
            # Whatever the distances, inner taps come first.
            distance = (k - 1 - down) ** 2 + (m - 1 - right) ** 2 - 9 * inner
            if distance < least:
                nearest, least = tap, distance
            if inner:
                share = np.float32(abs(2 - k - down) * abs(2 - m - right))
                total += share * tap
                weight += share
    return total / weight if weight > 0 else nearest


@njit(cache=True, nogil=True)
def _resample_masked(
    patch: Any, starts: Any, pitch: int, wrow: Any, wcol: Any, at: Any, bicubic: bool, wanted: Any,
    out: Any,
) -> None:  # fmt: skip
    """Compute again the pixels of one row of which some taps, or all, may not be used.

    A pixel whose centre lies in a hole of the source, or outside it, has no value.
    """
    first, down, right = at
    for j in range(out.size):
        if abs(out[j]) < _INFINITY:
            continue
        p = first + j
        start = starts[p]
        here = start + ((down[p] >= 0.5) + 1) * pitch + (right[p] >= 0.5) + 1
        out[j] = _NAN
        if not wanted[j] or not down[p] >= 0 or np.isnan(patch[here]):
            continue
        total, weight, usable = _usable_sums(patch, start, pitch, wrow, wcol, p)
        if weight >= _LEAST_WEIGHT:
            out[j] = total / weight
        elif usable > 0:
            out[j] = _fallback(patch, start, pitch, down[p], right[p], bicubic)


@njit(cache=True, nogil=True)
def _resample_layer(
    patch: Any, starts: Any, pitch: int, wrow: Any, wcol: Any, down: Any, right: Any, bicubic: bool,
    masked: bool, wanted: Any, out: Any,
) -> None:  # fmt: skip
    """Fill a block of one layer; `masked`: whether some taps may not be used, or are not there."""
    width = out.shape[1]
    for i in range(out.shape[0]):
        into, first = out[i], i * width
        if not wanted[i].any():
            into[:] = _NAN
            continue
        for j in range(width):
            p = first + j
            into[j] = _weighted_sum(patch, starts[p], pitch, wrow, wcol, p)
        if masked:
            at = (first, down, right)
            _resample_masked(patch, starts, pitch, wrow, wcol, at, bicubic, wanted[i], into)


@njit(cache=True, nogil=True)
def resample_blocks(
    values: Any, valid: Any, nodata: Any, rows: Any, cols: Any, frame: Any, how: Any, wanted: Any,
    out: Any,
) -> None:  # fmt: skip
    """Fill `out`, block by block; `frame` is step, row, col (of the nodes), top, left (source).

    `how` is whether bicubic, and whether `values` may be infinite or NaN.
    """
    step, row, col, top, left = frame
    bicubic, floats = how
    area = _BLOCK * _BLOCK
    down, right = np.empty(area), np.empty(area)
    wrow, wcol = np.empty(4 * area, np.float32), np.empty(4 * area, np.float32)
    starts, along = np.empty(area, np.int64), np.empty(area, np.int64)
    for r in range(0, out.shape[1], _BLOCK):
        for c in range(0, out.shape[2], _BLOCK):
            height, width = min(_BLOCK, out.shape[1] - r), min(_BLOCK, out.shape[2] - c)
            count = height * width
            _locate(rows, step, row + r, col + c, height, width, down)
            _locate(cols, step, row + r, col + c, height, width, right)
            r0, r1, c0, c1, missing = _mark_outside(down, right, count, top, left, values.shape[1:])
            if r1 < r0:
                out[:, r : r + height, c : c + width] = _NAN
                continue
            _tap_weights(down, count, r0, bicubic, wrow, starts)
            _tap_weights(right, count, c0, bicubic, wcol, along)
            pitch = c1 - c0 + 4
            for p in range(count):
                starts[p] = starts[p] * pitch + along[p]
            patch = np.empty((r1 - r0 + 4, pitch), np.float32)
            flat = patch.reshape(-1)
            for n in range(out.shape[0]):
                usable = valid[min(n, valid.shape[0] - 1)]
                asked = wanted[min(n, wanted.shape[0] - 1), r : r + height, c : c + width]
                if not asked.any():
                    out[n, r : r + height, c : c + width] = _NAN
                    continue
                unusable = _copy_patch(
                    values[n], usable, nodata, r0 - 1 - top, c0 - 1 - left, floats, patch
                )
                _resample_layer(
                    flat, starts, pitch, wrow, wcol, down, right, bicubic, missing or unusable > 0,
                    asked, out[n, r : r + height, c : c + width],
                )  # fmt: skip


@njit(cache=True, nogil=True)
def pick_blocks(values: Any, fill: Any, rows: Any, cols: Any, frame: Any, out: Any) -> None:
    """Fill `out` with the pixels that hold the targets' centres; `frame`: see `resample_blocks`."""
    step, row, col, top, left = frame
    area = _BLOCK * _BLOCK
    down, right, at = np.empty(area), np.empty(area), np.empty(area, np.int64)
    for r in range(0, out.shape[1], _BLOCK):
        for c in range(0, out.shape[2], _BLOCK):
            height, width = min(_BLOCK, out.shape[1] - r), min(_BLOCK, out.shape[2] - c)
            _locate(rows, step, row + r, col + c, height, width, down)
            _locate(cols, step, row + r, col + c, height, width, right)
            _mark_outside(down, right, height * width, top, left, values.shape[1:])
            for p in range(height * width):
                at[p] = -1
                if down[p] >= -0.5:
                    y, x = math.floor(down[p]), math.floor(right[p])
                    y += (down[p] - y >= 0.5) - top
                    x += (right[p] - x >= 0.5) - left
                    at[p] = y * values.shape[2] + x
            for n in range(out.shape[0]):
                layer = values[n].reshape(-1)
                for i in range(height):
                    into = out[n, r + i, c : c + width]
                    for j in range(width):
                        p = at[i * width + j]
                        into[j] = layer[p] if p >= 0 else fill
