"""Functions ready to be named in ``external_features.functions``.

Each takes the data container as ``self`` and returns ``(array, labels)``; arrays are
(row, col) or (row, col, date). They are also examples for functions of your own.

The first three are the dynamic habitat indices: Coops, N. C. et al. (2008), "The development of
a Canadian dynamic habitat index using multi-temporal satellite estimates of canopy light
absorbance", Ecological Indicators 8(5), 754-766. Their NDVI is iota2's, x 1000, of Sentinel-2, or
where a run has none, of its first sensor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Result = tuple[Any, list[str]]


def get_cumulative_productivity(self: Any) -> Result:
    """Sum of NDVI over the dates."""
    return np.sum(_ndvi(self), axis=2), ["cumul_prod"]


def get_minimum_productivity(self: Any) -> Result:
    """Lowest NDVI of the dates."""
    return np.min(_ndvi(self), axis=2), ["min_prod"]


def get_seasonal_variation(self: Any) -> Result:
    """Coefficient of variation of NDVI over the dates."""
    ndvi = _ndvi(self)
    return np.std(ndvi, axis=2) / (np.mean(ndvi, axis=2) + 1e-6), ["var_prod"]


def get_ndvi(self: Any) -> Result:
    """NDVI of each date, -1 to 1 (Rouse et al. 1974)."""
    return _difference(self, "B8", "B4", "ndvi")


def get_ndsi(self: Any) -> Result:
    """NDSI, the snow index, of each date, -1 to 1 (Hall et al. 1995)."""
    return _difference(self, "B3", "B11", "ndsi")


def get_soi(self: Any) -> Result:
    """Bare soil index of each date: SWIR against near infrared, -1 to 1."""
    return _difference(self, "B11", "B8", "soi")


def get_red_edge2(self: Any) -> Result:
    """First red edge band against red, of each date, -1 to 1."""
    return _difference(self, "B5", "B4", "rededge2")


def get_gndvi(self: Any) -> Result:
    """Green NDVI of each date, -1 to 1 (Gitelson et al. 1996).

    iota2's example of the same name asks for B9, which no level 2A product has.
    """
    return _difference(self, "B8", "B3", "gndvi")


def get_cari(self: Any) -> Result:
    """Chlorophyll absorption ratio index of each date (Kim et al. 1994), in iota2's form."""
    b3 = self.get_interpolated_Sentinel2_B3()
    b4 = self.get_interpolated_Sentinel2_B4()
    b5 = self.get_interpolated_Sentinel2_B5()
    a = (b5 - b3) / 150 * 670 + b4 + b3 - (b5 - b3) / 150 * 550
    b = (b5 - b3) / 150**2 + 1
    return b5 / b4 * np.abs(a) / np.sqrt(b), _dated(b5, "cari")


def get_identity(self: Any) -> Result:
    """Blue band of each date, unchanged."""
    return self.get_interpolated_Sentinel2_B2(), []


def duplicate_ndvi(self: Any) -> Result:
    """iota2's NDVI of each date, unchanged."""
    ndvi = _ndvi(self)
    return ndvi, _dated(ndvi, "dupndvi")


def test_index(self: Any) -> Result:
    """Sum of the blue and red bands of each date."""
    return _sum(self, "Sentinel2", "B2", "B4"), []


def test_index_sum(self: Any) -> Result:
    """Sum of the blue and red bands over all dates, Sentinel-2."""
    return _total(self, "Sentinel2", "B2", "B4")


def test_index_sum_l5_old(self: Any) -> Result:
    """Sum of bands 2 and 4 over all dates, Landsat 5 in THEIA's old format."""
    return _total(self, "Landsat5Old", "B2", "B4")


def test_index_sum_l8(self: Any) -> Result:
    """Sum of bands 2 and 4 over all dates, Landsat 8."""
    return _total(self, "Landsat8", "B2", "B4")


def test_index_sum_l8_old(self: Any) -> Result:
    """Sum of bands 2 and 4 over all dates, Landsat 8 in THEIA's old format."""
    return _total(self, "Landsat8Old", "B2", "B4")


def test_index_sum_s2_s2c(self: Any) -> Result:
    """Sum of the blue and red bands over all dates, Sentinel-2 by Sen2Cor."""
    return _total(self, "Sentinel2S2C", "B02", "B04")


def test_index_sum_s2_l3a(self: Any) -> Result:
    """Sum of the blue and red bands over all dates, Sentinel-2 level 3A."""
    return _total(self, "Sentinel2L3A", "B2", "B4")


def _ndvi(self: Any) -> Any:
    sensors = list(self.interpolated_dates)
    return _series(self, "Sentinel2" if "Sentinel2" in sensors else sensors[0], "NDVI")


def _series(self: Any, sensor: str, band: str) -> Any:
    return getattr(self, f"get_interpolated_{sensor}_{band}")()


def _difference(self: Any, one: str, other: str, label: str) -> Result:
    a, b = _series(self, "Sentinel2", one), _series(self, "Sentinel2", other)
    return (a - b) / (a + b), _dated(a, label)


def _sum(self: Any, sensor: str, one: str, other: str) -> Any:
    return _series(self, sensor, one) + _series(self, sensor, other)


def _total(self: Any, sensor: str, one: str, other: str) -> Result:
    return np.sum(_sum(self, sensor, one, other), axis=2), ["sum"]


def _dated(values: Any, label: str) -> list[str]:
    return [f"{label}_{number}" for number in range(1, values.shape[2] + 1)]
