"""Seasons of pixel series: where they start, peak and end, by thresholds of their amplitude.

The rules are TIMESAT's, on the series as it is instead of a smooth function through it:
Jönsson, P. and Eklundh, L. (2004), TIMESAT - a program for analyzing time-series of satellite
sensor data, Computers and Geosciences 30(8), 833-845.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TRAITS = (
    "start", "peak", "end", "length", "base", "peak_value", "amplitude", "greenup_rate",
    "senescence_rate", "integral",
)  # fmt: skip
"""What is known of a season, in the order in which `_describe` finds it."""

_STRIP = 256  # columns
_INFINITY = np.float32(np.inf)
_LOW, _HIGH = 0.2, 0.8  # parts of the amplitude between which rates are measured, as in TIMESAT


class Rules(NamedTuple):
    """What counts as a season.

    Attributes
    ----------
    threshold : float
        Part of the amplitude, above 0 and below 1, that the series has risen from the minimum
        before the peak where the season starts, and is still above the one after it where it ends.
    min_rise : float
        A peak makes a season if the series rises to it, and falls from it, by at least this part
        of the range of the pixel's whole series.
    min_amplitude : float
        And by at least this much, in the unit of the series.
    """

    threshold: float = 0.5
    min_rise: float = 0.25
    min_amplitude: float = 0.0


class Trait(NamedTuple):
    """One trait of one season, counted from 1."""

    name: str
    season: int


def phenology(
    values: Floats, days: Sequence[float], wanted: Sequence[Trait], rules: Rules
) -> tuple[Floats, Floats]:
    """Return the number of seasons of each pixel's series, and traits of them.

    A season belongs to a peak that the series rises to and falls from by enough; between two of
    them the series falls and rises by enough. What lies before the first peak and after the last
    is part of their seasons, so a season that is cut by the begin or the end of the series counts
    as far as it rose and fell within it.

    Parameters
    ----------
    values : ndarray of float32, shape (date, row, col)
        In any unit. NaN and infinity are left out, date by date.
    days : sequence of float
        Days since any day, ascending, one a date.
    wanted : sequence of Trait
        Names are those of `TRAITS`.
    rules : Rules

    Returns
    -------
    count : ndarray of float32, shape (row, col)
        NaN where a pixel has no finite value.
    traits : ndarray of float32, shape (trait, row, col)
        NaN where a pixel has fewer seasons.
    """
    count = np.empty(values.shape[1:], np.float32)
    out = np.empty((len(wanted), *values.shape[1:]), np.float32)
    codes = np.array([(one.season - 1, TRAITS.index(one.name)) for one in wanted], np.int64)
    _phenology(
        np.ascontiguousarray(values),
        np.asarray(days, np.float64),
        codes.reshape(-1, 2),
        float(rules.threshold),
        float(rules.min_rise),
        float(rules.min_amplitude),
        count,
        out,
    )
    return count, out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _phenology(values, days, wanted, threshold, min_rise, min_amplitude, count, out):  # type: ignore[no-untyped-def]
    n_dates, rows, cols = values.shape
    strip = np.empty((_STRIP, n_dates), np.float32)
    series = np.empty(n_dates, np.float64)
    at = np.empty(n_dates, np.float64)
    peaks = np.empty(n_dates, np.int64)
    traits = np.empty(len(TRAITS), np.float64)
    last = wanted[:, 0].max() + 1 if len(wanted) > 0 else 0
    for row in range(rows):
        for first in range(0, cols, _STRIP):
            end = min(first + _STRIP, cols)
            for d in range(n_dates):
                for i in range(end - first):
                    strip[i, d] = values[d, row, first + i]
            for i in range(end - first):
                n = 0
                for d in range(n_dates):
                    if abs(strip[i, d]) < _INFINITY:
                        series[n], at[n] = strip[i, d], days[d]
                        n += 1
                found = _find_peaks(series, n, min_rise, min_amplitude, peaks)
                count[row, first + i] = found if n > 0 else np.nan
                out[:, row, first + i] = np.nan
                for season in range(min(found, last)):
                    left = peaks[season - 1] if season > 0 else 0
                    right = peaks[season + 1] if season + 1 < found else n - 1
                    _describe(series, at, left, peaks[season], right, threshold, traits)
                    _write(traits, season, wanted, out[:, row, first + i])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _write(traits, season, wanted, out):  # type: ignore[no-untyped-def]
    for k in range(len(wanted)):
        if wanted[k, 0] == season:
            out[k] = traits[wanted[k, 1]]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _find_peaks(series, n, min_rise, min_amplitude, peaks):  # type: ignore[no-untyped-def]
    """Put the places of the peaks in `peaks` and return how many there are.

    These are the local maxima whose prominence is at least the rise that is asked for; of equal
    ones without a valley between them the first.
    """
    if n == 0:
        return 0
    lowest, highest = series[:n].min(), series[:n].max()
    rise = max(min_rise * (highest - lowest), min_amplitude)
    if not highest - lowest > 0.0:
        return 0
    found, top, rising, low = 0, 0, False, series[0]
    for i in range(1, n):
        value = series[i]
        if rising:
            if value > series[top]:
                top = i
            elif series[top] - value >= rise:
                peaks[found] = top
                found += 1
                rising, low = False, value
        elif value < low:
            low = value
        elif value - low >= rise:
            rising, top = True, i
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _describe(series, days, left, peak, right, threshold, traits):  # type: ignore[no-untyped-def]
    """Fill `traits` of the season that peaks at `peak` and lies between `left` and `right`."""
    top = series[peak]
    low_left, low_right = series[left : peak + 1].min(), series[peak : right + 1].min()
    rise, fall = top - low_left, top - low_right
    start = _crossing(series, days, peak, left, low_left + threshold * rise)
    end = _crossing(series, days, peak, right, low_right + threshold * fall)
    base = (low_left + low_right) / 2.0
    up = _crossing(series, days, peak, left, low_left + _HIGH * rise) - _crossing(
        series, days, peak, left, low_left + _LOW * rise
    )
    down = _crossing(series, days, peak, right, low_right + _LOW * fall) - _crossing(
        series, days, peak, right, low_right + _HIGH * fall
    )
    traits[0], traits[1], traits[2], traits[3] = start, days[peak], end, end - start
    traits[4], traits[5], traits[6] = base, top, top - base
    traits[7] = (_HIGH - _LOW) * rise / up if up > 0.0 else np.nan
    traits[8] = (_HIGH - _LOW) * fall / down if down > 0.0 else np.nan
    traits[9] = _integral(series, days, left, right, start, end)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _crossing(series, days, peak, bound, level):  # type: ignore[no-untyped-def]
    """Return when the series last crossed `level` on the way from `bound` to the peak.

    `bound` may lie after the peak: then it is when it first crosses the level after the peak.
    """
    step = -1 if bound < peak else 1
    i = peak
    while i != bound and series[i] >= level:
        i += step
    inner = i - step
    if i == peak or series[i] >= level:  # rounding: the level is the minimum itself
        return days[i]
    part = (level - series[i]) / (series[inner] - series[i])
    return days[i] + part * (days[inner] - days[i])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _integral(series, days, left, right, start, end):  # type: ignore[no-untyped-def]
    """Return the area under the straight lines between the dates from `start` to `end`."""
    area = 0.0
    for i in range(left, right):
        begin, stop = max(days[i], start), min(days[i + 1], end)
        if begin < stop:
            slope = (series[i + 1] - series[i]) / (days[i + 1] - days[i])
            middle = (begin + stop) / 2.0
            area += (stop - begin) * (series[i] + slope * (middle - days[i]))
    return area
