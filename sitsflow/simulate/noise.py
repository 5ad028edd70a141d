"""Randomness that belongs to places: the same at the same map coordinates, whoever asks.

Only additions, products and exact roundings touch pixels here, so that two windows of one world
agree to the last bit where they overlap.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Axis = NDArray[np.float64]
"""Map coordinates of pixel centres along one axis, in metres."""

_MASK = (1 << 64) - 1
# The finaliser of splitmix64 (Steele, Lea and Flood, 2014).
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_STEP64, _FIRST64, _SECOND64 = (np.uint64(number) for number in (_STEP, _FIRST, _SECOND))


def key(*parts: int) -> int:
    """Fold integers, of either sign, into one 64-bit key."""
    state = 0
    for part in parts:
        state = (state + _STEP + (part & _MASK)) & _MASK
        state = ((state ^ (state >> 30)) * _FIRST) & _MASK
        state = ((state ^ (state >> 27)) * _SECOND) & _MASK
        state ^= state >> 31
    return state


def scramble(keys: Keys) -> Keys:
    """Hash each 64-bit key of an array."""
    mixed = np.asarray(keys) + _STEP64
    mixed ^= mixed >> np.uint64(30)
    mixed *= _FIRST64
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND64
    mixed ^= mixed >> np.uint64(31)
    return mixed


def lattice(base: int, cols: NDArray[np.int64], rows: NDArray[np.int64]) -> Keys:
    """Hash integer positions; `cols` and `rows` broadcast to the shape of the result."""
    return scramble(scramble(cols.astype(np.uint64) ^ np.uint64(base)) ^ rows.astype(np.uint64))


def chained(keys: Keys, numbers: NDArray[np.int64] | int) -> Keys:
    """Derive new keys from keys and integers, which broadcast against them."""
    # At least one dimension: numpy warns where a product of scalars wraps.
    return scramble(keys ^ scramble(np.atleast_1d(numbers).astype(np.uint64)))


def uniform(keys: Keys) -> NDArray[np.float64]:
    """Numbers in [0, 1) from hashed keys."""
    return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw(*parts: int) -> float:
    """Return one number in [0, 1) that follows from `parts`."""
    return (key(*parts) >> 11) * 2.0**-53


def smooth(x: Axis, y: Axis, scale: float, base: int) -> NDArray[np.float32]:
    """Value noise in [-1, 1] that changes over about `scale` metres, shape (len(y), len(x))."""
    cols, across = _cells(x, scale)
    rows, down = _cells(y, scale)
    nodes = lattice(
        base,
        np.arange(cols.min(), cols.max() + 2)[None, :],
        np.arange(rows.min(), rows.max() + 2)[:, None],
    )
    heights: NDArray[np.float32] = (uniform(nodes) * 2 - 1).astype(np.float32)
    cols, rows = cols - cols.min(), rows - rows.min()
    upper = heights[rows]
    lines = upper + (heights[rows + 1] - upper) * down[:, None]
    left: NDArray[np.float32] = np.take(lines, cols, axis=1)
    right: NDArray[np.float32] = np.take(lines, cols + 1, axis=1)
    right -= left
    right *= across
    right += left
    return right


def _cells(axis: Axis, scale: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    place = axis / scale
    cell = np.floor(place)
    part = place - cell
    eased = part * part * part * (part * (part * 6 - 15) + 10)
    return cell.astype(np.int64), eased.astype(np.float32)


def fractal(
    x: Axis, y: Axis, scale: float, octaves: int, base: int, persistence: float = 0.5
) -> NDArray[np.float32]:
    """Sum `octaves` of smooth noise, each half as wide as the last, scaled to unit weight.

    Parameters
    ----------
    x, y : ndarray of float64, shapes (col,) and (row,)
        Map coordinates of the pixel centres, metres.
    scale : float
        Width of the widest octave, metres.
    octaves : int
        How many octaves; stop near the pixel size.
    base : int
        Key of this field.
    persistence : float
        Weight of an octave against the one before.

    Returns
    -------
    ndarray of float32, shape (row, col)
        About zero on average; compare it with `level`.
    """
    total = np.zeros((len(y), len(x)), np.float32)
    power = 0.0
    for octave in range(octaves):
        weight = persistence**octave
        part = smooth(x, y, scale / 2**octave, key(base, octave))
        part *= np.float32(weight)
        total += part
        power += weight * weight
    total /= np.float32(power**0.5)
    return total


@lru_cache(maxsize=1)
def _heights() -> NDArray[np.float32]:
    axis = np.arange(0, 40_000, 65, dtype=np.float64)
    return np.sort(fractal(axis, axis, 1000.0, 5, key(1)).ravel())


def level(share: float) -> float:
    """Height that `share` (0 to 1) of a wide fractal field lies above."""
    heights = _heights()
    return float(heights[round((1 - share) * (len(heights) - 1))])
