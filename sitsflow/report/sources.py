"""What a report was made of, as a digest that its head carries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from sitsflow.digest import digest_text
from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, TilePlan
from sitsflow.report.work import Outcome

_HEAD = 4096  # characters; the digest stands before the style
_DIGEST = re.compile(r'<meta name="sources" content="(\w+)">')


def digest_of_sources(
    plan: Plan, tiles: Mapping[str, TilePlan], outcomes: Iterable[Outcome], *texts: str
) -> str:
    """Return a digest of all that a report says: it is the same page while this stays.

    Pixels count by the records of the jobs that made them.
    """
    jobs = [f"{one.job.name} {one.done} {_text(one.record)} {one.status}" for one in outcomes]
    whole = [plan.model_dump_json(), *(tile.model_dump_json() for tile in tiles.values())]
    return digest_text(*whole, *jobs, *texts)


def digest_in(path: Path) -> str:
    """Return the digest that the report at `path` carries; empty where there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            found = _DIGEST.search(file.read(_HEAD))
    except (OSError, UnicodeDecodeError):
        return ""
    return found[1] if found else ""


def _text(record: TaskRecord | None) -> str:
    return "" if record is None else record.model_dump_json()
