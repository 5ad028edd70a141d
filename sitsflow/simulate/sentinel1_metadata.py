"""A ground range product: its names, and its annotation with the structure of a real one.

Elements that say how an image was processed, and not where or how bright it is, are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate.metadata import add, save
from sitsflow.simulate.sentinel1_image import LIGHT, LINE_S, SPACING_M, Image, incidences
from sitsflow.simulate.sentinel1_orbit import to_geographic

Floats = NDArray[np.float64]

_GRID_STEPS = 64  # pixels between points of the geolocation grid, at most
_RECORD_DELAY_S = 0.0891  # polynomials of real products are dated so much after their grid's rows


@dataclass(frozen=True)
class Product:
    """One product's image, and what its names say. `epoch` is the moment 0 s of the orbit."""

    image: Image
    epoch: np.datetime64
    satellite: str
    ascending: bool
    absolute_orbit: int
    relative_orbit: int
    datatake: int
    polarisations: tuple[str, ...]
    points: Floats
    """ECEF places of the geolocation grid, shape (row, col, 3), at `grid_axes`."""

    def moment(self, time: float) -> str:
        """Return a time of the orbit as metadata have it."""
        return str(self.epoch + np.timedelta64(round(time * 1e6), "us"))

    @property
    def start(self) -> str:
        """Time of the first line."""
        return self.moment(self.image.first)

    @property
    def stop(self) -> str:
        """Time of the last line."""
        return self.moment(self.image.first + LINE_S * (self.image.lines - 1))

    @property
    def name(self) -> str:
        """Name of the product's folder."""
        first, last = (_compact(text).upper() for text in (self.start, self.stop))
        orbit = f"{self.absolute_orbit:06d}_{self.datatake:06X}"
        kind = "1SDV" if len(self.polarisations) == 2 else "1SSV"
        name = f"{self.satellite}_IW_GRDH_{kind}_{first}_{last}_{orbit}"
        check = md5(f"{name} {self.start}".encode(), usedforsecurity=False).hexdigest()
        return f"{name}_{check[:4].upper()}.SAFE"

    def stem(self, polarisation: str) -> str:
        """Name of an image's files, without ending."""
        number = self.polarisations.index(polarisation) + 1
        first, last = _compact(self.start), _compact(self.stop)
        place = f"{self.absolute_orbit:06d}-{self.datatake:06x}-{number:03d}"
        mission, kind = self.satellite.lower(), polarisation.lower()
        return f"{mission}-iw-grd-{kind}-{first}-{last}-{place}"

    def near_angle(self, samples: Floats) -> Floats:
        """Incidence angles of samples of the middle line, degrees, as of the geolocation grid."""
        lines, pixels = grid_axes(self.image)
        row = len(lines) // 2
        angles = incidences(self.image, np.broadcast_to(lines[row], len(pixels)), self.points[row])
        fitted: Floats = np.polynomial.Polynomial.fit(pixels, angles, 2)(samples)
        return fitted


def _compact(text: str) -> str:
    return text[:19].replace("-", "").replace(":", "").lower()


