"""How strongly land covers send radar waves back, on a day."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from sitsflow.simulate import noise
from sitsflow.simulate.cover import COVER_NAMES, covers_of, greenness

_ROUGHNESS = 41

# Gamma nought in decibels, of bare and of green ground, of the kind that C band series show.
_DECIBELS = {
    "winter crop": {"VV": (-9.5, -13.0), "VH": (-18.0, -19.5)},
    "summer crop": {"VV": (-9.5, -8.5), "VH": (-18.0, -14.0)},
    "grassland": {"VV": (-12.0, -10.5), "VH": (-19.0, -17.0)},
    "broadleaf forest": {"VV": (-9.0, -8.5), "VH": (-14.5, -13.5)},
    "conifer forest": {"VV": (-8.5, -8.5), "VH": (-14.5, -14.5)},
    "water": {"VV": (-19.0, -19.0), "VH": (-26.0, -26.0)},
    "urban": {"VV": (-3.0, -3.5), "VH": (-11.0, -11.5)},
    "bare soil": {"VV": (-9.5, -11.0), "VH": (-18.0, -18.0)},
}


def gamma_nought(parcels: noise.Keys, day: date, polarisation: str) -> NDArray[np.float64]:
    """Return the backscatter of each parcel on a day, a power ratio; shape (parcel,).

    `polarisation` is VV or VH. Water apart, parcels of a cover differ by up to 1.5 dB.
    """
    table = np.array([_DECIBELS[name][polarisation] for name in COVER_NAMES])
    kinds = covers_of(parcels)
    share = greenness(parcels, day)
    bare, green = (10 ** (table[kinds, side] / 10) for side in (0, 1))
    rough = 3 * noise.uniform(noise.chained(parcels, _ROUGHNESS)) - 1.5
    rough[kinds == COVER_NAMES.index("water")] = 0
    power: NDArray[np.float64] = (bare * (1 - share) + green * share) * 10 ** (rough / 10)
    return power
