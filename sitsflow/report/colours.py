"""Colours of a feature's picture and legend: one ramp, and the values at its ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Viridis of matplotlib (van der Walt and Smith 2015) and ColorBrewer's RdBu (Brewer 2002), by
# eleven stops each: between them straight lines are near enough for the eye.
_VIRIDIS = (
    "#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70",
    "#7ad151", "#bddf26", "#fde725",
)  # fmt: skip
_BLUE_RED = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582",
    "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip

_LARGER_SIDE = 0.3  # share of the larger sign under which the smaller one does not matter


class Scale(NamedTuple):
    """Colours from `low` to `high`; what lies beyond takes the colour of the end."""

    low: float
    high: float
    stops: tuple[str, ...]

    @property
    def gradient(self) -> str:
        """The ramp in CSS."""
        return f"linear-gradient(90deg, {', '.join(self.stops)})"

    def palette(self, size: int) -> NDArray[np.uint8]:
        """Return `size` colours of the ramp; (colour, channel)."""
        stops = np.array([[int(c[at : at + 2], 16) for at in (1, 3, 5)] for c in self.stops])
        along = np.linspace(0, len(stops) - 1, size)
        channels = [np.interp(along, np.arange(len(stops)), stops[:, c]) for c in range(3)]
        return np.stack(channels, axis=1).round().astype(np.uint8)


def scale_of(values: NDArray[np.float32]) -> Scale:
    """Choose the colours of finite `values`: from their 2nd to their 98th percentile.

    Blue and red around zero where both signs matter, viridis elsewhere. Where all values are
    about the same, the ends lie apart from it.
    """
    if not values.size:
        return Scale(0.0, 1.0, _VIRIDIS)
    low, high = (float(value) for value in np.percentile(values, (2, 98)))
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        margin = 0.5 * abs(low) or 0.5
        return Scale(low - margin, high + margin, _VIRIDIS)
    if low < 0 < high and min(-low, high) > _LARGER_SIDE * max(-low, high):
        end = max(-low, high)
        return Scale(-end, end, _BLUE_RED)
    return Scale(low, high, _VIRIDIS)
