"""What stands between the ground and the sensor on a day: swath, clouds, shadows, the sun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import asin, cos, degrees, pi, radians, sin, tan

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.grid import Grid
from sitsflow.simulate import noise
from sitsflow.simulate.landscape import axes

Flags = NDArray[np.bool_]

_CLOUDS, _AMOUNT, _HIGH, _HEIGHT, _SWATH = range(201, 206)
_CLOUD_M, _CLOUD_OCTAVES = 2200.0, 6
_CLEAR_DAYS, _MOST = 0.3, 0.95
_THIN = 0.6  # opacity where a cloud stops being thin
_TILT = radians(14.0)  # of a sun-synchronous track against the map's north, mid latitudes
# Period of the tracks, and the gap between two: wide enough that a tile sees one edge at most,
# narrow enough that it is never missed wholly.
_SWATH_TILES, _GAP_TILES = 12.0, 1.2
_LATITUDE = radians(44.0)


@dataclass(frozen=True)
class Sun:
    """Where the sun stands at the time of the picture, in degrees."""

    azimuth: float
    elevation: float


@dataclass(frozen=True)
class Sky:
    """The weather over a grid on one day; all arrays have shape (row, col).

    `opacity` (float32, 0 to 1) is the share of the signal that is cloud. `thick` and `thin`
    exclude each other at the finest resolution, and so do `shadow` and `thick`; `stray` are the
    shadows whose cloud the sensor did not see; `high` says whether the day's thin clouds are
    cirrus; `outside` is where the swath does not reach.
    """

    opacity: NDArray[np.float32]
    thick: Flags
    thin: Flags
    shadow: Flags
    stray: Flags
    outside: Flags
    high: bool

    def coarser(self) -> Sky:
        """Return the same sky in pixels twice as wide: flags where any of four has them."""
        thick, shadow = _any_of_four(self.thick), _any_of_four(self.shadow)
        quarters = [self.opacity[row::2, col::2] for row in (0, 1) for col in (0, 1)]
        opacity = (quarters[0] + quarters[1] + quarters[2] + quarters[3]) * np.float32(0.25)
        return Sky(
            opacity=opacity,
            thick=thick,
            thin=_any_of_four(self.thin),
            shadow=shadow,
            stray=_any_of_four(self.stray),
            outside=_any_of_four(self.outside),
            high=self.high,
        )


def _any_of_four(flags: Flags) -> Flags:
    rows = flags[0::2] | flags[1::2]
    return rows[:, 0::2] | rows[:, 1::2]


def sun_on(day: date) -> Sun:
    """Return the sun of a morning pass at 44 degrees north, by Cooper's declination (1969)."""
    of_year = day.timetuple().tm_yday
    declination = radians(23.45) * sin(2 * pi * (284 + of_year) / 365)
    hour = radians(-18.0)
    height = asin(sin(_LATITUDE) * sin(declination) + cos(_LATITUDE) * cos(declination) * cos(hour))
    east = -cos(declination) * sin(hour) / cos(height)
    return Sun(azimuth=180 - degrees(asin(min(1.0, east))), elevation=degrees(height))


def cloud_share(seed: int, day: date) -> float:
    """Share of the sky that thick clouds cover on a day over a wide region, 0 to 0.95."""
    chance = noise.draw(seed, _AMOUNT, day.toordinal())
    if chance < _CLEAR_DAYS:
        return 0.0
    return float(_MOST * ((chance - _CLEAR_DAYS) / (1 - _CLEAR_DAYS)) ** 1.4)


def sky_over(grid: Grid, seed: int, day: date) -> Sky:
    """Make the sky over a grid on a day.

    Parameters
    ----------
    grid : Grid
        In metres; its width also sets the period of the satellite's tracks.
    seed : int
        Of the world.
    day : date
        Of the picture; each day has its own sky.

    Returns
    -------
    Sky
        The same where two grids overlap, if they are of one size.
    """
    x, y = axes(grid)
    track = grid.width * grid.xres
    outside = _unseen(x, y, track, seed, day)
    share = cloud_share(seed, day)
    high = noise.draw(seed, _HIGH, day.toordinal()) < 0.3
    if share == 0:
        none = np.zeros(grid.shape, bool)
        empty = np.zeros(grid.shape, np.float32)
        return Sky(empty, none, none, none, none, outside, high)
    opacity = _opacity(x, y, share, seed, day)
    thick = opacity >= _THIN
    right, up = _shadow_step(seed, day)
    caster = _opacity(x - right, y - up, share, seed, day) >= _THIN
    shadow = caster & ~thick
    unseen = _unseen(x - right, y - up, track, seed, day)
    return Sky(
        opacity=opacity,
        thick=thick,
        thin=(opacity > 0) & ~thick,
        shadow=shadow & ~unseen,
        stray=shadow & unseen,
        outside=outside,
        high=high,
    )


def _opacity(
    x: noise.Axis, y: noise.Axis, share: float, seed: int, day: date
) -> NDArray[np.float32]:
    """Rise from 0 to `_THIN` over the thin rim of clouds, and on to 1 inside them."""
    field = noise.fractal(
        x, y, _CLOUD_M, _CLOUD_OCTAVES, noise.key(seed, _CLOUDS, day.toordinal()), 0.55
    )
    inner = noise.level(share)
    outer = noise.level(min(0.99, share * 1.2 + 0.02))
    rim = np.float32(_THIN / (inner - outer))
    field -= np.float32(inner)
    slope = np.where(field < 0, rim, np.float32(1.5))
    field *= slope
    field += np.float32(_THIN)
    # Under a tenth no mask would tell a cloud from haze, and no pixel would show it.
    field[field < np.float32(0.1)] = 0
    return np.minimum(field, np.float32(1), out=field)


def _shadow_step(seed: int, day: date) -> tuple[float, float]:
    """Metres east and north from a cloud to its shadow."""
    sun = sun_on(day)
    height = 250.0 + 500.0 * noise.draw(seed, _HEIGHT, day.toordinal())
    reach = height / tan(radians(sun.elevation))
    return -reach * sin(radians(sun.azimuth)), -reach * cos(radians(sun.azimuth))


def _unseen(x: noise.Axis, y: noise.Axis, track: float, seed: int, day: date) -> Flags:
    """Where no track of the day passes: slanting strips, on a part of the days on a tile."""
    period = _SWATH_TILES * track
    phase = noise.draw(seed, _SWATH, day.toordinal()) * period
    across = (x * cos(_TILT) + phase)[None, :] - (y * sin(_TILT))[:, None]
    strip: Flags = np.mod(across, period) < _GAP_TILES * track
    return strip
