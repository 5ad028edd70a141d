"""What a pass of Sentinel-1 shows of a window of a map: calibrated, on the map's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.coordinates import Coordinates
from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import MARGINS, Method, resample
from sitsflow.radar.annotation import SPEED_OF_LIGHT
from sitsflow.radar.calibration import LEAST_POWER
from sitsflow.radar.channel import Channel, Numbers
from sitsflow.radar.elevation import ElevationModel, open_elevation
from sitsflow.radar.geocoding import source_window
from sitsflow.radar.image import Image, open_image
from sitsflow.radar.slices import (
    NEIGHBOUR_LINES,
    Acquisition,
    PlacedChannel,
    joined_power,
    line_offset,
    own_pixels,
)
from sitsflow.radar.terrain_flattening import flatten, flattening_margin
from sitsflow.radar_settings import Polarisation, RadarSettings

Floats = NDArray[np.float32]

_STEP_PIXELS = 0.5
"""Samples by which the near edges of slices may differ that share lines at their ends."""


class Ground(NamedTuple):
    """Heights of the pixels of a window, metres above the ellipsoid; (row, col).

    `margin` pixels on each side of the window are there for the shadows of what lies around.
    """

    grid: Grid
    window: Window
    heights: Floats
    margin: int

    @property
    def inner(self) -> Floats:
        """The heights of the window alone."""
        rows, cols = self.window.shape
        m = self.margin
        return np.ascontiguousarray(self.heights[m : m + rows, m : m + cols])


def elevation_of(settings: RadarSettings) -> ElevationModel:
    """Return the elevation model of a run, whose headers are read once a process."""
    files = (*settings.dem, *([] if settings.geoid is None else [settings.geoid]))
    changed = tuple(path.stat().st_mtime_ns for path in files)
    return _elevation(settings.dem, settings.geoid, settings.constant_height, changed)


@lru_cache(maxsize=4)
def _elevation(
    rasters: tuple[Path, ...], geoid: Path | None, height: float | None, changed: tuple[int, ...]
) -> ElevationModel:
    del changed
    return open_elevation(rasters, geoid, height or 0.0)


def ground_of(settings: RadarSettings, grid: Grid, window: Window) -> Ground:
    """Read the heights of a window, and of what may cast shadows on it where that counts."""
    model = elevation_of(settings)
    margin = 0
    while True:
        heights = model.read(grid, window.grown(margin)).heights
        if not settings.terrain_flattening:
            return Ground(grid, window, heights, 0)
        needed = flattening_margin(grid, float(heights.min()), float(heights.max()))
        if needed <= margin:
            return Ground(grid, window, heights, margin)
        margin = needed  # there may be something higher in what is added


def geocode(
    acquisition: Acquisition,
    settings: RadarSettings,
    polarisations: Sequence[Polarisation],
    ground: Ground,
    method: Method,
) -> Floats:
    """Bring one pass onto the pixels of a window.

    Slices are joined along the flight before they are interpolated, and merged by their highest
    values as in iota2: where they abut there is neither a gap nor a seam.

    Returns
    -------
    ndarray of float32, shape (1 + polarisation, row, col)
        Linear power, NaN where the pass shows nothing. First the co-polarised one with thermal
        noise, by which the border is found; then those wanted. Pixels in layover or shadow are NaN
        where terrain is flattened.

    Raises
    ------
    ProductError, ReadError
        If a product cannot be read.
    """
    images = [open_image(one, settings, polarisations) for one in acquisition.slices]
    out = np.full((1 + len(polarisations), *ground.window.shape), np.nan, np.float32)
    between = np.full_like(out if len(images) > 1 else out[:0], np.nan)
    heights = ground.inner
    low, high = float(heights.min()), float(heights.max())
    for at, image in enumerate(images):
        if image.geometry.reach(ground.grid, ground.window, low, high) is None:
            continue
        places = image.geometry.coordinates(ground.grid, ground.window, heights)
        part = _part(places, image, images, at, MARGINS[method])
        if part is None:
            continue
        power = _joined_lines(images, at, part, polarisations, denoised=settings.thermal_noise)
        found = resample(power, None, None, places, part, method)
        _lift(found, power, places, part)
        if settings.terrain_flattening:
            flat = flatten(
                image.geometry, ground.grid, ground.window, ground.heights, ground.margin
            )
            found[1:] *= np.where(flat.layover, np.float32(np.nan), flat.factor)
        if len(images) > 1:
            np.fmax(between, found, out=between)
            found[:, ~own_pixels(places.rows, image.geometry.shape[0])] = np.nan
        np.fmax(out, found, out=out)
    if len(images) > 1:  # slices may lie a part of a line apart
        np.copyto(out, between, where=np.isnan(out))
    return out


def _lift(found: Floats, power: Floats, places: Coordinates, part: Window) -> None:
    """Interpolate linearly, in place, where a bicubic surface falls below 0.

    It does so on the dark side of steps, on banks for one: power that is next to none there would
    be -70 dB on all dates, darker than what lies on both sides.
    """
    for layer, values in zip(found, power, strict=True):
        rows, cols = np.nonzero(layer < LEAST_POWER)
        if rows.size:
            here = places.rows[None, rows, cols], places.cols[None, rows, cols]
            few = Coordinates(*here, step=1, row=0, col=0, height=1, width=rows.size)
            layer[rows, cols] = resample(values[None], None, None, few, part, "bilinear")[0, 0]


def shows(acquisition: Acquisition, settings: RadarSettings, ground: Ground) -> NDArray[np.bool_]:
    """Tell which pixels of a window lie in the images of a pass; (row, col)."""
    seen = np.zeros(ground.window.shape, bool)
    heights = ground.inner
    for product in acquisition.slices:
        image = open_image(product, settings, settings.polarisations)
        places = image.geometry.coordinates(ground.grid, ground.window, heights)
        lines, samples = image.geometry.shape
        with np.errstate(invalid="ignore"):
            seen |= (
                (places.rows >= -0.5)
                & (places.rows < lines - 0.5)
                & (places.cols >= -0.5)
                & (places.cols < samples - 0.5)
            )
    return seen


def _part(
    places: Coordinates, image: Image, images: Sequence[Image], at: int, margin: int
) -> Window | None:
    """Return the part of an image that a window needs, with lines of the slices next to it."""
    part = source_window(places, image.geometry.shape, margin)
    if part is None:
        return None
    lines = image.geometry.shape[0]
    top, bottom = part.row, part.row + part.height
    if top == 0 and at > 0:
        top -= NEIGHBOUR_LINES
    if bottom == lines and at + 1 < len(images):
        bottom += NEIGHBOUR_LINES
    return part.model_copy(update={"row": top, "height": bottom - top})


def _joined_lines(
    images: Sequence[Image],
    at: int,
    part: Window,
    polarisations: Sequence[Polarisation],
    *,
    denoised: bool,
) -> Floats:
    """Read a part of a slice, with what of it lies in the slices before and after."""
    near = [images[number] for number in (at, at - 1, at + 1) if 0 <= number < len(images)]
    placed = [(one, line) for one in near if (line := _offset(images[at], one)) is not None]

    numbers = Numbers()

    def power(channels: Sequence[Channel], *, without_noise: bool) -> Floats:
        lines = [PlacedChannel(one, line) for one, (_, line) in zip(channels, placed, strict=True)]
        return joined_power(
            lines, part.row, part.col, part.shape, without_noise=without_noise, numbers=numbers
        )

    border = power([one.border for one, _ in placed], without_noise=False)
    wanted = [
        power([one.channels[name] for one, _ in placed], without_noise=denoised)
        for name in polarisations
    ]
    return np.stack([border, *wanted])


def _offset(image: Image, other: Image) -> int | None:
    """Return the line of `image` at which `other` begins; None if it lies on other samples."""
    one, two = image.geometry.annotation, other.geometry.annotation
    if one is two:
        return 0
    metres = (two.near_range_time - one.near_range_time) * SPEED_OF_LIGHT / 2
    if abs(metres) > _STEP_PIXELS * one.range_spacing:
        return None
    return line_offset(_datetime(one.first_line), _datetime(two.first_line), one.line_interval)


def _datetime(time: np.datetime64) -> datetime:
    found: datetime = time.astype("datetime64[us]").astype(datetime)
    return found
