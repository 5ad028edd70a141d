"""The compiled loops of averaging: sums of source pixels under the pixels of a coarser grid.

Sums are float64 and in a fixed order: a pixel has the same bits wherever it is computed, and the
mean of equal values is that value. Cached kernels notice changes in their own file only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_INFINITY = np.float32(np.inf)
_NAN = np.float32(np.nan)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_row(line: Any, usable: Any, nodata: Any, share: float, total: Any, weight: Any) -> None:
    """Add the usable pixels of a source row, times `share`, to sums of each column."""
    if usable.size:
        for c in range(line.size):
            value = np.float32(line[c])
            use = usable[c] & (value != nodata) & (abs(value) < _INFINITY)
            total[c] += share * np.float64(value) if use else 0.0
            weight[c] += share if use else 0.0
    else:
        for c in range(line.size):
            value = np.float32(line[c])
            use = (value != nodata) & (abs(value) < _INFINITY)
            total[c] += share * np.float64(value) if use else 0.0
            weight[c] += share if use else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def average_boxes(
    values: Any, valid: Any, nodata: Any, rows: Any, downs: Any, cols: Any, rights: Any,
    area: float, out: Any,
) -> None:  # fmt: skip
    """Fill `out` with weighted means over boxes of source pixels.

    `rows` and `downs`, (row, tap), are the source rows of each target row and their weights;
    `cols` and `rights` those of columns. With `area` above 0 sums are divided by it, not by the
    weights of the usable pixels. NaN where none is usable.
    """
    total, weight = np.empty(values.shape[2]), np.empty(values.shape[2])
    nothing = np.empty(0, np.bool_)
    for n in range(out.shape[0]):
        layer = values[n]
        for i in range(out.shape[1]):
            total[:] = 0.0
            weight[:] = 0.0
            for k in range(rows.shape[1]):
                if downs[i, k] > 0:
                    row = rows[i, k]
                    usable = valid[n, row] if valid.size else nothing
                    _add_row(layer[row], usable, nodata, downs[i, k], total, weight)
            for j in range(out.shape[2]):
                above = below = 0.0
                for m in range(cols.shape[1]):
                    above += rights[j, m] * total[cols[j, m]]
                    below += rights[j, m] * weight[cols[j, m]]
                if area > 0:
                    out[n, i, j] = above / area
                else:
                    out[n, i, j] = above / below if below > 0 else _NAN


@njit(cache=True, nogil=True)
def _cut(layer: Any, usable: Any, nodata: Any, top: int, left: int, patch: Any) -> None:
    """Copy a part of a layer as float32, NaN where a pixel may not be used."""
    for i in range(patch.shape[0]):
        line, into = layer[top + i], patch[i]
        for j in range(into.size):
            value = np.float32(line[left + j])
            into[j] = value if (value != nodata) & (abs(value) < _INFINITY) else _NAN
        if usable.size:
            use = usable[top + i]
            for j in range(into.size):
                into[j] = into[j] if use[left + j] else _NAN


@njit(cache=True, nogil=True, error_model="numpy")
def average_samples(
    values: Any, valid: Any, nodata: Any, at: Any, box: Any, area: float, out: Any
) -> None:
    """Fill `out` with means over samples; `area` as in `average_boxes`.

    `box` is the first row and column, the height and the width of the part of a layer that samples
    meet; `at`, (row, sample, col), are positions in it as a flat array, its size for none.
    """
    top, left, height, width = box
    pixels = np.empty(height * width + 1, np.float32)
    pixels[height * width] = _NAN
    patch = pixels[: height * width].reshape(height, width)
    total, weight = np.empty(out.shape[2]), np.empty(out.shape[2], np.float32)
    nothing = np.empty((0, 0), np.bool_)
    for n in range(out.shape[0]):
        _cut(values[n], valid[n] if valid.size else nothing, nodata, top, left, patch)
        for i in range(out.shape[1]):
            total[:] = 0.0
            weight[:] = 0.0
            for s in range(at.shape[1]):
                line = at[i, s]
                for j in range(line.size):
                    value = pixels[line[j]]
                    use = abs(value) < _INFINITY
                    total[j] += value if use else np.float32(0)
                    weight[j] += np.float32(1) if use else np.float32(0)
            for j in range(out.shape[2]):
                if area > 0:
                    out[n, i, j] = total[j] / area
                else:
                    out[n, i, j] = total[j] / weight[j] if weight[j] > 0 else _NAN
