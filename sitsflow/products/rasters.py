"""Rasters of the user without dates (iota2's userFeat): found by parts of their names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sitsflow.errors import MissingInputError, ProductError
from sitsflow.products.sensors.model import Band, Sensor

NAME, LABEL, PATH_KEY = "userFeat", "userFeatures", "user_feat_path"
"""Section, label in file names, and key of section `chain`."""

_BESIDE = (".xml", ".txt", ".md", ".json", ".jpg", ".png", ".ovr", ".hdr", ".prj", ".tfw", ".csv")
"""Endings of files that lie beside rasters."""


def find_folder(root: Path, tile: str) -> Path:
    """Return the folder of a tile: that of its name, or else the first whose name contains it.

    Raises
    ------
    MissingInputError
        If there is none.
    """
    if (root / tile).is_dir():
        return root / tile
    try:
        folders = [entry for entry in sorted(root.iterdir()) if entry.is_dir()]
    except OSError as error:
        raise MissingInputError(f"{root}: cannot be listed ({error.strerror})") from None
    for folder in folders:
        if tile in folder.name:
            return folder
    raise MissingInputError(
        f"{root}: no folder's name contains {tile}. {PATH_KEY} must hold one folder a tile"
    )


def find_rasters(root: Path, tile: str, patterns: Sequence[str]) -> dict[str, Path]:
    """Find the file of each pattern: the one below the tile's folder whose name contains it.

    Raises
    ------
    MissingInputError
        If the tile has no folder.
    ProductError
        If a pattern is in the name of no file, or of several.
    """
    folder = find_folder(root, tile)
    files = sorted(
        Path(where, name)
        for where, _, names in os.walk(folder, followlinks=True)
        for name in names
        if not name.startswith(".") and not name.lower().endswith(_BESIDE)
    )
    found, faults = {}, []
    for pattern in patterns:
        its = [path for path in files if pattern in path.name]
        if len(its) == 1:
            found[pattern] = its[0]
        elif its:
            names = ", ".join(path.name for path in its[:4])
            faults.append(
                f"{folder}: {len(its)} files have {pattern!r} in their names ({names}): write a "
                "longer pattern in userFeat.patterns"
            )
        else:
            faults.append(f"{folder}: no raster has {pattern!r} of userFeat.patterns in its name")
    if faults:
        raise ProductError("\n".join(faults))
    return found


def raster_sensor(bands: Sequence[tuple[str, int, float]]) -> Sensor:
    """Describe the rasters as a sensor without dates and masks.

    Parameters
    ----------
    bands : sequence of (str, int, float)
        Pattern, number of bands and pixel size of each raster, in the order of the patterns.
    """
    return Sensor(
        name=NAME,
        label=LABEL,
        platform="User rasters",
        source="the user's own",
        path_key=PATH_KEY,
        temporal_resolution=1,
        dated=False,
        product="(?P<date>)",
        date_format="%Y%m%d",
        quantification=1,
        nodata=float("nan"),
        bands=tuple(
            Band(name=f"{word}_band_{k}", file=pattern, group=word, index=k + 1, resolution=size)
            for pattern, count, size in bands
            for word in [as_word(pattern)]
            for k in range(count)
        ),
    )


def as_word(pattern: str) -> str:
    """Return a pattern as a part of names that Python takes, e.g. of an accessor."""
    return re.sub(r"\W", "_", pattern)
