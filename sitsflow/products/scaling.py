"""What the numbers of a product mean, as its metadata say."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from sitsflow.errors import ProductError
from sitsflow.products.files import ProductFiles
from sitsflow.products.sensors.model import Band, Sensor


class Scaling(NamedTuple):
    """A band's values in a sensor's unit: ``number in the file x scale + offset``."""

    scale: float = 1.0
    offset: float = 0.0


def band_scalings(sensor: Sensor, files: ProductFiles) -> dict[str, Scaling]:
    """Return the scaling of each band of a product.

    Without metadata it is that of the sensor's description. A product's own quantification Q and
    offset O make values of ``(number + O) x q / Q``, where q is the sensor's quantification, so
    that all products of a series count alike (for Sentinel-2: Products Specification Document,
    ``BOA_QUANTIFICATION_VALUE`` and ``BOA_ADD_OFFSET`` of processing baseline 04.00 and later).
    A band's own scale and constant win over those of the description (for Landsat 8 and 9:
    ``RADIANCE_MULT_BAND_10`` and ``RADIANCE_ADD_BAND_10``).

    Raises
    ------
    ProductError
        If the metadata are missing though required, no XML, or hold no number where one is meant.
    """
    root = _metadata(sensor, files)
    if root is None or sensor.metadata is None:
        return {band.name: Scaling(band.scale, band.offset) for band in sensor.bands}
    about, found = sensor.metadata, {}
    unit = _number(root, about.quantification, files)
    if unit is not None and not unit > 0:
        raise ProductError(f"{files.product}: {about.file}: quantification of {unit:g}")
    factor = sensor.quantification / unit if unit else 1.0
    for band in sensor.bands:
        scale = _given(root, _path_of(band, about.scale), files, band.scale * factor)
        constant = _given(root, _path_of(band, about.constant), files, band.offset)
        added = _number(root, _path_of(band, about.offset), files) or 0.0
        found[band.name] = Scaling(scale, constant + added * scale)
    return found


def _given(root: Any, path: str | None, files: ProductFiles, default: float) -> float:
    """Return the number at a path, which must be there; `default` where no path is described."""
    number = _number(root, path, files)
    if path is not None and number is None:
        raise ProductError(f"{files.product}: its metadata have no {path}")
    return default if number is None else number


def _path_of(band: Band, path: str | None) -> str | None:
    return None if path is None else path.replace("{id}", band.id or band.name)


def _metadata(sensor: Sensor, files: ProductFiles) -> Any:
    if sensor.metadata is None:
        return None
    text = files.text(sensor.metadata.file)
    if text is None:
        if sensor.metadata.required:
            raise ProductError(
                f"{files.product}: no file is called {sensor.metadata.file}; without it nobody "
                "knows what its numbers mean"
            )
        return None
    try:
        root: Any = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ProductError(f"{files.product}: {sensor.metadata.file}: not XML ({reason})") from None
    return root


def _number(root: Any, path: str | None, files: ProductFiles) -> float | None:
    """Return the number of the first element at a path; None if there is none."""
    text: str | None = None if path is None else root.findtext(path)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ProductError(f"{files.product}: its metadata have {text[:40]!r} for {path}")
    return number
