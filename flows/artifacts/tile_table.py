"""The table of tiles and steps: how far each tile is in each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from flows.artifacts.markdown import linked, plain, table
from flows.artifacts.progress import DONE, jobs_done
from sitsflow.report.figures import number
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus, State, counts

MOST_ROWS = 20
LEGEND = (
    "✓ done, by this run or an earlier one; · to come. The map in the row *mosaic* is that of all "
    "tiles. Seconds and GB: the median time of a chunk, and the highest peak RAM of one."
)

# Short, for the cells of the older UI do not wrap, and it shows 710 pixels of a table.
_COLUMNS = {
    "preprocess": "pre-processing",
    "common_mask": "masks",
    "write_features": "chunks",
    "merge_tile": "map",
}
_SINGLE: Mapping[State, str] = {
    "done": "✓",
    "already there": "✓",
    "waiting": "·",
    "running": "running",
    "not run": "not run",
}
_URGENT: Sequence[State] = ("failed", "running", "not run")

ByStep = dict[str, list[JobStatus]]


class TileTable:
    """Makes the table of the jobs of one run. A row is a tile, a column a step."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = [(job.name, job) for job in jobs]
        chosen = {job.task for _, job in self._jobs}
        if "mosaic" in chosen:
            chosen.add("merge_tile")  # the column of its row
        self._steps = [task for task in _COLUMNS if task in chosen]
        self._has_costs = "write_features" in chosen

    def text(self, statuses: Mapping[str, JobStatus]) -> str:
        """Return the table, in Markdown: all tiles in one row, the mosaic, and a row a tile.

        Of very many tiles only `MOST_ROWS` have a row, what failed or runs first.
        """
        tiles: dict[str, ByStep] = {}
        mosaic: ByStep = {}
        for name, job in self._jobs:
            if job.tile:
                tiles.setdefault(job.tile, {}).setdefault(job.task, []).append(statuses[name])
            else:
                mosaic["merge_tile"] = [statuses[name]]
        rows = []
        if len(tiles) > 1:
            rows.append(self._row("**all tiles**", _together(tiles.values())))
        if mosaic:
            rows.append(self._row("**mosaic**", mosaic))
        shown = list(tiles)
        if len(tiles) > MOST_ROWS:
            shown = sorted(tiles, key=lambda tile: _urgency(tiles[tile]))[:MOST_ROWS]
        rows += [self._row(plain(tile), tiles[tile]) for tile in shown]
        if others := [steps for tile, steps in tiles.items() if tile not in set(shown)]:
            rows.append(self._row(f"*{len(others)} more*", _together(others)))
        columns = ["", *(_COLUMNS[task] for task in self._steps)]
        return table([*columns, "seconds", "GB"] if self._has_costs else columns, rows)

    def _row(self, head: str, steps: ByStep) -> list[str]:
        cells = [head, *(_cell(steps.get(task, [])) for task in self._steps)]
        return [*cells, *_costs(steps.get("write_features", []))] if self._has_costs else cells


def _cell(statuses: list[JobStatus]) -> str:
    if not statuses:
        return ""
    failed = [status for status in statuses if status.state == "failed"]
    if len(statuses) == 1:
        return f"**{linked('failed', failed[0])}**" if failed else _SINGLE[statuses[0].state]
    tally = counts(statuses)
    done, total = jobs_done(tally), len(statuses)
    parts = [f"✓ {total}" if done == total else f"{done}/{total}"]
    if failed:
        parts.append(f"**{linked(f'{len(failed)} failed', failed[0])}**")
    parts += [f"{tally[state]} {state}" for state in ("running", "not run") if tally.get(state)]
    return ", ".join(parts)


def _costs(chunks: list[JobStatus]) -> tuple[str, str]:
    seconds = [one.seconds for one in chunks if one.state in DONE and one.seconds is not None]
    peaks = [one.peak_rss_mb for one in chunks if one.peak_rss_mb is not None]
    return (
        number(median(seconds), 3) if seconds else "",
        number(max(peaks) / 1000, 3) if peaks else "",
    )


def _urgency(steps: ByStep) -> int:
    """Return a number that is smaller the sooner a tile should be looked at."""
    states = {status.state for statuses in steps.values() for status in statuses}
    return next((at for at, state in enumerate(_URGENT) if state in states), len(_URGENT))


def _together(tiles: Iterable[ByStep]) -> ByStep:
    found: ByStep = {}
    for steps in tiles:
        for task, statuses in steps.items():
            found.setdefault(task, []).extend(statuses)
    return found
