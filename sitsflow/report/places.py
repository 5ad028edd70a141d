"""Places that stand for a map: few, and far from each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def spread(seen: NDArray[np.bool_], count: int) -> Iterator[tuple[int, int]]:
    """Yield up to `count` of the places (row, col) where `seen`, far from each other.

    The places are cut in columns, these in rows, with as many places each; the middle of each
    part stands for it. The same map gives the same places.
    """
    rows, cols = np.nonzero(seen)
    count = min(count, len(rows))
    if not count:
        return
    across = math.ceil(math.sqrt(count * min(4.0, _shape(rows, cols))))
    for column, n_rows in zip(
        np.array_split(np.argsort(cols, kind="stable"), min(across, count)),
        _shares(count, min(across, count)),
        strict=True,
    ):
        ordered = column[np.argsort(rows[column], kind="stable")]
        for part in np.array_split(ordered, n_rows):
            middle = np.median(rows[part]), np.median(cols[part])
            apart = (rows[part] - middle[0]) ** 2 + (cols[part] - middle[1]) ** 2
            chosen = part[int(np.argmin(apart))]
            yield int(rows[chosen]), int(cols[chosen])


def _shape(rows: NDArray[np.int64], cols: NDArray[np.int64]) -> float:
    """Width by height of the places."""
    return float((np.ptp(cols) + 1) / (np.ptp(rows) + 1))


def _shares(count: int, parts: int) -> list[int]:
    return [len(share) for share in np.array_split(np.arange(count), parts)]
