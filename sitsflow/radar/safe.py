"""Sentinel-1 products on disk: finding SAFE folders and archives, and the files in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from shapely import MultiPolygon, Polygon

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.products.files import ProductFiles, is_archive, product_name
from sitsflow.radar.manifest import Pass, footprint, read_manifest
from sitsflow.radar.product_name import (
    Mission,
    ProductName,
    is_product_name,
    looks_like_product,
    parse_product_name,
    relative_orbit,
)
from sitsflow.radar_settings import Orbit, Polarisation

MEASUREMENT_DRIVERS = ("GTiff",)
"""The drivers of GDAL that open measurements, Cloud Optimized ones too."""

_DEEPEST = 3
"""Folders below the root that are looked into: some downloads make one a product."""


class ChannelFiles(BaseModel):
    """The files of one polarisation. In an archive their paths go on below the archive's own."""

    model_config = ConfigDict(frozen=True)

    measurement: Path = Field(description="amplitude DN, uint16, range geometry; 0 is no data")
    annotation: Path
    calibration: Path
    noise: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """All four."""
        return self.measurement, self.annotation, self.calibration, self.noise


class Sentinel1Product(BaseModel):
    """One IW GRDH product: a slice of a data take, about 250 km wide and 170 km long."""

    model_config = ConfigDict(frozen=True)

    product: Path = Field(description="the SAFE folder, or its archive")
    mission: Mission
    start: datetime = Field(description="UTC")
    stop: datetime = Field(description="UTC")
    absolute_orbit: int
    relative_orbit: int = Field(description="from 1 to 175; the manifest's, or the formula's")
    data_take: str
    orbit_pass: Pass
    ipf_version: tuple[int, int] = Field(description="002.91 is (2, 91)")
    corners: tuple[tuple[float, float], ...] = Field(
        description="longitude, latitude in degrees (EPSG:4326)"
    )
    channels: dict[Polarisation, ChannelFiles]

    @property
    def footprint(self) -> Polygon | MultiPolygon:
        """The ground that the product covers, longitude and latitude in degrees."""
        return footprint(self.corners)

    @property
    def orbit(self) -> Orbit:
        """Its pass as labels of series have it."""
        return "asc" if self.orbit_pass == "ASCENDING" else "des"


class BrokenProduct(NamedTuple):
    """A product that cannot be used, and why."""

    product: Path
    reason: str


class FoundProducts(NamedTuple):
    """What a folder holds: whole products in the order of their times, and broken ones."""

    products: list[Sentinel1Product]
    broken: list[BrokenProduct]
    notices: tuple[str, ...]
    """What was passed over."""


