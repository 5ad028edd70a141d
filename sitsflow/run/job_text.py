"""Jobs of one step as a short text, for people and parameters: ``T31TCJ 0-24, T31TDJ 0-11 13``.

The one job of all tiles together is ``all``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sitsflow.run.jobs import TASKS, Job

_ALL = "all"


def jobs_text(jobs: Iterable[Job]) -> str:
    """Return the tiles of some jobs of one step, and the numbers of their chunks."""
    chunks: dict[str, list[int]] = {}
    for job in jobs:
        chunks.setdefault(job.tile, []).extend([] if job.index is None else [job.index])
    parts = ([tile or _ALL, *_ranges(sorted(found))] for tile, found in chunks.items())
    return ", ".join(" ".join(part) for part in parts)


def parse_jobs(task: str, text: str) -> list[Job]:
    """Return the jobs of `task` that `jobs_text` wrote down, tile by tile, chunks ascending."""
    if not text:
        return []
    if text == _ALL and task == TASKS[-1]:
        return [Job(task)]
    return [job for part in text.split(", ") for job in _jobs(task, part)]


def _ranges(numbers: list[int]) -> Iterator[str]:
    """Yield runs of successive numbers, e.g. ``0-24``."""
    begin = 0
    for place, number in enumerate(numbers):
        if place + 1 == len(numbers) or numbers[place + 1] != number + 1:
            first = numbers[begin]
            yield f"{first}-{number}" if first != number else str(number)
            begin = place + 1


def _jobs(task: str, part: str) -> Iterator[Job]:
    tile, *ranges = part.split(" ")
    if not ranges:
        yield Job(task, tile)
    for text in ranges:
        first, _, last = text.partition("-")
        for index in range(int(first), int(last or first) + 1):
            yield Job(task, tile, index)
