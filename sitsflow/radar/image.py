"""One image of Sentinel-1, ready to be placed on a map: its geometry and its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from sitsflow.errors import ProductError
from sitsflow.io.archives import file_on_disk
from sitsflow.radar.annotation import read_annotation
from sitsflow.radar.channel import Channel, read_channel
from sitsflow.radar.geocoding import ImageGeometry, image_geometry
from sitsflow.radar.orbit_files import (
    OrbitFile,
    choose_orbit_file,
    find_orbit_files,
    seen_from,
)
from sitsflow.radar.safe import Sentinel1Product
from sitsflow.radar_settings import Backscatter, Polarisation, RadarSettings


@dataclass(frozen=True)
class Image:
    """One product's image.

    Attributes
    ----------
    geometry : ImageGeometry
        The same for all polarisations.
    channels : dict of str to Channel
        By polarisation, such as ``vv``.
    border : Channel
        The co-polarised one as gamma nought, by which the border is found.
    """

    geometry: ImageGeometry
    channels: dict[Polarisation, Channel]
    border: Channel


def open_image(
    product: Sentinel1Product, settings: RadarSettings, polarisations: Sequence[Polarisation]
) -> Image:
    """Read the annotation of an image, or return it as it was read before.

    Raises
    ------
    ProductError
        If the annotation cannot be read, or is not whole, or says another size than the image has.
    """
    names = co_polarised_first(product, polarisations)
    quantity: Backscatter = "beta0" if settings.terrain_flattening else settings.calibration
    files = [path for name in names for path in product.channels[name].paths]
    orbits = None if settings.orbit_files is None else orbit_file_of(product, settings.orbit_files)
    try:
        changed = tuple(
            file_on_disk(path).stat().st_mtime_ns
            for path in (*files, *([] if orbits is None else [orbits.path]))
        )
    except OSError as error:
        raise ProductError(f"{product.product}: cannot be read ({error.strerror})") from None
    return _opened(_Wanted(product, names, quantity, orbits, changed))


def co_polarised_first(
    product: Sentinel1Product, polarisations: Sequence[Polarisation]
) -> tuple[Polarisation, ...]:
    """Return what is read of a product for some polarisations: its co-polarised one too."""
    first = next(name for name in product.channels if name in ("vv", "hh"))
    return (first, *(name for name in polarisations if name != first))


def orbit_file_of(product: Sentinel1Product, folder: Path) -> OrbitFile:
    """Return the best orbit file of a product.

    Raises
    ------
    ProductError
        If none of the folder covers it.
    """
    files = find_orbit_files(folder)
    first, last = (np.datetime64(time, "us") for time in (product.start, product.stop))
    found = choose_orbit_file(files, product.mission, first, last)
    if found is None:
        raise ProductError(
            f"{product.product}: none of the {len(files)} orbit file(s) in {folder} is of "
            f"{product.mission} and covers {first} to {last}: add its file, or leave "
            "Sentinel_1.orbit_files out to use the orbit of the product"
        )
    return found


@dataclass(frozen=True)
class _Wanted:
    """An image, and when its files changed. Equal ones need be read once only."""

    product: Sentinel1Product
    names: tuple[Polarisation, ...]
    quantity: Backscatter
    orbits: OrbitFile | None
    changed: tuple[int, ...]

    def __hash__(self) -> int:
        return hash((self.product.product, self.names, self.quantity, self.orbits, self.changed))


# A worker goes through all dates of a tile again for each chunk: half a megabyte each.
@lru_cache(maxsize=256)
def _opened(wanted: _Wanted) -> Image:
    product, names = wanted.product, wanted.names
    channels = {name: read_channel(product, name, wanted.quantity) for name in names}
    path = product.channels[names[0]].annotation
    annotation = read_annotation(product.product, path)
    if wanted.orbits is not None:
        annotation = seen_from(annotation, wanted.orbits.path)
    geometry = image_geometry(annotation)
    for channel in channels.values():
        if channel.shape != geometry.shape:
            (lines, samples), told = channel.shape, geometry.shape
            raise ProductError(
                f"{channel.measurement}: {lines} x {samples} pixels, but its annotation tells of "
                f"{told[0]} x {told[1]}"
            )
    border = channels[names[0]]
    if wanted.quantity != "gamma0":
        border = read_channel(product, names[0], "gamma0")
    return Image(geometry=geometry, channels=channels, border=border)
