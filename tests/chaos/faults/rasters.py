"""Faults of files that are whole rasters, but not those that they should be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS

from tests.chaos.faults.model import Damage, Fault, Target, lay_out_anew

Array = np.ndarray[Any, Any]


def write_again(path: Path, values: Array | None = None, **changes: Any) -> None:
    """Write a raster with other values or another header; blocks are as GDAL likes them."""
    with rasterio.open(path) as file:
        profile = {key: file.profile[key] for key in ("crs", "transform", "nodata")}
        values = file.read() if values is None else values
    count, height, width = values.shape
    profile |= {"count": count, "height": height, "width": width, "dtype": values.dtype.name}
    profile |= {"driver": "GTiff", "compress": "deflate"} | changes
    with rasterio.open(path, "w", **profile) as file:
        file.write(values)


def rows_of(path: Path) -> Array:
    with rasterio.open(path) as file:
        return file.read()


def transform_of(path: Path) -> Affine:
    with rasterio.open(path) as file:
        return file.transform


def unwritten_block(target: Target) -> Damage:
    lay_out_anew(target.path, target.rng)
    with rasterio.open(target.path) as file:
        values, profile = file.read(), file.profile
        windows = [window for _, window in file.block_windows(1)]
    if (
        profile["driver"] != "GTiff"
    ):  # JPEG 2000 has no table of blocks: its tiles follow each other
        last_tile = target.path.read_bytes().rindex(bytes.fromhex("ff90000a"))
        target.path.write_bytes(target.path.read_bytes()[:last_tile] + b"\xff\xd9")
        return target.harmed()
    left_out = target.rng.choice(windows)
    with rasterio.open(target.path, "w", **profile, SPARSE_OK=True) as file:
        for window in windows:
            if window != left_out:
                rows, cols = window.toslices()
                file.write(values[:, rows, cols], window=window)
    if target.layer.nodata != (profile["nodata"] or 0):
        return target.harmed()
    # What GDAL reads there is no data of this sensor: writers leave such blocks out.
    values[:, *left_out.toslices()] = target.layer.nodata
    place = target.path.relative_to(target.root)
    return target.harmed(equivalent=lambda root: write_again(root / place, values))


def other_crs(target: Target) -> Damage:
    crs = target.rng.choice(("EPSG:4326", "EPSG:32633", "EPSG:3857"))
    write_again(target.path, crs=CRS.from_string(crs))
    return target.harmed()


def no_crs(target: Target) -> Damage:
    write_again(target.path, crs=None)
    return target.harmed()


def shifted(target: Target) -> Damage:
    share = target.rng.choice((0.4, -0.5, 1, 0.01, 300))
    write_again(
        target.path, transform=transform_of(target.path) @ Affine.translation(share, -share)
    )
    return target.harmed()


def rotated(target: Target) -> Damage:
    turn = target.rng.choice((Affine.rotation(5), Affine.scale(1, -1), Affine.shear(3, 0)))
    write_again(target.path, transform=transform_of(target.path) @ turn)
    return target.harmed()


def other_size(target: Target) -> Damage:
    values = rows_of(target.path)
    cut: Callable[[Array], Array] = target.rng.choice((
        lambda array: array[:, :-1],
        lambda array: array[:, :, 1:],
        lambda array: np.pad(array, ((0, 0), (0, 1), (0, 0))),
        lambda array: array[:, :1, :1],
    ))  # fmt: skip
    write_again(target.path, cut(values))
    return target.harmed()


def other_resolution(target: Target) -> Damage:
    values = rows_of(target.path)[:, ::2, ::2]
    write_again(target.path, values, transform=transform_of(target.path) @ Affine.scale(2))
    return target.harmed()


def gigantic(target: Target) -> Damage:
    """A few hundred bytes that promise a terabyte."""
    profile = {"crs": "EPSG:32631", "transform": transform_of(target.path), "count": 1}
    profile |= {"height": 10**6, "width": 10**6, "tiled": True, "dtype": "int16"}
    profile |= {"driver": "GTiff", "SPARSE_OK": True, "BIGTIFF": "YES", "compress": "deflate"}
    profile |= {"blockxsize": 4096, "blockysize": 4096}
    with rasterio.open(target.path, "w", **profile):
        pass
    return target.harmed()


def wider_type(target: Target) -> Damage:
    values = rows_of(target.path)
    kinds = ("uint16", "int16", "int32", "uint32", "float32", "float64")
    wider = [kind for kind in kinds if np.can_cast(values.dtype, kind) and kind != values.dtype]
    write_again(target.path, values.astype(target.rng.choice(wider)))
    return target.harmed()


def complex_numbers(target: Target) -> Damage:
    write_again(target.path, (rows_of(target.path) + 5j).astype(np.complex64))
    return target.harmed()


def own_nodata(target: Target) -> Damage:
    """The file says a no-data value; that of the sensor's description is what counts."""
    value = target.rng.choice((0, 1, 255))
    write_again(target.path, nodata=value)
    return target.harmed()


