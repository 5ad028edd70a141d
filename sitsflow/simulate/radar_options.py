"""What may be chosen of simulated products of Sentinel-1 alone."""

from __future__ import annotations

from dataclasses import dataclass

from sitsflow.simulate.relief import Relief

LOOKS = 4.4
"""Equivalent number of looks of IW images of high resolution."""


@dataclass(frozen=True)
class RadarOptions:
    """Passes, relief and speckle.

    `orbits` are the passes of each date, DES and ASC, `tracks`, 1 or 2, the number of relative
    orbits of each of them; `relief` one of `RELIEFS`; `looks` the
    equivalent number of looks of the speckle, None for images without it; `slices`, 1 or 2, the
    number of products that an image is cut into along the track.
    """

    orbits: tuple[str, ...] = ("DES", "ASC")
    tracks: int = 1
    relief: Relief = "flat"
    looks: float | None = LOOKS
    slices: int = 1
