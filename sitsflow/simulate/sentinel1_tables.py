"""The calibration and the thermal noise of a ground range image, as files of a product."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate.metadata import add, save
from sitsflow.simulate.sentinel1_image import LINE_S, Image
from sitsflow.simulate.sentinel1_metadata import Product, add_header, words

Floats = NDArray[np.float64]

BETA = 473.9733
"""Of the calibration: beta nought is the square of number over this."""
_LUT_STEP, _LUT_LINES, _NOISE_LINES = 40, 668, 10


def _steps(size: int, step: int) -> Floats:
    """Every `step`-th pixel, and the last one."""
    return np.unique(np.append(np.arange(0, size, step), size - 1)).astype(np.float64)


def gamma_table(product: Product, samples: Floats) -> Floats:
    """Return the calibration of samples: gamma nought is (number / this) squared."""
    table: Floats = BETA / np.sqrt(np.tan(np.radians(product.near_angle(samples))))
    return table


def write_calibration(path: Path, product: Product, polarisation: str) -> None:
    """Write the calibration of an image."""
    root, image = Xml.Element("calibration"), product.image
    add_header(root, product, polarisation)
    add(add(root, "calibrationInformation"), "absoluteCalibrationConstant", "1.000000e+00")
    pixels = _steps(image.samples, _LUT_STEP)
    angles = np.radians(product.near_angle(pixels))
    lines = np.arange(0, image.lines + _LUT_LINES, _LUT_LINES)
    listed = add(root, "calibrationVectorList", count=str(len(lines)))
    count = str(len(pixels))
    for line in lines:
        vector = add(listed, "calibrationVector")
        add(vector, "azimuthTime", product.moment(image.first + LINE_S * line))
        add(vector, "line", int(line))
        add(vector, "pixel", words(pixels, ".0f"), count=count)
        for tag, values in (
            ("sigmaNought", BETA / np.sqrt(np.sin(angles))),
            ("betaNought", np.full_like(pixels, BETA)),
            ("gamma", gamma_table(product, pixels)),
            ("dn", np.full_like(pixels, 401.5858)),
        ):
            add(vector, tag, words(values), count=count)

    save(root, path)


def noise_tables(image: Image, samples: Floats, lines: Floats) -> tuple[Floats, Floats]:
    """Return the thermal noise in squared numbers along range, and its factor along azimuth.

    As real ones: it falls from the edges of the swath to its middle, and scallops by a tenth.
    """
    aside = 2 * np.asarray(samples) / max(1, image.samples - 1) - 1
    scallop = 1 + 0.1 * np.cos(2 * np.pi * np.asarray(lines) / 400)
    return 600.0 + 500.0 * aside**2, scallop


def write_noise(path: Path, product: Product, polarisation: str) -> None:
    """Write the thermal noise of an image, in the form since 2018."""
    root, image = Xml.Element("noise"), product.image
    add_header(root, product, polarisation)
    pixels, lines = _steps(image.samples, _LUT_STEP), _steps(image.lines, _NOISE_LINES)
    along, across = noise_tables(image, pixels, lines)
    starts = np.arange(0, image.lines + _LUT_LINES, _LUT_LINES)
    listed = add(root, "noiseRangeVectorList", count=str(len(starts)))
    for line in starts:
        vector = add(listed, "noiseRangeVector")
        add(vector, "azimuthTime", product.moment(image.first + LINE_S * line))
        add(vector, "line", int(line))
        add(vector, "pixel", words(pixels, ".0f"), count=str(len(pixels)))
        add(vector, "noiseRangeLut", words(along), count=str(len(pixels)))
    vector = add(add(root, "noiseAzimuthVectorList", count="1"), "noiseAzimuthVector")
    add(vector, "swath", "IW2")
    add(vector, "firstAzimuthLine", 0)
    add(vector, "firstRangeSample", 0)
    add(vector, "lastAzimuthLine", image.lines - 1)
    add(vector, "lastRangeSample", image.samples - 1)
    add(vector, "line", words(lines, ".0f"), count=str(len(lines)))
    add(vector, "noiseAzimuthLut", words(across), count=str(len(lines)))
    save(root, path)
