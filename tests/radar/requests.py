"""Requests for runs of Sentinel-1 on simulated products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sitsflow.radar_settings import RadarSettings
from sitsflow.request import Request, SensorRequest
from sitsflow.simulate.sentinel1 import ELEVATION


def sentinel1(root: Path, **changes: Any) -> SensorRequest:
    """Sentinel-1 as a sensor; `changes` are of its settings, or `start` and `end`."""
    days = {key: changes.pop(key) for key in ("start", "end") if key in changes}
    keys: dict[str, Any] = {"products": root, "dem": (root / ELEVATION,)}
    radar = RadarSettings(**keys | changes)
    resolution = radar.temporal_resolution
    return SensorRequest(
        sensor="Sentinel_1", root=root, temporal_resolution=resolution, radar=radar, **days
    )


def radar_run(
    root: Path, output: Path, settings: dict[str, Any] | None = None, **changes: Any
) -> Request:
    """A run of Sentinel-1 alone, whose grid comes from the rasters in `references`."""
    keys: dict[str, Any] = {
        "output_path": output,
        "tiles": ("T31TCJ",),
        "sensors": (sentinel1(root, **(settings or {})),),
    }
    return Request(**keys | changes)
