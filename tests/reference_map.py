"""The same map by other means: plain numpy and rasterio, pixel by pixel, slow and obvious."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

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


class Layout(NamedTuple):
    """How a sensor's products are read by hand: by file names, masks and a scaling of numbers."""

    day: Callable[[str], str]
    file: Callable[[str], tuple[str, int]]
    """Pattern of a band's file and its number in it."""
    masked: Mapping[str, int]
    """Bits of each mask that make a pixel invalid; all of them: -1."""
    scale: float = 1.0
    offset: float = 0.0


_MUSCATE = Layout(
    day=lambda name: name.split("_")[1][:8],
    file=lambda band: (f"*_FRE_{band}.tif", 1),
    masked={"MASKS/*_CLM_XS.tif": -1, "MASKS/*_SAT_XS.tif": -1, "MASKS/*_EDG_XS.tif": -1},
)
_OLD = Layout(
    day=lambda name: name.split("_")[3],
    file=lambda band: ("*_ORTHO_SURF_CORR_PENTE_*.TIF", int(band[1:])),
    masked={"MASK/*_DIV.TIF": 1, "MASK/*_NUA.TIF": -1, "MASK/*_SAT.TIF": -1},
)
_USGS = Layout(
    day=lambda name: name.split("_")[3],
    file=lambda band: (f"*_SR_{band}.TIF", 1),
    masked={"*_QA_PIXEL.TIF": 0b11111, "*_QA_RADSAT.TIF": -1},
    scale=0.275,
    offset=-2000,
)
LAYOUTS = {
    "Sentinel_2": _MUSCATE._replace(
        masked={"MASKS/*_CLM_R1.tif": -1, "MASKS/*_SAT_R1.tif": -1, "MASKS/*_EDG_R1.tif": -1}
    ),
    "Landsat5": _MUSCATE,
    "Landsat7": _MUSCATE,
    "Landsat8": _MUSCATE,
    "Landsat5_old": _OLD,
    "Landsat8_old": _OLD,
    "Landsat8_usgs": _USGS,
    "Landsat8_usgs_optical": _USGS,
    "Landsat8_usgs_thermal": _USGS._replace(
        file=lambda band: (f"*_ST_{band}.TIF", 1),
        masked={"*_QA_PIXEL.TIF": 0b11111, "*_QA_RADSAT.TIF": 0b111000000000},
        scale=0.00341802,
        offset=149,
    ),
    "Landsat8_usgs_infrared": _USGS._replace(
        file=lambda band: (f"*_T1_{band}.TIF", 1),
        masked={"*_QA_PIXEL.TIF": 0b11111, "*_QA_RADSAT.TIF": 0b111000000000},
        # Of Landsat 8; the test that uses it has no product of Landsat 9.
        scale=0.0003342,
        offset=0.1,
    ),
}


def sensor_series(sensor: str, root: Path, tile: str, bands: Sequence[str]):
    """Days, validity and bands of a tile of a sensor in `LAYOUTS`, in the sensor's unit."""
    layout = LAYOUTS[sensor]
    products = sorted((root / tile).iterdir(), key=lambda path: layout.day(path.name))
    valid, values = [], {band: [] for band in bands}
    for product in products:
        masked = [
            read(_one(product, file)).astype(int) & bits for file, bits in layout.masked.items()
        ]
        valid.append(~np.any(masked, axis=0))
        for band in bands:
            pattern, index = layout.file(band)
            numbers = read(_one(product, pattern), index)
            values[band].append(numbers * np.float64(layout.scale) + layout.offset)
    days = [day_of(layout.day(product.name)) for product in products]
    return days, np.stack(valid), {band: np.stack(found) for band, found in values.items()}


def _one(product: Path, pattern: str) -> Path:
    (path,) = product.glob(pattern)
    return path


def native_stack(values: Mapping[str, np.ndarray], red: str, nir: str, swir: str) -> np.ndarray:
    """Interpolated bands (date, row, col) in iota2's order: date by date, then the indices."""
    bands = np.stack(list(values.values()), axis=1)
    water = ndvi(values[nir], values[swir])
    return np.concatenate(
        [
            bands.reshape(-1, *bands.shape[2:]),
            ndvi(values[red], values[nir]),
            water,
            np.sqrt((bands**2).sum(axis=1)),
        ]
    )
