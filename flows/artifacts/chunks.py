"""The table of a run's chunks: what each took, and where its log is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flows.artifacts.markdown import linked
from flows.artifacts.progress import DONE, in_words
from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import load_record
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus, counts

MOST_ROWS = 500
_URGENT = ("failed", "running", "not run")

Row = dict[str, object]


class ChunkTable:
    """Makes rows for the UI of the chunks of one run."""

    def __init__(self, paths: OutputPaths, jobs: Iterable[Job]) -> None:
        self._paths = paths
        self._jobs = [job for job in jobs if job.task == "write_features"]
        self._pixels: dict[str, int] = {}

    def rows(self, statuses: Mapping[str, JobStatus]) -> tuple[list[Row], str]:
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
        return rows, f"{said}. Logs: {self._paths.logs / 'write_features_map'}"

    def _row(self, job: Job, status: JobStatus) -> Row:
        return {
            "tile": job.tile,
            "chunk": job.index,
            "state": status.state,
            "attempt": status.attempt,
            "seconds": None if status.seconds is None else round(status.seconds, 1),
            "peak RAM MB": None if status.peak_rss_mb is None else round(status.peak_rss_mb),
            "Mpixel/s": self._speed(job, status),
            "log": linked(status.log.rpartition("/")[2], status),
        }

    def _speed(self, job: Job, status: JobStatus) -> float | None:
        """Millions of pixels a second, of a chunk that is done."""
        if status.state not in DONE or not status.seconds:
            return None
        if job.name not in self._pixels:
            record = load_record(job.record(self._paths), self._paths.root)
            if record is None:
                return None
            self._pixels[job.name] = record.pixels
        return float(f"{self._pixels[job.name] / status.seconds / 1e6:.2g}")
