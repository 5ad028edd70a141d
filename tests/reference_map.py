"""The same map by other means: plain numpy and rasterio, pixel by pixel, slow and obvious."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import rasterio

EPOCH = datetime(1970, 1, 1)


def read(path: Path, band: int = 1) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(band)


def day_of(text: str) -> int:
    return (datetime.strptime(text, "%Y%m%d") - EPOCH).days


def interpolated(values: np.ndarray, valid: np.ndarray, days: list[int], targets: np.ndarray):
    """(date, row, col) onto `targets`, float64, NaN where no date is valid."""
    out = np.full((len(targets), *values.shape[1:]), np.nan)
    for row, col in np.ndindex(values.shape[1:]):
        usable = valid[:, row, col]
        if usable.any():
            out[:, row, col] = np.interp(
                targets, np.array(days)[usable], values[usable, row, col].astype(float)
            )
    return out


def ndvi(red: np.ndarray, nir: np.ndarray, clip: bool = True) -> np.ndarray:
    total = nir + red
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(np.abs(total) < 1e-5, 0, (nir - red) / total * 1000)
    return found.clip(-1000, 1000) if clip else found


def sentinel2_series(root: Path, tile: str, bands: list[str]):
    """Days, validity and bands of a THEIA tile, by file names alone."""
    products = sorted((root / tile).iterdir(), key=lambda path: path.name.split("_")[1])
    days = [day_of(path.name.split("_")[1][:8]) for path in products]
    masks = [
        sum(
            read(path / "MASKS" / f"{path.name}_{name}_R1.tif").astype(int)
            for name in ("CLM", "SAT", "EDG")
        )
        for path in products
    ]
    values = {
        band: np.stack([read(path / f"{path.name}_FRE_{band}.tif") for path in products])
        for band in bands
    }
    return days, np.stack(masks) == 0, values


def dynamic_habitat(series: np.ndarray) -> np.ndarray:
    """The tutorial's three functions on (date, row, col)."""
    return np.stack([series.sum(0), series.min(0), series.std(0) / (series.mean(0) + 1e-6)])
