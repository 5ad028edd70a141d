"""All of a job but reading and resampling, pixel by pixel: what a rival writes by hand.

Linear interpolation of each band over the valid dates onto the target dates, as OTB's gapfilling
has it, then indices, then statistics. One pass, no arrays in between.
"""

from __future__ import annotations

import numba
import numpy as np

NODATA = -10000


def features(bands, masks, days, targets, means):  # type: ignore[no-untyped-def]
    """Return the features of a block: (feature, row, col) float32, NaN where no date is valid.

    Parameters
    ----------
    bands : ndarray, shape (band, date, row, col)
        Digital numbers; `NODATA` and NaN are none. Two are red and near infrared; ten are all of
        Sentinel-2's.
    masks : ndarray of uint8, shape (mask, date, row, col)
        A date is valid where all are 0.
    days, targets : sequence of int
        Days of the dates and of the interpolated ones.
    means : bool
        Means of ten bands, of NDVI, NDWI and Brightness; else lowest, highest and mean NDVI.
    """
    n_features = len(bands) + 3 if means else 3
    out = np.empty((n_features, *bands.shape[2:]), np.float32)
    origin = min(days[0], targets[0])
    days, targets = (np.asarray(one) - origin for one in (days, targets))
    _features(bands, masks, days.astype(np.float32), targets.astype(np.float32), means, out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _features(bands, masks, days, targets, means, out):  # type: ignore[no-untyped-def]
    n_bands, n_dates, rows, cols = bands.shape
    series = np.empty((n_bands, len(targets)), np.float32)
    known, when = np.empty(n_dates, np.float32), np.empty(n_dates, np.float32)
    clear = np.empty(n_dates, np.bool_)
    for row in range(rows):
        for col in range(cols):
            _clear_dates(masks[:, :, row, col], clear)
            there = True
            for band in range(n_bands):
                count = 0
                for date in range(n_dates):
                    value = np.float32(bands[band, date, row, col])
                    if clear[date] and value == value and value != NODATA:
                        known[count], when[count] = value, days[date]
                        count += 1
                there &= count > 0
                if count > 0:
                    _interpolate(known, when, count, targets, series[band])
            if not there:
                out[:, row, col] = np.nan
            elif means:
                _means(series, out[:, row, col])
            else:
                _extremes(series, out[:, row, col])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _clear_dates(masks, clear):  # type: ignore[no-untyped-def]
    clear[:] = True
    for mask in range(masks.shape[0]):
        for date in range(masks.shape[1]):
            clear[date] &= masks[mask, date] == 0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _interpolate(known, when, count, targets, series):  # type: ignore[no-untyped-def]
    after = 0
    for t in range(len(targets)):
        day = targets[t]
        while after < count and when[after] <= day:
            after += 1
        if after == 0:
            series[t] = known[0]
        elif after == count:
            series[t] = known[count - 1]
        else:
            start, share = known[after - 1], (day - when[after - 1])
            share /= when[after] - when[after - 1]
            series[t] = start + (known[after] - start) * share


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _ratio(one, other):  # type: ignore[no-untyped-def]
    total = one + other
    if abs(total) < np.float32(1e-5):
        return np.float32(0)
    return min(max((one - other) / total * np.float32(1000), np.float32(-1000)), np.float32(1000))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _extremes(series, out):  # type: ignore[no-untyped-def]
    low, high, total = np.float32(np.inf), np.float32(-np.inf), 0.0
    for t in range(series.shape[1]):
        value = _ratio(series[1, t], series[0, t])
        low, high = min(low, value), max(high, value)
        total += value
    out[0], out[1], out[2] = low, high, total / series.shape[1]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _means(series, out):  # type: ignore[no-untyped-def]
    n_bands, n_dates = series.shape
    ndvi = ndwi = brightness = 0.0
    for t in range(n_dates):
        ndvi += _ratio(series[6, t], series[2, t])
        ndwi += _ratio(series[8, t], series[6, t])
        squares = np.float32(0)
        for band in range(n_bands):
            squares += series[band, t] * series[band, t]
        brightness += np.sqrt(squares)
    for band in range(n_bands):
        total = 0.0
        for t in range(n_dates):
            total += series[band, t]
        out[band] = total / n_dates
    out[n_bands], out[n_bands + 1] = ndvi / n_dates, ndwi / n_dates
    out[n_bands + 2] = brightness / n_dates
