"""Products on disk: finding them by name, checking that they are whole."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from sitsflow.dates import to_day
from sitsflow.errors import MissingInputError, ProductError
from sitsflow.products.files import ProductFiles, is_archive, product_name
from sitsflow.products.scaling import band_scalings
from sitsflow.products.sensors.model import Sensor

log = logging.getLogger(__name__)

_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar")
_NO_PRODUCTS = (".tgz", ".jpg", ".jpeg", ".png", ".xml", ".gz", ".tar", ".md5", ".part", ".tmp")
"""Endings of files that archives and downloads leave beside products."""
_PICTURES = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg")}
"""Endings that are no quicklooks where a sensor's files are pictures, by the driver of GDAL."""


class Layer(BaseModel):
    """One raster band of one file."""

    # JSON has no NaN, which may stand for no data: as null it would not be read again.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    path: Path = Field(description="in a zip archive it goes on below the archive's own path")
    index: int = Field(default=1, description="band number in the file, from 1")
    nodata: float | None = Field(
        default=None, description="value that stands for none; None: all do stand for something"
    )
    drivers: tuple[str, ...] = Field(
        default=(), description="drivers of GDAL that may open the file; none: all of them"
    )
    scale: float = Field(default=1.0, description="value = number in the file x scale + offset")
    offset: float = 0.0

    @property
    def is_scaled(self) -> bool:
        """Whether the numbers in the file are not the values themselves."""
        return (self.scale, self.offset) != (1.0, 0.0)


class Scene(BaseModel):
    """One product: a sensor's look at a tile on a day. Layers are keyed by band or mask name."""

    model_config = ConfigDict(frozen=True)

    product: Path
    day: int = Field(description="days since 1970-01-01")
    bands: dict[str, Layer]
    masks: dict[str, Layer]

    @property
    def layers(self) -> dict[str, Layer]:
        """Bands and masks by name."""
        return {**self.bands, **self.masks}


class Skipped(BaseModel):
    """A product left out because it is broken."""

    model_config = ConfigDict(frozen=True)

    tile: str
    sensor: str
    product: Path
    reason: str


class FoundScenes(NamedTuple):
    """What a folder holds: whole products, sorted by day and name, and broken ones."""

    scenes: list[Scene]
    broken: list[Skipped]
    notices: tuple[str, ...] = ()
    """What was passed over, or taken though its name speaks against it."""


class _Named(NamedTuple):
    """An entry of a folder that is named like a product, and what its name says."""

    entry: Path
    said: Mapping[str, str | None]

    @property
    def acquisition(self) -> tuple[str | None, ...]:
        """What products of one acquisition share; their name where they say nothing of it."""
        said = self.said
        return (said.get("acquisition") or product_name(self.entry), said.get("tile"))

    @property
    def version(self) -> tuple[tuple[int, str], ...]:
        """The version, to compare it: numbers in it as numbers. A folder wins over its archive."""
        parts = re.findall(r"\d+|\D+", self.said.get("version") or "")
        whole = (0 if is_archive(self.entry) else 1, "")
        return (*((int(part), "") if part.isdecimal() else (-1, part) for part in parts), whole)


def find_scenes(sensor: Sensor, root: Path, tile: str) -> FoundScenes:
    """Find a tile's products below ``root/tile`` by their names.

    The folder's name is the tile, whatever tile the products' names tell. Entries that do not look
    like the sensor's products are passed over; those of them that have a date are named.

    Raises
    ------
    MissingInputError
        If the folder is missing, may not be listed, or holds no product of the sensor.
    """
    folder = root / tile
    entries = _entries(folder, sensor)
    named, others = _by_name(sensor, entries)
    kept, notices = _newest(named, sensor, tile)
    notices += [*_other_tiles(kept, sensor, tile), *_passed_over(others, sensor, tile)]
    scenes, broken = [], []
    for one in kept:
        try:
            scenes.append(_scene(sensor, one))
        except (ProductError, OSError) as error:
            reason = str(error)
            broken.append(Skipped(tile=tile, sensor=sensor.label, product=one.entry, reason=reason))
    if not scenes and not broken:
        names = [entry.name for entry in others]
        seen = f"it holds {', '.join(names[:3])}" if names else "it is empty"
        raise MissingInputError(
            f"{folder}: no {sensor.name} product ({seen}); products must be named like "
            f"{sensor.product}"
        )
    in_time = sorted(scenes, key=lambda scene: (scene.day, scene.product.name))
    return FoundScenes(in_time, broken, tuple(notices))


def _entries(folder: Path, sensor: Sensor) -> list[Path]:
    if not folder.is_dir():
        raise MissingInputError(
            f"{folder}: no such folder. {sensor.path_key} must hold one folder a tile"
        )
    try:
        # Hidden ones are leftovers of systems and of downloads that broke off.
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise MissingInputError(f"{folder}: cannot be listed ({error.strerror})") from None


