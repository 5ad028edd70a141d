"""Tables of a product's annotation, given at some lines and pixels of its image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.radar.metadata import Metadata

Floats = NDArray[np.float64]


class Between(NamedTuple):
    """Where pixels lie between nodes of an axis: `weight` of the way from `node` to the next."""

    node: NDArray[np.int64]
    weight: Floats


@dataclass(frozen=True)
class LookupTable:
    """A table of numbers over an image, bilinear between its nodes and constant beyond them.

    Attributes
    ----------
    lines, pixels : ndarray of float64, shape (line,) and (pixel,)
        Rows and columns of the image, increasing.
    values : ndarray of float64, shape (line, pixel)
    """

    lines: Floats
    pixels: Floats
    values: Floats

    def between(self, row: int, col: int, shape: tuple[int, int]) -> tuple[Between, Between]:
        """Place the rows and the columns of a window of the image between the nodes."""
        return _place(self.lines, row, shape[0]), _place(self.pixels, col, shape[1])

    def over(self, row: int, col: int, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Interpolate over a window of the image.

        Parameters
        ----------
        row, col : int
            The window's first row and column in the image, from 0.
        shape : (int, int)
            Its rows and columns.

        Returns
        -------
        ndarray of float32, shape (row, col)
        """
        out = np.empty(shape, np.float32)
        _fill(self.values, *self.between(row, col, shape), out)
        return out


def read_table(vectors: Iterable[Metadata], name: str) -> LookupTable:
    """Make a table of an annotation's vectors, each with a line, its pixels and their values.

    The vectors may have other pixels each, as noise had until 2017: linear between their own,
    they lose nothing on the pixels of all. Of two vectors of one line the later counts.

    Parameters
    ----------
    vectors : iterable of Metadata
        Elements with ``line``, ``pixel`` and `name`; at least one.
    name : str
        The element that holds the values.

    Raises
    ------
    ProductError
        If one is not whole or not in the order of its pixels.
    """
    by_line: dict[int, tuple[Floats, Floats]] = {}
    for vector in vectors:
        pixels = vector.numbers("pixel")
        if np.any(np.diff(pixels) <= 0):
            vector.fault(f"the pixels of a vector of {name} do not increase")
        by_line[vector.integer("line")] = pixels, vector.numbers(name, len(pixels))
    lines = sorted(by_line)
    pixels = np.unique(np.concatenate([by_line[line][0] for line in lines]))
    values = np.array([np.interp(pixels, *by_line[line]) for line in lines])
    return LookupTable(np.array(lines, float), pixels, values)


def _place(nodes: Floats, first: int, count: int) -> Between:
    at = np.arange(first, first + count, dtype=float)
    node = np.clip(np.searchsorted(nodes, at, "right") - 1, 0, max(len(nodes) - 2, 0))
    if len(nodes) == 1:
        return Between(node, np.zeros(count))
    weight = (at - nodes[node]) / (nodes[node + 1] - nodes[node])
    return Between(node, np.clip(weight, 0.0, 1.0))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def bilinear(values, i, v, j, u):  # type: ignore[no-untyped-def]
    """Return the value `v` of the way from row `i` of a table to the next, and `u` from column `j`.

    The last row and column have no next one; their weight is then 0.
    """
    below = min(i + 1, values.shape[0] - 1)
    right = min(j + 1, values.shape[1] - 1)
    upper = values[i, j] + (values[i, right] - values[i, j]) * u
    lower = values[below, j] + (values[below, right] - values[below, j]) * u
    return upper + (lower - upper) * v


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(values, rows, cols, out):  # type: ignore[no-untyped-def]
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            out[row, col] = bilinear(
                values, rows.node[row], rows.weight[row], cols.node[col], cols.weight[col]
            )
