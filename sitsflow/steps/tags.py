"""What every raster of a run says of itself in its tags."""

from __future__ import annotations

from collections.abc import Sequence

from sitsflow.dates import to_date
from sitsflow.plan import Plan, TilePlan


def file_tags(plan: Plan, tiles: Sequence[TilePlan], fingerprint: str) -> dict[str, str]:
    """Return what a raster of some tiles says of itself: software, sensors, tiles and dates.

    Nothing in it may change while `fingerprint`, that of what the raster depends on, does not: a
    file that need not be made again must not tell of another run.
    """
    tags = {
        "TIFFTAG_SOFTWARE": f"sitsflow {plan.version}",
        "SITSFLOW_VERSION": plan.version,
        "SITSFLOW_FINGERPRINT": fingerprint,
        "SITSFLOW_SENSORS": " ".join(each.sensor for each in plan.request.sensors),
        "SITSFLOW_TILES": " ".join(tile.tile for tile in tiles),
    }
    days: dict[str, set[int]] = {}
    for series in (series for tile in tiles for series in tile.dated_series):
        days.setdefault(series.sensor.label, set()).update(series.days)
    for label in sorted(days):
        tags[f"SITSFLOW_DATES_{label}"] = " ".join(_text(day) for day in sorted(days[label]))
    if days:
        every = set().union(*days.values())
        tags["SITSFLOW_FIRST_DATE"] = _text(min(every))
        tags["SITSFLOW_LAST_DATE"] = _text(max(every))
    return tags


def _text(day: int) -> str:
    return to_date(day).isoformat()