def _by_name(sensor: Sensor, entries: Sequence[Path]) -> tuple[list[_Named], list[Path]]:
    """Part the entries into those named like products of the sensor, and others."""
    pattern = re.compile(sensor.product)
    beside = set(_NO_PRODUCTS)
    if sensor.single_file:
        # Patterns may take their side files too, x.tif.aux.xml for one.
        beside.add(".zip")
        beside.difference_update(*(_PICTURES.get(driver, ()) for driver in sensor.drivers))
    named, others = [], []
    for entry in entries:
        match = pattern.match(entry.name if sensor.single_file else product_name(entry))
        if match is None or entry.suffix.lower() in beside:
            others.append(entry)
        else:
            named.append(_Named(entry, match.groupdict()))
    return named, others


def _newest(named: list[_Named], sensor: Sensor, tile: str) -> tuple[list[_Named], list[str]]:
    """Keep the newest version of each acquisition, and say which ones are left out."""
    best: dict[tuple[str | None, ...], _Named] = {}
    for one in named:
        other = best.get(one.acquisition)
        if other is None or one.version > other.version:
            best[one.acquisition] = one
    left_out = [(one, best[one.acquisition]) for one in named if best[one.acquisition] is not one]
    notices = []
    if left_out:
        old, new = left_out[0]
        more = f", and {len(left_out) - 1} more pairs" if len(left_out) > 1 else ""
        notices.append(
            f"tile {tile}: {old.entry.name} of {sensor.label} is left out, since {new.entry.name} "
            f"is of the same acquisition{more}"
        )
    return list(best.values()), notices


def _other_tiles(kept: Sequence[_Named], sensor: Sensor, tile: str) -> list[str]:
    names = [one.said.get("tile") for one in kept]
    others = sorted({name for name in names if name and name not in tile})
    if not others:
        return []
    return [
        f"tile {tile}: the names of {sensor.label} products in it tell of tile "
        f"{', '.join(others[:3])}; the folder's name counts"
    ]


def _passed_over(others: Sequence[Path], sensor: Sensor, tile: str) -> list[str]:
    """Name what may be meant as a product: a folder or an archive whose name has a date."""
    dated = [one.name for one in others if _may_be_product(one)]
    if not dated:
        return []
    log.debug("tile %s, %s: passed over %s", tile, sensor.label, ", ".join(dated))
    more = f" and {len(dated) - 3} more" if len(dated) > 3 else ""
    return [
        f"tile {tile}: passed over {', '.join(dated[:3])}{more}, with a date, but not named like "
        f"a product of {sensor.name} ({sensor.product}) or packed in another way than as .zip"
    ]


def _may_be_product(entry: Path) -> bool:
    if not (entry.is_dir() or entry.name.lower().endswith(_ARCHIVES)):
        return False
    for digits in re.findall(r"(?<!\d)\d{8}(?!\d)", entry.name.replace("T", " ")):
        try:
            datetime.strptime(digits, "%Y%m%d")
        except ValueError:
            continue
        return True
    return False


def _scene(sensor: Sensor, named: _Named) -> Scene:
    product, written = named.entry, named.said["date"] or ""
    try:
        when = datetime.strptime(written, sensor.date_format)
    except ValueError:
        raise ProductError(f"{product}: {written} is not a date as {sensor.date_format}") from None
    files = ProductFiles(product, named.said if sensor.single_file else None)
    faults: list[str] = []
    paths = {band.name: files.only(band.file, faults) for band in sensor.bands}
    masks = {
        mask.name: Layer(
            path=files.only(mask.file, faults), index=mask.index, drivers=sensor.drivers
        )
        for mask in sensor.masks
    }
    if faults:
        raise ProductError(f"{product}: {'; '.join(dict.fromkeys(faults))}")
    scalings = band_scalings(sensor, files)
    bands = {
        band.name: Layer(
            path=paths[band.name],
            index=band.index,
            nodata=sensor.nodata,
            drivers=sensor.drivers,
            scale=scalings[band.name].scale,
            offset=scalings[band.name].offset,
        )
        for band in sensor.bands
    }
    return Scene(product=product, day=to_day(when.date()), bands=bands, masks=masks)


def refuse_broken(broken: Sequence[Skipped]) -> None:
    """Raise one error that names every broken product."""
    if not broken:
        return
    lines = list(dict.fromkeys(f"  {one.reason}" for one in broken))  # tiles may share products
    products = len({one.product for one in broken})
    count = "1 product is" if products == 1 else f"{products} products are"
    remedy = "complete them, or set chain.skip_broken_products: True to go on without them"
    raise ProductError("\n".join([f"{count} broken; {remedy}:", *lines]))
