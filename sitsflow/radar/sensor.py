"""Sentinel-1 as a sensor of a run: one for each direction of its orbits."""

from __future__ import annotations

import math

from sitsflow.products.sensors.model import Band, Sensor
from sitsflow.radar.safe import MEASUREMENT_DRIVERS
from sitsflow.radar_settings import LABEL, NAME, PATH_KEY, Orbit, RadarSettings

RESOLUTION_M = 10.0
"""Pixel size of IW GRDH images, and of the grid of a tile that no other sensor has."""


def radar_sensor(
    settings: RadarSettings, orbit: Orbit, relative_orbit: int | None = None
) -> Sensor:
    """Describe one direction, in iota2's words for bands and accessors.

    Parameters
    ----------
    settings : RadarSettings
    orbit : {"des", "asc"}
        Descending or ascending.
    relative_orbit : int, optional
        Where relative orbits are kept apart, that of the series.
    """
    upper = orbit.upper()
    kept_apart = "" if relative_orbit is None else f"{relative_orbit:03}"
    words = f"{upper}_{kept_apart}" if kept_apart else upper
    return Sensor(
        name=NAME,
        label=f"{LABEL}{upper}{kept_apart}",
        accessor=f"{LABEL}_{{name}}_{words}",
        feature=f"sentinel1_{words.lower()}_{{lower}}",
        platform=f"Sentinel-1 {words.replace('_', ' ')}",
        source="Sentinel-1 Product Specification, S1-RS-MDA-52-7441",
        path_key=PATH_KEY,
        temporal_resolution=settings.temporal_resolution,
        product=r"S1[A-D]_IW_GRDH_1S(SV|SH|DV|DH)_(?P<date>\d{8})T",
        example="S1A_IW_GRDH_1SDV_20180103T060027_20180103T060052_019986_0220B2_4F5D.SAFE",
        date_format="%Y%m%d",
        unit="dB" if settings.decibels else f"{settings.calibration}, linear power",
        quantification=1,
        nodata=0,
        # In decibels 0 is a value like others.
        missing=math.nan if settings.decibels else None,
        drivers=MEASUREMENT_DRIVERS,
        bands=tuple(
            Band(name=name.upper(), common=name, resolution=RESOLUTION_M)
            for name in settings.polarisations
        ),
    )
