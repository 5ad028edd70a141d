"""The geometry of a ground range image, as its annotation says.

Source of names and meanings: Sentinel-1 Product Specification, S1-RS-MDA-52-7441.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import ProductError
from sitsflow.products.files import read_text
from sitsflow.radar.metadata import Metadata, parse_metadata, seconds
from sitsflow.radar.orbit import StateVectors, check_vectors

Floats = NDArray[np.float64]

SPEED_OF_LIGHT = 299_792_458.0
"""Metres a second."""


@dataclass(frozen=True)
class RangeConversions:
    """Polynomials between slant range and ground range, of some azimuth times.

    Attributes
    ----------
    times : ndarray of float64, shape (record,)
        Seconds after the first line, increasing.
    slant_origins, ground_origins : ndarray of float64, shape (record,)
        ``sr0`` and ``gr0``, in metres.
    to_ground, to_slant : ndarray of float64, shape (record, coefficient)
        ``ground = sum(to_ground[k] * (slant - sr0)**k)`` and
        ``slant = sum(to_slant[k] * (ground - gr0)**k)``, in metres.
    """

    times: Floats
    slant_origins: Floats
    ground_origins: Floats
    to_ground: Floats
    to_slant: Floats


@dataclass(frozen=True)
class GeolocationGrid:
    """Points of the image whose place on the ground the product tells, shape (row, col) each.

    `lines` and `pixels` are whole pixels; `latitudes` and `longitudes` degrees (WGS 84);
    `heights` metres above the ellipsoid; `incidences` degrees from the ellipsoid's normal;
    `azimuth_times` seconds after the first line; `slant_range_times` seconds, both ways.
    """

    lines: Floats
    pixels: Floats
    latitudes: Floats
    longitudes: Floats
    heights: Floats
    incidences: Floats
    azimuth_times: Floats
    slant_range_times: Floats


@dataclass(frozen=True)
class Annotation:
    """Geometry of one ground range image. Times are seconds after `first_line`.

    Attributes
    ----------
    source : str
        Name of the file, for messages.
    mission, polarisation : str
        As S1A and VV.
    ascending : bool
        Whether the satellite flies northwards.
    first_line : datetime64
        Zero-Doppler time of the first line (UTC).
    line_interval : float
        Seconds from line to line.
    lines, samples : int
        Size of the image.
    range_spacing, azimuth_spacing : float
        Metres on the ground from sample to sample, and from line to line.
    near_range_time : float
        Two-way time of the first sample, seconds.
    """

    source: str
    mission: str
    polarisation: str
    ascending: bool
    first_line: np.datetime64
    line_interval: float
    lines: int
    samples: int
    range_spacing: float
    azimuth_spacing: float
    near_range_time: float
    orbit: StateVectors
    conversions: RangeConversions
    grid: GeolocationGrid

    @property
    def last_line(self) -> float:
        """Zero-Doppler time of the last line, seconds after the first."""
        return (self.lines - 1) * self.line_interval

    def with_orbit(self, orbit: StateVectors) -> Annotation:
        """Return the same image seen from another orbit, that of an orbit file.

        Raises
        ------
        ProductError
            If the orbit does not cover the image.
        """
        orbit = orbit.referred_to(self.first_line)
        if not orbit.covers(0, self.last_line):
            raise ProductError(f"{self.source}: the orbit given does not cover its lines")
        return replace(self, orbit=orbit)


def read_annotation(product: Path, path: Path) -> Annotation:
    """Read the geometry of an image from an annotation file of a product, maybe an archive.

    Raises
    ------
    ProductError
        As `parse_annotation`, and if the file cannot be read.
    """
    return parse_annotation(read_text(product, path), str(path))


def parse_annotation(text: str, source: str) -> Annotation:
    """Read the geometry of an image from the text of its annotation.

    Parameters
    ----------
    text : str
        XML.
    source : str
        Name of the file, for messages.

    Raises
    ------
    ProductError
        If it is no annotation of a ground range image, naming all that is wrong.
    """
    faults: list[str] = []
    root = parse_metadata(text, source).keeping(faults)
    if root.tag != "product":
        raise ProductError(f"{source}: its root is <{root.tag}>, not <product>: no annotation")
    projection = root.text("generalAnnotation/productInformation/projection")
    if projection != "Ground Range" and not faults:
        raise ProductError(
            f"{source}: its projection is '{projection}': only ground range images (GRD) can be "
            "used, not single look complex ones (SLC)"
        )
    image = "imageAnnotation/imageInformation/"
    first = root.time(f"{image}productFirstLineUtcTime")
    annotation = Annotation(
        source=source,
        mission=root.text("adsHeader/missionId"),
        polarisation=root.text("adsHeader/polarisation"),
        ascending=root.text("generalAnnotation/productInformation/pass").lower() == "ascending",
        first_line=first,
        line_interval=root.positive(f"{image}azimuthTimeInterval"),
        lines=int(root.positive(f"{image}numberOfLines")),
        samples=int(root.positive(f"{image}numberOfSamples")),
        range_spacing=root.positive(f"{image}rangePixelSpacing"),
        azimuth_spacing=root.positive(f"{image}azimuthPixelSpacing"),
        near_range_time=root.positive(f"{image}slantRangeTime"),
        orbit=_orbit(root, first),
        conversions=_conversions(root, first),
        grid=_grid(root, first),
    )
    last = seconds(root.time(f"{image}productLastLineUtcTime"), first)
    if not faults and abs(last - annotation.last_line) > annotation.line_interval:
        faults.append(f"its last line is {last:.6f} s after the first, not {annotation.last_line}")
    if faults:
        raise ProductError(f"{source}: {'; '.join(list(dict.fromkeys(faults))[:12])}")
    check_vectors(annotation.orbit, source)
    if not annotation.orbit.covers(0, annotation.last_line):
        raise ProductError(f"{source}: its orbit state vectors do not cover its lines")
    return annotation


def _orbit(root: Metadata, first: np.datetime64) -> StateVectors:
    """Return the vectors as they are; values that are none make them no orbit yet."""
    vectors = root.each("generalAnnotation/orbitList/orbit")
    times = np.array([seconds(vector.time("time"), first) for vector in vectors])
    positions, velocities = (
        np.array([[vector.number(f"{what}/{axis}") for axis in "xyz"] for vector in vectors])
        for what in ("position", "velocity")
    )
    return StateVectors(first, times, positions, velocities)


def _conversions(root: Metadata, first: np.datetime64) -> RangeConversions:
    records = root.each("coordinateConversion/coordinateConversionList/coordinateConversion")
    to_ground = [record.numbers("srgrCoefficients") for record in records]
    to_slant = [record.numbers("grsrCoefficients") for record in records]
    times = np.array([seconds(record.time("azimuthTime"), first) for record in records])
    if not (np.diff(times) > 0).all():
        root.fault("the times of coordinateConversionList do not increase")
    return RangeConversions(
        times=times,
        slant_origins=np.array([record.number("sr0") for record in records]),
        ground_origins=np.array([record.number("gr0") for record in records]),
        to_ground=_padded(to_ground),
        to_slant=_padded(to_slant),
    )


def _padded(rows: list[Floats]) -> Floats:
    """Put polynomials of any degree below each other; shape (record, coefficient)."""
    table = np.zeros((len(rows), max((len(row) for row in rows), default=1)))
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table


def _grid(root: Metadata, first: np.datetime64) -> GeolocationGrid:
    points = root.each("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
    names = ("line", "pixel", "latitude", "longitude", "height", "incidenceAngle",
             "slantRangeTime")  # fmt: skip
    table = np.array([[point.number(name) for name in names] for point in points])
    times = np.array([seconds(point.time("azimuthTime"), first) for point in points])
    table = table.reshape(len(points), len(names))
    shape = (len(np.unique(table[:, 0])), len(np.unique(table[:, 1])))
    if shape[0] * shape[1] != len(points):
        root.fault(f"its {len(points)} points of geolocationGrid are no regular grid")
        shape = (1, len(points))
    line, pixel, latitude, longitude, height, incidence, slant = (
        column.reshape(shape) for column in table.T
    )
    return GeolocationGrid(
        line, pixel, latitude, longitude, height, incidence, times.reshape(shape), slant
    )
