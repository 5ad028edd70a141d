"""Products on disk: finding them by name, checking that they are whole."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from sitsflow.dates import to_day
from sitsflow.errors import MissingInputError, ProductError
from sitsflow.products.sensors.model import Sensor

log = logging.getLogger(__name__)


class Layer(BaseModel):
    """One raster band of one file."""

    # JSON has no NaN, which may stand for no data: as null it would not be read again.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    path: Path
    index: int = Field(default=1, description="band number in the file, from 1")
    nodata: float | None = Field(
        default=None, description="value that stands for none; None: all do stand for something"
    )
    drivers: tuple[str, ...] = Field(
        default=(), description="drivers of GDAL that may open the file; none: all of them"
    )


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


def find_scenes(sensor: Sensor, root: Path, tile: str) -> FoundScenes:
    """Find a tile's products below ``root/tile`` by their names.

    Files and folders that do not look like the sensor's products are passed over.

    Raises
    ------
    MissingInputError
        If the folder is missing, may not be listed, or holds no product of the sensor.
    """
    folder = root / tile
    if not folder.is_dir():
        raise MissingInputError(
            f"{folder}: no such folder. {sensor.path_key} must hold one folder a tile"
        )
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise MissingInputError(f"{folder}: cannot be listed ({error.strerror})") from None
    pattern = re.compile(sensor.product)
    scenes, broken, others = [], [], []
    for entry in entries:
        match = pattern.match(entry.name)
        if match is None:
            others.append(entry.name)
            continue
        try:
            _refuse_no_folder(entry)
            scenes.append(_scene(sensor, entry, match, tile))
        except (ProductError, OSError) as error:
            broken.append(Skipped(tile=tile, sensor=sensor.label, product=entry, reason=str(error)))
    if others:
        log.debug("%s: passed over %s", folder, ", ".join(others))
    if not scenes and not broken:
        seen = f"it holds {', '.join(others[:3])}" if others else "it is empty"
        raise MissingInputError(
            f"{folder}: no {sensor.name} product ({seen}); folders must be named like "
            f"{sensor.product}"
        )
    return FoundScenes(sorted(scenes, key=lambda scene: (scene.day, scene.product.name)), broken)


def _refuse_no_folder(product: Path) -> None:
    """Refuse a file, or a link to no folder: its date would be lost without a word."""
    if product.is_dir():
        return
    if product.is_symlink():
        raise ProductError(
            f"{product}: a symbolic link to {product.readlink()}, which is no folder that can be "
            "reached"
        )
    raise ProductError(f"{product}: a file, but a product is a folder; unpack it again")


def _scene(sensor: Sensor, product: Path, match: re.Match[str], tile: str) -> Scene:
    named = match.group("tile")
    if named != tile:
        raise ProductError(f"{product}: a product of tile {named} in the folder of tile {tile}")
    try:
        when = datetime.strptime(match.group("date"), sensor.date_format)
    except ValueError:
        raise ProductError(f"{product}: {match.group('date')} is not a date") from None
    files = {path.relative_to(product).as_posix(): path for path in _files(product)}
    faults: list[str] = []
    bands = {
        band.name: Layer(
            path=_only(files, band.file, product, faults),
            index=band.index,
            nodata=sensor.nodata,
            drivers=sensor.drivers,
        )
        for band in sensor.bands
    }
    masks = {
        mask.name: Layer(path=_only(files, mask.file, product, faults), drivers=sensor.drivers)
        for mask in sensor.masks
    }
    if faults:
        raise ProductError(f"{product}: {'; '.join(dict.fromkeys(faults))}")
    return Scene(product=product, day=to_day(when.date()), bands=bands, masks=masks)


def _files(product: Path) -> Iterator[Path]:
    """Yield a product's files, through links too; hidden ones are systems' leftovers."""

    def refuse(error: OSError) -> None:
        raise ProductError(f"{error.filename}: cannot be listed ({error.strerror})")

    seen = set()
    for folder, below, names in os.walk(product, onerror=refuse, followlinks=True):
        seen.add(os.path.realpath(folder))
        # A link to a folder above would be followed forever.
        below[:] = [name for name in below if os.path.realpath(Path(folder, name)) not in seen]
        files = (Path(folder, name) for name in names if not name.startswith("."))
        yield from (path for path in files if path.is_file())


def _only(files: dict[str, Path], pattern: str, product: Path, faults: list[str]) -> Path:
    """Return the one file that matches; THEIA's archives differ in the case of endings."""
    found = [path for name, path in files.items() if fnmatchcase(name.lower(), pattern.lower())]
    if len(found) != 1:
        names = ", ".join(sorted(path.name for path in found))
        faults.append(f"{len(found)} files are called {pattern} ({names})" if found else
                      f"no file is called {pattern}")  # fmt: skip
        return product / pattern
    if found[0].stat().st_size == 0:
        faults.append(f"{found[0].relative_to(product)} is empty")
    return found[0]


def refuse_broken(broken: Sequence[Skipped]) -> None:
    """Raise one error that names every broken product."""
    if not broken:
        return
    lines = [f"  {one.reason}" for one in broken]
    count = "1 product is" if len(broken) == 1 else f"{len(broken)} products are"
    remedy = "complete them, or set chain.skip_broken_products: True to go on without them"
    raise ProductError("\n".join([f"{count} broken; {remedy}:", *lines]))
