"""Smoothing of pixel series by Whittaker's penalty, for dates at any distance.

The smooth series has a value on each day. It minimises the sum of its squared distances from
the valid observations plus `smoothing` times the sum of the squares of its second differences
(Eilers 2003, on a grid of days). On days without an observation the fourth differences are then
0, so that the second differences are a straight line from one observation to the next. That
leaves as many unknowns as there are observations, in a banded system of two diagonals on each
side, instead of one a day: Reinsch's algorithm, with sums over days in the place of integrals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sitsflow.timeseries.pixel_observations import held, relative_days, take_observations

STEPS = np.linspace(0, 7, 29)
"""Logarithms to base 10 between which the V-curve chooses: a quarter of a decade each."""

_TINY = 1e-300  # its logarithm is finite


def fill_whittaker(
    values: NDArray[np.float32],
    valid: NDArray[np.bool_],
    days: Sequence[int],
    target_days: Sequence[int],
    smoothing: float | None,
) -> NDArray[np.float32]:
    """Smooth each pixel's series, and take it on `target_days`.

    Before the first and after the last valid date the value stays constant. Two valid dates are
    joined by a straight line.

    Parameters, NaN and which observations count: see `sitsflow.timeseries.gapfilling.fill_gaps`.

    Parameters
    ----------
    smoothing : float or None
        Weight of the squared second differences by days, often called lambda; the larger the
        smoother. None: chosen for each pixel where its V-curve is lowest.

    Returns
    -------
    ndarray of float32, shape (target, row, col)

    References
    ----------
    Eilers, P. H. C. (2003), A perfect smoother, Analytical Chemistry 75(14), 3631-3636,
    doi:10.1021/ac034173t.

    Eilers, P. H. C., Pesendorfer, V. and Bonifacio, R. (2017), Automatic smoothing of remote
    sensing data, 9th MultiTemp workshop, doi:10.1109/Multi-Temp.2017.8076705: the V-curve.

    Reinsch, C. H. (1967), Smoothing by spline functions, Numerische Mathematik 10, 177-183,
    doi:10.1007/BF02162161.
    """
    out = np.empty((len(target_days), *values.shape[1:]), np.float32)
    chosen = 10.0**STEPS if smoothing is None else np.array([smoothing], np.float64)
    _fill(values, valid, *relative_days(days, target_days), chosen, out)
    return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(values, valid, days, targets, chosen, out):  # type: ignore[no-untyped-def]
    n_dates = len(days)
    day, value, smooth = np.empty(n_dates), np.empty(n_dates), np.empty(n_dates)
    bends = np.zeros(n_dates)
    bands, factors = np.empty((8, n_dates)), np.empty((3, n_dates))
    for row in range(values.shape[1]):
        for col in range(values.shape[2]):
            count = take_observations(values, valid, days, row, col, day, value)
            if count == 0:
                out[:, row, col] = np.nan
                continue
            _assemble(day, value, count, bands)
            smoothing = chosen[0]
            if len(chosen) > 1:
                smoothing = _lowest_of_v_curve(value, count, bands, factors, chosen, bends, smooth)
            _solve(value, count, bands, factors, smoothing, bends, smooth)
            at = 0
            for t in range(len(targets)):
                target = held(targets[t], day, count)
                while at + 2 < count and target > day[at + 1]:
                    at += 1
                out[t, row, col] = _on_curve(target, day, smooth, bends, at, count)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _assemble(day, value, count, bands):  # type: ignore[no-untyped-def]
    """Fill `bands`: rows 0 to 2 of the differences, 3 and 4 of the sums, 5 to 7 of products.

    With a span of h days, the sum of the squares of what goes straight from a to b over its days
    is (a a + b b) (2 h h + 1) / (6 h) + 2 a b (h h - 1) / (6 h), its ends being counted by half.
    """
    left_of, middle, right_of, diagonal, beside, square, next_to, after = bands
    for i in range(1, count - 1):
        left, right = day[i] - day[i - 1], day[i + 1] - day[i]
        left_of[i], right_of[i] = 1.0 / left, 1.0 / right
        middle[i] = -left_of[i] - right_of[i]
        diagonal[i] = (2 * left * left + 1) / (6 * left) + (2 * right * right + 1) / (6 * right)
        beside[i] = (right * right - 1) / (6 * right)
    for i in range(1, count - 1):
        square[i] = left_of[i] ** 2 + middle[i] ** 2 + right_of[i] ** 2
        next_to[i] = after[i] = 0.0
        if i + 2 < count:
            next_to[i] = middle[i] * left_of[i + 1] + right_of[i] * middle[i + 1]
        if i + 3 < count:
            after[i] = right_of[i] * left_of[i + 2]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _solve(value, count, bands, factors, smoothing, bends, smooth):  # type: ignore[no-untyped-def]
    """Find the second differences at the observations (`bends`) and the smooth values there.

    The matrix is factored as L D L', L having ones on its diagonal.
    """
    left_of, middle, right_of, diagonal, beside, square, next_to, after = bands
    pivot, one_below, two_below = factors
    bends[0] = bends[count - 1] = 0.0
    for i in range(1, count - 1):
        pivot[i] = diagonal[i] + smoothing * square[i]
        one_below[i] = smoothing * next_to[i]
        if i + 2 < count:
            one_below[i] += beside[i]
        bends[i] = left_of[i] * value[i - 1] + middle[i] * value[i] + right_of[i] * value[i + 1]
        if i > 1:
            pivot[i] -= pivot[i - 1] * one_below[i - 1] ** 2
            one_below[i] -= pivot[i - 1] * one_below[i - 1] * two_below[i - 1]
            bends[i] -= one_below[i - 1] * bends[i - 1]
        if i > 2:
            pivot[i] -= pivot[i - 2] * two_below[i - 2] ** 2
            bends[i] -= two_below[i - 2] * bends[i - 2]
        one_below[i] /= pivot[i]
        two_below[i] = smoothing * after[i] / pivot[i]
    for i in range(count - 2, 0, -1):
        bends[i] /= pivot[i]
        if i + 2 < count:
            bends[i] -= one_below[i] * bends[i + 1]
        if i + 3 < count:
            bends[i] -= two_below[i] * bends[i + 2]
    for i in range(count):
        smooth[i] = value[i]
    for i in range(1, count - 1):
        smooth[i - 1] -= smoothing * left_of[i] * bends[i]
        smooth[i] -= smoothing * middle[i] * bends[i]
        smooth[i + 1] -= smoothing * right_of[i] * bends[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _lowest_of_v_curve(value, count, bands, factors, chosen, bends, smooth):  # type: ignore[no-untyped-def]
    """Return the smoothing at which the V-curve is lowest.

    With the logarithms of the sum of squared distances and of the sum of squared second
    differences as coordinates, it is the length of the way from one smoothing to the next,
    which has the geometric mean of both.
    """
    best, found = np.inf, chosen[0]
    fit_before = bend_before = 0.0
    for k in range(len(chosen)):
        _solve(value, count, bands, factors, chosen[k], bends, smooth)
        fit = bend = 0.0
        for i in range(count):
            fit += (value[i] - smooth[i]) ** 2
            bend += bands[3, i] * bends[i] ** 2 if 0 < i < count - 1 else 0.0
            bend += 2 * bands[4, i] * bends[i] * bends[i + 1] if 0 < i < count - 2 else 0.0
        fit, bend = np.log(max(fit, _TINY)), np.log(max(bend, _TINY))
        if k > 0:
            length = (fit - fit_before) ** 2 + (bend - bend_before) ** 2
            if length < best:
                best, found = length, np.sqrt(chosen[k - 1] * chosen[k])
        fit_before, bend_before = fit, bend
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _on_curve(target, day, smooth, bends, at, count):  # type: ignore[no-untyped-def]
    """Add up the second differences from an observation to a day; both are whole days."""
    if count == 1:
        return smooth[0]
    span, gone = day[at + 1] - day[at], target - day[at]
    one, other = bends[at], bends[at + 1]
    first = (smooth[at + 1] - smooth[at]) / span
    first -= one * (span - 1) * (2 * span - 1) / (6 * span)
    first -= other * (span * span - 1) / (6 * span)
    turned = one * gone * (gone - 1) / 2
    turned += (other - one) / span * gone * (gone * gone - 1) / 6
    return smooth[at] + gone * first + turned