def grid_axes(image: Image) -> tuple[Floats, Floats]:
    """Lines and pixels of the geolocation grid: the first and the last ones, and some between."""
    lines, pixels = (
        np.unique(np.linspace(0, size - 1, max(2, size // _GRID_STEPS + 2)).astype(int))
        for size in (image.lines, image.samples)
    )
    return lines.astype(np.float64), pixels.astype(np.float64)


def words(values: Floats, form: str = ".6e") -> str:
    """Write numbers side by side, as lists of metadata have them."""
    return " ".join(format(value, form) for value in values)


def add_header(root: Xml.Element, product: Product, polarisation: str) -> None:
    """Add what all files of an image begin with."""
    header = add(root, "adsHeader")
    for tag, value in (
        ("missionId", product.satellite),
        ("productType", "GRD"),
        ("polarisation", polarisation),
        ("mode", "IW"),
        ("swath", "IW"),
        ("startTime", product.start),
        ("stopTime", product.stop),
        ("absoluteOrbitNumber", product.absolute_orbit),
        ("missionDataTakeId", product.datatake),
        ("imageNumber", f"{product.polarisations.index(polarisation) + 1:03d}"),
    ):
        add(header, tag, value)


def write_annotation(path: Path, product: Product, polarisation: str) -> None:
    """Write the annotation of an image."""
    root, image = Xml.Element("product"), product.image
    add_header(root, product, polarisation)
    general = add(root, "generalAnnotation")
    about = add(general, "productInformation")
    add(about, "pass", "Ascending" if product.ascending else "Descending")
    add(about, "timelinessCategory", "Fast-24h")
    add(about, "projection", "Ground Range")
    add(about, "rangeSamplingRate", "6.434523812571428e+07")
    add(about, "radarFrequency", "5.405000454334350e+09")
    _add_orbit(general, product)
    information = add(add(root, "imageAnnotation"), "imageInformation")
    for tag, value in (
        ("productFirstLineUtcTime", product.start),
        ("productLastLineUtcTime", product.stop),
        ("productComposition", "Slice"),
        ("slantRangeTime", f"{2 * image.near / LIGHT:.15e}"),
        ("pixelValue", "Detected"),
        ("outputPixels", "16 bit Unsigned Integer"),
        ("rangePixelSpacing", f"{SPACING_M:.6e}"),
        ("azimuthPixelSpacing", f"{SPACING_M:.6e}"),
        ("azimuthTimeInterval", f"{LINE_S:.15e}"),
        ("numberOfSamples", image.samples),
        ("numberOfLines", image.lines),
    ):
        add(information, tag, value)
    _add_geolocation(root, product)
    _add_conversions(root, product)
    _add_merging(root, product)
    save(root, path)


def _add_orbit(general: Xml.Element, product: Product) -> None:
    times = np.arange(-70.0, 80.0, 10.0) + np.floor(product.image.first)
    listed = add(general, "orbitList", count=str(len(times)))
    for time, place, speed in zip(times, *product.image.orbit.at(times), strict=True):
        vector = add(listed, "orbit")
        add(vector, "time", product.moment(time))
        add(vector, "frame", "Earth Fixed")
        for tag, values in (("position", place), ("velocity", speed)):
            parent = add(vector, tag)
            for axis, value in zip("xyz", values, strict=True):
                add(parent, axis, f"{value:.15e}")


def _add_geolocation(root: Xml.Element, product: Product) -> None:
    image = product.image
    lines, pixels = (axis.ravel() for axis in np.meshgrid(*grid_axes(image), indexing="ij"))
    points = product.points.reshape(-1, 3)
    ranges = image.slant_ranges(image.line_times(lines), pixels)
    times = image.true_times(image.line_times(lines), ranges)
    angles = incidences(image, lines, points)
    listed = add(add(root, "geolocationGrid"), "geolocationGridPointList", count=str(len(lines)))
    for line, pixel, time, distance, longitude, latitude, height, angle in zip(
        lines, pixels, times, ranges, *to_geographic(points), angles, strict=True
    ):
        point = add(listed, "geolocationGridPoint")
        add(point, "azimuthTime", product.moment(time))
        add(point, "slantRangeTime", f"{2 * distance / LIGHT:.15e}")
        add(point, "line", int(line))
        add(point, "pixel", int(pixel))
        for tag, value in (("latitude", latitude), ("longitude", longitude), ("height", height),
                           ("incidenceAngle", angle)):  # fmt: skip
            add(point, tag, f"{value:.15e}")
        add(point, "elevationAngle", f"{0.88 * angle:.15e}")


def _add_conversions(root: Xml.Element, product: Product) -> None:
    image = product.image
    records = list(zip(image.records, image.to_ground, image.to_slant, strict=True))
    near = [k for k, (time, _, _) in enumerate(records) if time - image.first > -2]
    listed = add(
        add(root, "coordinateConversion"), "coordinateConversionList", count=str(len(near))
    )
    for time, to_ground, to_slant in (records[k] for k in near):
        record = add(listed, "coordinateConversion")
        add(record, "azimuthTime", product.moment(time + _RECORD_DELAY_S))
        add(record, "slantRangeTime", f"{2 * image.near / LIGHT:.15e}")
        add(record, "sr0", f"{image.near:.15e}")
        for tag, polynomial in (("srgr", to_ground), ("grsr", to_slant)):
            if tag == "grsr":
                add(record, "gr0", f"{0:.15e}")
            coefficients = np.asarray(polynomial.coef, np.float64)
            count = str(len(coefficients))
            add(record, f"{tag}Coefficients", words(coefficients, ".15e"), count=count)


def _add_merging(root: Xml.Element, product: Product) -> None:
    merge = add(add(add(root, "swathMerging"), "swathMergeList", count="1"), "swathMerge")
    add(merge, "swath", "IW2")
    bounds = add(add(merge, "swathBoundsList", count="1"), "swathBounds")
    add(bounds, "azimuthTime", product.start)
    add(bounds, "firstAzimuthLine", 0)
    add(bounds, "firstRangeSample", 0)
    add(bounds, "lastAzimuthLine", product.image.lines - 1)
    add(bounds, "lastRangeSample", product.image.samples - 1)
