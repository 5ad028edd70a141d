"""Slices of one pass: grouped, and put together along the flight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sitsflow.radar.channel import Channel, Numbers
from sitsflow.radar.manifest import Pass
from sitsflow.radar.product_name import Mission
from sitsflow.radar.safe import Sentinel1Product

NEIGHBOUR_LINES = 2
"""Lines of the neighbour that bicubic interpolation needs beyond the end of a slice."""


class Acquisition(BaseModel):
    """What a satellite saw on one pass: its slices in the order of their times."""

    model_config = ConfigDict(frozen=True)

    day: date
    mission: Mission
    relative_orbit: int
    orbit_pass: Pass
    slices: tuple[Sentinel1Product, ...] = Field(min_length=1)


class PlacedChannel(NamedTuple):
    """A slice's channel, and the line of another slice's image at which it begins."""

    channel: Channel
    line: int


def group_slices(products: Iterable[Sentinel1Product]) -> list[Acquisition]:
    """Group products of one day, satellite and relative orbit, in the order of their times.

    The slices of one data take stay together even where it goes on past midnight, or past the
    equator, where orbits begin to count anew: they have the day and the orbit of the first one.
    """
    first: dict[tuple[str, str], Sentinel1Product] = {}
    groups: dict[tuple[date, Mission, int, Pass], list[Sentinel1Product]] = {}
    for product in sorted(products, key=lambda one: (one.start, one.product.name)):
        take = first.setdefault((product.mission, product.data_take), product)
        # Data takes have numbers that come again after years.
        head = take if abs((product.start - take.start).total_seconds()) < 3600 else product
        first[product.mission, product.data_take] = head
        key = (head.start.date(), head.mission, head.relative_orbit, product.orbit_pass)
        groups.setdefault(key, []).append(product)
    return [
        Acquisition(
            day=day,
            mission=mission,
            relative_orbit=relative_orbit,
            orbit_pass=orbit_pass,
            slices=tuple(slices),
        )
        for (day, mission, relative_orbit, orbit_pass), slices in groups.items()
    ]


def line_offset(first_line: datetime, other_first_line: datetime, line_interval: float) -> int:
    """Return the line of one slice at which another one of its data take begins.

    Parameters
    ----------
    first_line, other_first_line : datetime
        Zero Doppler times of the first lines of both slices (``productFirstLineUtcTime``).
    line_interval : float
        Seconds between lines (``azimuthTimeInterval``).

    Returns
    -------
    int
        The nearest line; the slices of a data take lie on one raster of lines but for a part of
        one, which shifts no more than the lines beyond the end of a slice.
    """
    return round((other_first_line - first_line).total_seconds() / line_interval)


def joined_power(
    slices: Sequence[PlacedChannel],
    row: int,
    col: int,
    shape: tuple[int, int],
    *,
    without_noise: bool = True,
    numbers: Numbers | None = None,
) -> NDArray[np.float32]:
    """Read a window of one slice together with the lines of its neighbours.

    Interpolation at the end of a slice needs lines that only the next one has. With them, and with
    each slice's part of the map cut to its `own_pixels`, slices that abut leave no seam.

    Parameters
    ----------
    slices : sequence of PlacedChannel
        The slice itself, which begins at line 0, and its neighbours at `line_offset`.
    row, col : int
        The window's first line and pixel in the image of the slice; negative before it.
    shape : (int, int)
        Its lines and pixels, `NEIGHBOUR_LINES` more than those of the slice at each end.
    without_noise : bool
        Whether to subtract the thermal noise.
    numbers : Numbers, optional
        Those that other channels of the slices have read, see `Channel.power`.

    Returns
    -------
    ndarray of float32, shape (row, col)
        Linear power; the highest value where slices overlap, NaN where there is none.
    """
    out = np.full(shape, np.nan, np.float32)
    for channel, line in slices:
        if line < row + shape[0] and line + channel.shape[0] > row:
            power = channel.power(
                row - line, col, shape, without_noise=without_noise, numbers=numbers
            )
            np.fmax(out, power, out=out)
    return out


def own_pixels(lines: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Tell which pixels of the map lie in a slice itself, not in lines of its neighbours.

    Parameters
    ----------
    lines : ndarray of float64, shape (row, col)
        Line of the slice's image, from 0, in which each pixel of the map lies; may be NaN.
    count : int
        Lines of the slice.

    Returns
    -------
    ndarray of bool, shape (row, col)
    """
    return np.asarray((lines >= -0.5) & (lines < count - 0.5))
