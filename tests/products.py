"""Copies of simulated products that a test may spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio

from tests.requests import TILES


def copy_of(products: Path, root: Path, *tiles: str) -> Path:
    """Copy tiles (the first one if none is named) to `root`; return it."""
    for tile in tiles or TILES[:1]:
        shutil.copytree(products / tile, root / tile)
    return root


def by_date(root: Path, tile: str = TILES[0]) -> list[Path]:
    """A tile's products, the earliest first."""
    return sorted((root / tile).iterdir(), key=lambda path: path.name.split("_")[1])


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Write a raster again with other values, of another type if `change` says so."""
    with rasterio.open(path) as file:
        values, profile = change(file.read()), file.profile
    profile.update(dtype=values.dtype.name, compress="deflate", predictor=1)
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)


def rewrite_all(root: Path, pattern: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Do so for all files below `root` that match."""
    for path in sorted(root.rglob(pattern)):
        rewrite(path, change)
