"""What a contender made: features in a file, and how they differ from another's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from sitsflow.geo.grid import Window

NODATA = -10000.0
SMALL = 1e-3
"""Differences in units of reflectance, or of indices between -1 and 1, that count."""


class Result:
    """Features (feature, row, col) float32 in a file of NumPy, written window by window."""

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        self._values: Any = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        self.made = False

    def put(self, window: Window, values: Any) -> None:
        """Keep the features of a window; NaN or `NODATA` where there is none."""
        rows, cols = window.slices
        self._values[:, rows, cols] = values
        self.made = True


Work = Callable[[Result], None]


@dataclass(frozen=True)
class Difference:
    """How two maps differ, all features together."""

    largest: float
    beyond: float
    """Share of values that differ by more than `SMALL`, of those that both have."""
    one_only: float
    """Share of values that one of them alone has."""

    @property
    def text(self) -> str:
        """For a column of a table."""
        return f"{self.largest:.2g}, {self.beyond:.2%}"


def read_result(path: Path) -> Any:
    """Return features that `Result` wrote, or those of a map; (feature, row, col)."""
    if path.suffix == ".npy":
        return np.load(path, mmap_mode="r")
    with rasterio.open(path) as dataset:
        return dataset.read()


def difference(one: Any, other: Any, scales: tuple[float, ...]) -> Difference:
    """Compare features, feature by feature, each multiplied by its scale."""
    if one.shape != other.shape:
        raise ValueError(f"one map has the shape {one.shape}, the other {other.shape}")
    largest, beyond, common, alone = 0.0, 0, 0, 0
    for first, second, scale in zip(one, other, scales, strict=True):
        there, also = (np.isfinite(each) & (each != NODATA) for each in (first, second))
        both = there & also
        apart = np.abs(first[both].astype(np.float64) - second[both]) * scale
        largest = max(largest, float(apart.max(initial=0.0)))
        beyond += int(np.count_nonzero(apart > SMALL))
        common += apart.size
        alone += int(np.count_nonzero(there != also))
    return Difference(largest, beyond / max(common, 1), alone / one.size)
