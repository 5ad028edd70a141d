"""Maps of tiles in which no pixel has a value: made as they should be, and of no use."""

from __future__ import annotations

from sitsflow.io.record import load_record
from sitsflow.plan import Plan
from sitsflow.run.jobs import Job


def empty_map(tile: str) -> str:
    """Return what to say of a tile's map in which no pixel has a value."""
    return (
        f"tile {tile}: no pixel of its map has a value. Masks (clouds, edges, saturated pixels) or "
        "missing data exclude every pixel on every date, or the functions gave no number. Look at "
        "the valid pixels of each date in the report"
    )


def warnings_of_maps(plan: Plan) -> list[str]:
    """Return what was noticed when the maps of tiles were put together, in the order of tiles."""
    records = (
        load_record(Job("merge_tile", tile).record(plan.paths), plan.paths.root)
        for tile in plan.tile_names
    )
    return [text for record in records if record is not None for text in record.warnings]
