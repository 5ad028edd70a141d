"""Made-up observations: what functions are tried on, without a file being opened."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sitsflow.plan import SeriesPlan
from sitsflow.timeseries.observations import Bools, Floats

_REFLECTANCE = {
    "coastal": (0.08, 0.03, 0.06), "blue": (0.10, 0.04, 0.06), "green": (0.14, 0.08, 0.06),
    "red": (0.20, 0.05, 0.04), "rededge1": (0.22, 0.10, 0.03), "rededge2": (0.25, 0.30, 0.02),
    "rededge3": (0.27, 0.38, 0.02), "nir": (0.29, 0.42, 0.02), "nir08": (0.30, 0.44, 0.02),
    "swir1": (0.35, 0.20, 0.01), "swir2": (0.28, 0.10, 0.01),
}  # fmt: skip
"""Of bare soil, dense plants and water, roughly, by common name of the band."""
_CLOUD, _CLOUDY = 0.6, 0.15  # reflectance of clouds, and how often they are there


class SyntheticObservations:
    """Observations without a file: fields with a season, some water, some clouds; always the same.

    A function that fits a curve or looks for clouds must find something of the kind.
    """

    def __init__(self, plan: SeriesPlan, shape: tuple[int, int]) -> None:
        self._plan = plan
        self.shape = shape
        self._shape = (len(plan.scenes), *shape)
        self.bands: set[str] = set()

    @cached_property
    def valid(self) -> Bools:
        """False under clouds, every pixel being clear on some date; (date, row, col)."""
        valid = np.random.default_rng(1).random(self._shape) >= _CLOUDY
        valid[0] |= ~valid.any(axis=0)
        return valid

    @cached_property
    def _cover(self) -> Floats:
        """Share of the ground that plants cover; NaN on water; (date, row, col)."""
        rng = np.random.default_rng(2)
        peak, height, water = (rng.random(self._shape[1:]) for _ in range(3))
        day = np.array(self._plan.days, np.float64)[:, np.newaxis, np.newaxis] % 365.25
        cover = (0.4 + 0.6 * height) * np.exp(-(((day - 120 - 100 * peak) / 60) ** 2))
        return np.where(water < 0.1, np.nan, cover).astype(np.float32)

    def band(self, name: str, *, clouded: bool = False) -> Floats:
        """Return digital numbers, of clouds where a date is not valid; (date, row, col)."""
        del clouded  # always
        self.bands.add(name)
        sensor = self._plan.sensor
        soil, plants, water = _REFLECTANCE.get(sensor.band(name).common or "", (0.2, 0.2, 0.2))
        clear = np.nan_to_num(soil + (plants - soil) * self._cover, nan=water)
        rng = np.random.default_rng(3 + sensor.band_names.index(name))
        values = np.where(self.valid, clear, _CLOUD) * rng.normal(1, 0.03, self._shape)
        return (values * sensor.quantification).astype(np.float32)
