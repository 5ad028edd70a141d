"""Tables of a run's chunks: each chunk, and each tile with its chunks summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from flows.artifacts.markdown import linked
from flows.artifacts.progress import in_words
from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import load_record
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus, counts

MOST_ROWS = 500
_URGENT = ("failed", "running", "not run")

Row = dict[str, Any]


class ChunkTables:
    """Says what each chunk took, in rows for the UI."""

    def __init__(self, paths: OutputPaths, jobs: Iterable[Job]) -> None:
        self._tree = paths
        self._jobs = [job for job in jobs if job.task == "write_features"]
        self._pixels: dict[str, int] = {}

    def chunks(self, statuses: Mapping[str, JobStatus]) -> tuple[list[Row], str]:
        """Return a row a chunk, what failed or runs first, and a line about them all.

        Of very many only the slowest of those that are done are there.
        """
        pairs = [(job, statuses[job.name]) for job in self._jobs]
        urgent = [pair for state in _URGENT for pair in pairs if pair[1].state == state]
        others = [pair for pair in pairs if pair[1].state not in _URGENT]
        said = in_words(counts(status for _, status in pairs))
        if len(pairs) > MOST_ROWS:
            others = sorted(others, key=lambda pair: -(pair[1].seconds or 0.0))
            said += f"; here are the {MOST_ROWS} that failed, run, or took longest"
        rows = [self._row(job, status) for job, status in (*urgent, *others)[:MOST_ROWS]]
        return rows, f"{said}. Logs: {self._tree.logs / 'write_features_map'}"

    def tiles(self, statuses: Mapping[str, JobStatus]) -> list[Row]:
        """Return a row a tile."""
        found: dict[str, list[tuple[Job, JobStatus]]] = {}
        for job in self._jobs:
            found.setdefault(job.tile, []).append((job, statuses[job.name]))
        return [self._tile(tile, pairs) for tile, pairs in found.items()]

    def _row(self, job: Job, status: JobStatus) -> Row:
        return {
            "tile": job.tile,
            "chunk": job.index,
            "state": status.state,
            "attempt": status.attempt,
            "seconds": _rounded(status.seconds, 1),
            "peak RAM MB": _rounded(status.peak_rss_mb, 0),
            "Mpixel/s": self._speed([(job, status)]),
            "log": linked(status.log.rpartition("/")[2], status),
        }

    def _tile(self, tile: str, pairs: list[tuple[Job, JobStatus]]) -> Row:
        seconds = [status.seconds for _, status in pairs if status.seconds is not None]
        peaks = [status.peak_rss_mb for _, status in pairs if status.peak_rss_mb is not None]
        return {
            "tile": tile,
            "chunks": in_words(counts(status for _, status in pairs)),
            "median s": _rounded(median(seconds), 1) if seconds else None,
            "longest s": _rounded(max(seconds, default=None), 1),
            "peak RAM MB": _rounded(max(peaks, default=None), 0),
            "Mpixel/s": self._speed(pairs),
        }

    def _speed(self, pairs: list[tuple[Job, JobStatus]]) -> float | None:
        """Millions of pixels a second, of the chunks that are done."""
        done = [pair for pair in pairs if pair[1].state in ("done", "already there")]
        seconds = sum(status.seconds or 0.0 for _, status in done)
        pixels = sum(self._pixels_of(job) for job, _ in done)
        return float(f"{pixels / seconds / 1e6:.2g}") if seconds and pixels else None

    def _pixels_of(self, job: Job) -> int:
        if job.name not in self._pixels:
            record = load_record(job.record(self._tree), self._tree.root)
            if record is None:
                return 0
            self._pixels[job.name] = record.pixels
        return self._pixels[job.name]


def _rounded(value: float | None, digits: int) -> float | int | None:
    if value is None:
        return None
    return round(value, digits) if digits else round(value)
