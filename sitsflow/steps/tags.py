"""What every raster of a run says of itself in its tags."""

from __future__ import annotations

from collections.abc import Sequence

from sitsflow.dates import to_date
from sitsflow.plan import Plan, TilePlan


def run_tags(plan: Plan, tile_plans: Sequence[TilePlan] = ()) -> dict[str, str]:
    """Return what every raster of a run says of itself: software, request, sensors and dates.

    With `tile_plans`, each sensor's acquisition dates over these tiles are listed.
    """
    tags = {
        "TIFFTAG_SOFTWARE": f"sitsflow {plan.version}",
        "SITSFLOW_VERSION": plan.version,
        "SITSFLOW_FINGERPRINT": plan.fingerprint,
        "SITSFLOW_SENSORS": " ".join(each.sensor for each in plan.request.sensors),
        "SITSFLOW_FIRST_DATE": plan.first_day.isoformat(),
        "SITSFLOW_LAST_DATE": plan.last_day.isoformat(),
    }
    days: dict[str, set[int]] = {}
    for tile_plan in tile_plans:
        for series in tile_plan.series:
            days.setdefault(series.sensor.label, set()).update(series.days)
    for label in sorted(days):
        dates = (to_date(day) for day in sorted(days[label]))
        tags[f"SITSFLOW_DATES_{label}"] = " ".join(day.isoformat() for day in dates)
    if tile_plans:
        tags["SITSFLOW_TILES"] = " ".join(tile_plan.tile for tile_plan in tile_plans)
    return tags
