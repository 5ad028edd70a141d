"""Source pixels onto a target grid: nearest, bilinear and bicubic, never mixing in invalid ones."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.coordinates import Coordinates
from sitsflow.geo.grid import Window
from sitsflow.geo.resampling_kernels import pick_blocks, resample_blocks

Floats = NDArray[np.float32]
Method = Literal["nearest", "bilinear", "bicubic"]

MARGINS = {"nearest": 0, "bilinear": 2, "bicubic": 2, "average": 2}
"""Source pixels needed around the one that holds a target's centre, by method.

Averages take bicubic's where the target is not coarser; else all pixels under the target's.
"""

_NAN = np.float32(np.nan)


def _arguments(
    coordinates: Coordinates, window: Window
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, ...]]:
    """Rows, columns and frame as the kernels take them."""
    c = coordinates
    rows, cols = (c.rows[:, None], c.cols[None, :]) if c.step == 0 else (c.rows, c.cols)
    frame = (c.step, c.row, c.col, window.row, window.col)
    return np.ascontiguousarray(rows), np.ascontiguousarray(cols), frame


def _copy(values: NDArray[Any], coordinates: Coordinates, window: Window, out: Any) -> None:
    """Copy where the grids coincide; what lies outside `window` is left alone."""
    row, col = int(coordinates.rows[0]) - window.row, int(coordinates.cols[0]) - window.col
    top, left = max(0, row), max(0, col)
    bottom = max(top, min(values.shape[1], row + coordinates.height))
    right = max(left, min(values.shape[2], col + coordinates.width))
    out[:, top - row : bottom - row, left - col : right - col] = values[:, top:bottom, left:right]


def nearest(
    values: NDArray[Any],
    coordinates: Coordinates,
    window: Window,
    fill: float,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Give every target pixel the source pixel that contains its centre.

    A centre on an edge between two pixels belongs to the lower, or the right one.

    Parameters
    ----------
    values : ndarray of any number type, shape (layer, source row, source col)
        Pixels of `window`.
    coordinates : Coordinates
        Where the target's pixels lie in the whole source.
    window : Window
        The part of the source that `values` holds.
    fill : float
        Value of pixels outside `window`.
    out : ndarray, shape (layer, row, col), optional
        Where to put the result, contiguous.

    Returns
    -------
    ndarray of the type of `values` (or of `out`), shape (layer, row, col)
    """
    if out is None:
        out = np.empty((len(values), *coordinates.shape), values.dtype)
    if coordinates.coincident:
        out[...] = fill
        _copy(values, coordinates, window, out)
    else:
        rows, cols, frame = _arguments(coordinates, window)
        filler = out.dtype.type(fill)
        pick_blocks(np.ascontiguousarray(values), filler, rows, cols, frame, out)
    return out


def resample(
    values: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    nodata: float | None,
    coordinates: Coordinates,
    window: Window,
    method: Method = "bicubic",
    out: Floats | None = None,
    wanted: NDArray[np.bool_] | None = None,
) -> Floats:
    """Interpolate every layer at the target's pixels, one geometry for all of them.

    Taps that are nodata, outside or not valid have no weight, and those that are left share it.
    Where the negative lobes leave less than a quarter of the weight, the value is bilinear over the
    usable of the four nearest taps, or else the nearest usable one of the four (of the sixteen for
    bicubic). A target coarser than its source is interpolated at its centres, not averaged. Where
    the grids coincide the values are copied, whatever the method.

    Parameters
    ----------
    values : ndarray of int16, uint16 or float32, shape (layer, source row, source col)
        Pixels of `window`; floats that are not finite are as nodata.
    valid : ndarray of bool, shape (layer, source row, source col), optional
        False where a pixel may not be mixed into others. What the target has where its own centre
        lies in such a pixel has no meaning (and may be NaN); nearest and copies do not look.
    nodata : float, optional
        Value of `values` that stands for none.
    coordinates : Coordinates
        Where the target's pixels lie in the whole source.
    window : Window
        The part of the source that `values` holds, with `MARGINS[method]` around what is needed.
    method : {"bicubic", "bilinear", "nearest"}
    out : ndarray of float32, shape (layer, row, col), optional
        Where to put the result, contiguous.
    wanted : ndarray of bool, shape (layer, row, col), optional
        False where a pixel is not looked at: it may be left out, as NaN, alone where some of its
        taps may not be used, and anywhere with a row of pixels of which none is. In half clouded
        series that saves more than half of the work.

    Returns
    -------
    ndarray of float32, shape (layer, row, col)
        NaN where the source pixel that contains the centre is nodata or outside `window`, and where
        no tap is usable.
    """
    if out is None:
        out = np.empty((len(values), *coordinates.shape), np.float32)
    if coordinates.coincident or method == "nearest":
        nearest(values, coordinates, window, math.nan, out)
        if nodata is not None and not math.isnan(nodata):
            for layer in out:
                layer[layer == np.float32(nodata)] = _NAN
        if values.dtype.kind == "f":
            for layer in out:
                layer[np.isinf(layer)] = _NAN
        return out
    rows, cols, frame = _arguments(coordinates, window)
    usable = np.empty((1, 0, 0), np.bool_) if valid is None else np.ascontiguousarray(valid)
    none = np.float32(math.nan if nodata is None else nodata)
    layers = np.ascontiguousarray(values)
    how = (method == "bicubic", values.dtype.kind == "f")
    asked = np.ones((1, *out.shape[1:]), np.bool_) if wanted is None else wanted
    resample_blocks(layers, usable, none, rows, cols, frame, how, asked, out)
    return out