def find_products(root: Path, polarisations: Sequence[Polarisation] | None = None) -> FoundProducts:
    """Find IW GRDH products below a folder, as SAFE folders or zip archives.

    Of several products of one acquisition that of the newest processor counts. Other products of
    Sentinel-1 are passed over and named.

    Parameters
    ----------
    root : Path
        Folder that holds products, or folders of them.
    polarisations : sequence of str, optional
        Those that each product must have; None: all that its name tells.

    Raises
    ------
    MissingInputError
        If the folder is missing, may not be listed, or holds no product.
    """
    entries, others = _entries(root)
    if not entries:
        seen = f"; it has {', '.join(path.name for path in others[:3])}" if others else ""
        raise MissingInputError(
            f"{root}: no Sentinel-1 IW GRDH product{seen}; products are folders called "
            "S1A_IW_GRDH_1SDV_....SAFE, or zip archives of them"
        )
    products, broken = [], []
    for entry in entries:
        try:
            products.append(read_product(entry, polarisations))
        except ProductError as error:
            broken.append(BrokenProduct(entry, str(error)))
    kept, notices = _newest(products)
    if others:
        names = ", ".join(path.name for path in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        notices.append(f"{root}: passed over {names}{more}, no IW GRDH product in a folder or .zip")
    in_time = sorted(kept, key=lambda one: (one.start, one.product.name))
    return FoundProducts(in_time, broken, tuple(notices))


def read_product(
    product: Path, polarisations: Sequence[Polarisation] | None = None
) -> Sentinel1Product:
    """Read names and manifest of a product. No raster is opened.

    Parameters
    ----------
    product : Path
        The SAFE folder, or a zip archive of it.
    polarisations : sequence of str, optional
        Those that the product must have; None: all that its name tells.

    Raises
    ------
    ProductError
        With everything that is missing: the manifest, a polarisation, or for one of them its
        measurement, annotation, calibration or noise.
    """
    name = parse_product_name(product)
    files = ProductFiles(product)
    faults: list[str] = []
    manifest_path = files.only("manifest.safe", faults)
    channels = _channels(files, name, polarisations, faults)
    if faults:
        raise ProductError(f"{product}: {'; '.join(faults)}")
    manifest = read_manifest(product, manifest_path)
    return Sentinel1Product(
        product=product,
        mission=name.mission,
        start=manifest.start,
        stop=manifest.stop,
        absolute_orbit=name.absolute_orbit,
        relative_orbit=manifest.relative_orbit or relative_orbit(name.mission, name.absolute_orbit),
        data_take=name.data_take,
        orbit_pass=manifest.orbit_pass,
        ipf_version=manifest.ipf_version,
        corners=manifest.corners,
        channels=channels,
    )


def _channels(
    files: ProductFiles,
    name: ProductName,
    wanted: Sequence[Polarisation] | None,
    faults: list[str],
) -> dict[Polarisation, ChannelFiles]:
    found = {}
    for polarisation in name.polarisations if wanted is None else wanted:
        if polarisation not in name.polarisations:
            has = " and ".join(name.polarisations)
            faults.append(f"it has no polarisation {polarisation}, but {has}")
            continue
        # The number of the image (001) is followed by -cog in Cloud Optimized products.
        image = f"s1[a-d]-iw-grd-{polarisation}-*"
        found[polarisation] = ChannelFiles(
            measurement=files.only(f"measurement/{image}.tiff", faults),
            annotation=files.only(f"annotation/{image}.xml", faults),
            calibration=files.only(f"annotation/calibration/calibration-{image}.xml", faults),
            noise=files.only(f"annotation/calibration/noise-{image}.xml", faults),
        )
    return found


def _entries(root: Path) -> tuple[list[Path], list[Path]]:
    """Return what is named like a product, and what may be meant as one."""
    if not root.is_dir():
        raise MissingInputError(f"{root}: no such folder")
    products, others = [], []
    try:
        for path in _below(root, 1):
            if is_product_name(product_name(path)) and (path.is_dir() or is_archive(path)):
                products.append(path)
            elif looks_like_product(path.name):
                others.append(path)
    except OSError as error:
        raise MissingInputError(f"{error.filename}: cannot be listed ({error.strerror})") from None
    return products, others


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Yield what a folder holds, except within SAFE folders, and folders only around products."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue  # leftovers of systems and of downloads that broke off
        is_safe = path.suffix.upper() == ".SAFE" or (path / "manifest.safe").is_file()
        if path.is_dir() and not is_safe and depth < _DEEPEST:
            inside = list(_below(path, depth + 1))
            yield from inside
            if any(is_product_name(product_name(one)) for one in inside):
                continue
        yield path


def _newest(products: Sequence[Sentinel1Product]) -> tuple[list[Sentinel1Product], list[str]]:
    """Keep the product of the newest processor of each acquisition; a folder wins over a zip."""
    kept: list[Sentinel1Product] = []
    notices = []
    for one in sorted(products, key=_rank, reverse=True):
        better = next((other for other in kept if _same_acquisition(one, other)), None)
        if better is None:
            kept.append(one)
        else:
            notices.append(
                f"{one.product.name} is left out, since {better.product.name} is of the same "
                "acquisition"
            )
    return kept, notices


def _same_acquisition(one: Sentinel1Product, other: Sentinel1Product) -> bool:
    """Whether two products hold the same lines; neighbouring slices share a few at most.

    A product that is processed again may begin a moment earlier or later.
    """
    if (one.mission, one.absolute_orbit) != (other.mission, other.absolute_orbit):
        return False
    shared = min(one.stop, other.stop) - max(one.start, other.start)
    return shared > min(one.stop - one.start, other.stop - other.start) / 2


def _rank(product: Sentinel1Product) -> tuple[tuple[int, int], bool, str]:
    return product.ipf_version, not is_archive(product.product), product.product.name
