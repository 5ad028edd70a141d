"""The artifacts of one run, from its plan to its report, kept up to date while it lasts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from prefect.logging import get_run_logger

from flows.artifacts.chunks import ChunkTables
from flows.artifacts.failures import failures_page
from flows.artifacts.markdown import counted, plain
from flows.artifacts.pictures import preview_page, quicklook_page
from flows.artifacts.plan import plan_page
from flows.artifacts.progress import TITLES, by_step, in_words, share
from flows.artifacts.results import report_page, statistics_rows
from flows.artifacts.shelf import Shelf
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus
from sitsflow.steps.quicklook import title_of

_PROGRESS_SECONDS = 4.0
_TABLES_SECONDS = 60.0
_FAILURES_SECONDS = 15.0

Statuses = Mapping[str, JobStatus]


class RunArtifacts:
    """Shows a run in the UI. One update costs the server some hundredths of a second."""

    def __init__(self, plan: Plan, tiles: Mapping[str, TilePlan], jobs: Iterable[Job]) -> None:
        self._plan, self._tiles, self._jobs = plan, tiles, tuple(jobs)
        self._shelf = Shelf(plan.paths.root)
        self._tables = ChunkTables(plan.paths, self._jobs)
        self._next: dict[str, float] = {}
        self._told = 0

    def begin(self, statuses: Statuses) -> None:
        """Show the plan, and all steps at their beginning."""
        page, card = plan_page(self._plan, self._tiles)
        self._shelf.put("plan", "markdown", page, card)
        self._progress(statuses)
        self._is_time("tables", _TABLES_SECONDS)

    def refresh(self, statuses: Statuses) -> None:
        """Show where the run stands, if it was not shown just now."""
        if self._is_time("progress", _PROGRESS_SECONDS):
            self._progress(statuses)
        failed = sum(status.state == "failed" for status in statuses.values())
        if failed > self._told and self._is_time("failures", _FAILURES_SECONDS):
            self._told = failed
            self._failures(statuses)
        if self._is_time("tables", _TABLES_SECONDS):
            self._chunks(statuses)

    def settle(self, statuses: Statuses) -> None:
        """Show where all jobs stand at the end, good or bad."""
        self._progress(statuses, last=True)
        self._chunks(statuses, last=True)
        self._failures(statuses, last=True)

    def show_tile(self, tile: str) -> None:
        """Show what the map of a tile looks like."""
        try:
            found = preview_page(self._plan, self._tiles, tile)
        except (OSError, ValueError) as error:
            get_run_logger().warning("no preview of %s: %s", tile, error)
            return
        if found is not None:
            self._shelf.put(f"preview {tile}", "markdown", *found)

    def show_results(self, outcome: str) -> None:
        """Show the picture and the statistics of the map, if there is one, and the report."""
        paths = self._plan.paths
        if paths.map.exists():
            try:
                picture = quicklook_page(paths.quicklook)
                rows = statistics_rows(paths.item)
            except (OSError, ValueError, KeyError) as error:
                get_run_logger().warning("no quicklook or statistics in the UI: %s", error)
            else:
                about = plain(title_of(self._plan))
                self._shelf.put("quicklook", "markdown", picture, about, last=True)
                about = f"{counted(len(rows), 'feature')}, of all pixels of the map"
                self._shelf.put("statistics", "table", rows, about, last=True)
        page, card = report_page(self._plan, outcome)
        self._shelf.put("report", "markdown", page, card, last=True)

    def _progress(self, statuses: Statuses, *, last: bool = False) -> None:
        for task, tally in by_step(self._jobs, statuses).items():
            said = f"{in_words(tally)} ({TITLES[task]})"
            self._shelf.put(f"progress {task}", "progress", share(tally), said, last=last)

    def _chunks(self, statuses: Statuses, *, last: bool = False) -> None:
        rows, said = self._tables.chunks(statuses)
        if rows:
            self._shelf.put("chunks", "table", rows, said, last=last)
            tiles = self._tables.tiles(statuses)
            about = f"The chunks of {counted(len(tiles), 'tile')}"
            self._shelf.put("tiles", "table", tiles, about, last=last)

    def _failures(self, statuses: Statuses, *, last: bool = False) -> None:
        page, card = failures_page(self._plan.paths, statuses)
        self._shelf.put("failures", "markdown", page, card, last=last)

    def _is_time(self, what: str, seconds: float) -> bool:
        """Whether `what` was last shown `seconds` ago; if so it counts as shown now."""
        now = time.monotonic()
        if now < self._next.get(what, 0.0):
            return False
        self._next[what] = now + seconds
        return True
