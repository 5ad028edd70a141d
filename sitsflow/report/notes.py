"""What a reader of the map should know: products left out, undefined pixels, notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan
from sitsflow.report.figures import percent, plural, whole
from sitsflow.report.work import Outcome

_MOST_LINES = 60
_MOST_TILES = 12


@dataclass(frozen=True)
class Notes:
    """Everything to report, as text; `hidden` lines are more than a page should hold."""

    notices: tuple[str, ...]
    warnings: tuple[str, ...]
    skipped: tuple[tuple[str, str, str], ...]
    undefined: tuple[tuple[str, str, str, str], ...]
    held: tuple[tuple[str, str, str], ...]
    hidden: int

    @property
    def any(self) -> bool:
        """Whether there is something to tell."""
        return bool(self.notices or self.warnings or self.skipped or self.undefined or self.held)


def notes_of(plan: Plan, outcomes: list[Outcome]) -> Notes:
    """Gather the notes of a run."""
    records = [one.record for one in outcomes if one.record is not None]
    undefined, chunks = _summed([record.nan_counts for record in records])
    held, where = _summed([record.held_counts for record in records])
    functions = {label: one.name for one in plan.functions for label in one.labels}
    pixels = sum(r.pixels for r in records if r.task.startswith("write_features")) or 1
    rows = [
        (functions.get(label, ""), label, f"{whole(count)} ({percent(count / pixels)})",
         plural(chunks[label], "chunk"))
        for label, count in undefined.most_common()
        if count
    ]  # fmt: skip
    held_rows = [
        (label, f"{whole(count)} ({percent(count / pixels)})", plural(where[label], "chunk"))
        for label, count in held.most_common()
    ]
    lines = _warnings(records)
    skipped = [(one.product.name, one.tile, one.reason) for one in plan.skipped]
    return Notes(
        notices=plan.notices,
        warnings=tuple(lines[:_MOST_LINES]),
        skipped=tuple(skipped[:_MOST_LINES]),
        undefined=tuple(rows[:_MOST_LINES]),
        held=tuple(held_rows[:_MOST_LINES]),
        hidden=sum(max(0, len(part) - _MOST_LINES) for part in (lines, skipped, rows, held_rows)),
    )


def _summed(counts: Sequence[Mapping[str, int]]) -> tuple[Counter[str], Counter[str]]:
    """Add up the counts of tasks by label; and of how many tasks each label has some."""
    total: Counter[str] = Counter()
    tasks: Counter[str] = Counter()
    for one in counts:
        total.update(one)
        tasks.update(label for label, count in one.items() if count)
    return total, tasks


def _warnings(records: list[TaskRecord]) -> list[str]:
    """Return each warning once, with the tiles it is of."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for text in record.warnings:
            # Undefined pixels are reported by band, in a table.
            if not any(text.startswith(f"{label}: ") for label in record.nan_counts):
                found.setdefault(text, {})[record.tile] = None
    return [_with_tiles(text, [tile for tile in tiles if tile]) for text, tiles in found.items()]


def _with_tiles(text: str, tiles: list[str]) -> str:
    if not tiles or (len(tiles) == 1 and tiles[0] in text):
        return text
    more = f" and {len(tiles) - _MOST_TILES} more" if len(tiles) > _MOST_TILES else ""
    return f"{text} ({', '.join(tiles[:_MOST_TILES])}{more})"