def not_finite(target: Target) -> Damage:
    """Values that are not finite count as no data of their date."""
    top, left = target.rng.randrange(25), target.rng.randrange(25)
    hole = (target.layer.index - 1, slice(top, top + 7), slice(left, left + 7))
    kind = target.rng.choice((np.nan, np.inf, -np.inf))
    name = target.path.relative_to(target.root)

    def fill(root: Path, value: float) -> None:
        values = rows_of(root / name).astype(np.float32)
        values[hole] = value
        write_again(root / name, values)

    fill(target.root, kind)
    nodata = target.subject.sensor.nodata
    return target.harmed(equivalent=lambda root: fill(root, nodata))


def other_pixels(target: Target) -> Damage:
    values = rows_of(target.path)
    at = target.rng.randrange(values.shape[1] // 2)
    values[:, at : at + 9] = np.roll(values[:, at : at + 9], 5, axis=2)
    write_again(target.path, values)
    return target.harmed()


def of_another_date(target: Target) -> Damage:
    """Two dates' files of the same band or mask change places."""
    other = target.another_scene().layers[target.name].path
    kept = target.path.read_bytes()
    shutil.copyfile(other, target.path)
    other.write_bytes(kept)
    return target.harmed(target.path, other)


def fewer_bands(target: Target) -> Damage:
    """A file of several bands loses the last; where each band is a file, that one is gone."""
    band = target.subject.bands[-1]
    target.name = band
    values = rows_of(target.path)
    if len(values) > 1:
        write_again(target.path, values[:-1])
    else:
        target.path.unlink()
    return target.harmed()


def picture(target: Target) -> Damage:
    values = rows_of(target.path)[:1].astype(np.uint8)
    _, height, width = values.shape
    target.path.unlink()
    with rasterio.open(
        target.path, "w", driver="PNG", count=1, height=height, width=width, dtype="uint8"
    ) as file:
        file.write(values)
    return target.harmed()


def virtual_raster(target: Target) -> Damage:
    """A file that leads GDAL to another one, of another date."""
    other = target.another_scene().layers[target.name].path
    with rasterio.open(other) as file:
        height, width, count = file.height, file.width, file.count
        place, wkt = ", ".join(map(str, file.transform.to_gdal())), file.crs.to_wkt()
        bands = "".join(
            f'<VRTRasterBand dataType="Int16" band="{band}"><SimpleSource><SourceFilename>{other}'
            f"</SourceFilename><SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
            for band in range(1, count + 1)
        )
    target.path.write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{wkt}</SRS>'
        f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
    )
    return target.harmed()


FAULTS = {
    "block never written": Fault(unwritten_block),
    "other reference system": Fault(other_crs),
    "no reference system": Fault(no_crs),
    "shifted": Fault(shifted),
    "rotated or mirrored": Fault(rotated),
    "other size": Fault(other_size),
    "other resolution": Fault(other_resolution),
    "gigantic header": Fault(gigantic),
    "wider type": Fault(wider_type, harmless=True),
    "complex numbers": Fault(complex_numbers),
    "no-data value of its own": Fault(own_nodata, harmless=True),
    "values not finite": Fault(not_finite, masks=False),
    "other pixels": Fault(other_pixels, hides=True),
    "swapped masks": Fault(of_another_date, hides=True, masks=True),
    "swapped bands": Fault(of_another_date, hides=True, masks=False),
    "missing band": Fault(fewer_bands, masks=False),
    "picture as file": Fault(picture),
    "virtual raster as file": Fault(virtual_raster),
}
