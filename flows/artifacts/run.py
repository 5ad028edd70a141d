"""The artifacts of one run, from its plan to its results, kept up to date while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.artifacts.chunks import ChunkTable
from flows.artifacts.failures import failures_page
from flows.artifacts.headline import How, Timing
from flows.artifacts.overview import Overview
from flows.artifacts.pictures import previews, quicklook_picture
from flows.artifacts.plan import plan_page
from flows.artifacts.progress import DONE, TITLES, in_words, percent_done
from flows.artifacts.results import results_page, statistics_table
from flows.artifacts.time_left import time_left
from flows.artifacts.writer import ArtifactWriter
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus

_OVERVIEW_SECONDS = 4.0
_FAILURES_SECONDS = 15.0
_CHUNKS_SECONDS = 30.0
_PROGRESS_SECONDS = 4.0
_MOST_OF_THE_TIME = 0.05  # spent on artifacts, where the server is slow
_LINKED = ("plan", "chunks", "failures", "results")
_OVERVIEW_PICTURE = 720, 70_000  # pixels a row, bytes

Statuses = Mapping[str, JobStatus]


class RunArtifacts:
    """Shows a run in the UI, on the flow run in which `begin` is called.

    One update costs some hundredths of a second, however many jobs there are.
    """

    def __init__(self, plan: Plan, tiles: Mapping[str, TilePlan], jobs: Iterable[Job]) -> None:
        self._plan, self._tiles, self._jobs = plan, tiles, tuple(jobs)
        self._writer = ArtifactWriter(plan.paths.root)
        self._overview = Overview(plan, self._jobs)
        self._chunks = ChunkTable(plan.paths, self._jobs)
        self._throttle = Throttle()
        self._began = _now()
        self._links: dict[str, str] = {}
        self._ended: tuple[Statuses, How, Timing] | None = None

    def begin(self, statuses: Statuses) -> None:
        """Show the plan, and all jobs at their beginning."""
        if flow_run.id:
            self._links["run"] = f"../../runs/flow-run/{flow_run.id}"
        self._writer.write("plan", "markdown", *plan_page(self._plan, self._tiles))
        self.refresh(statuses)

    def refresh(self, statuses: Statuses) -> None:
        """Show how far the run is, where that was not shown just now."""
        if any(status.state == "failed" for status in statuses.values()):
            self._throttle.call(
                _FAILURES_SECONDS, "failures", lambda: self._write_failures(statuses)
            )
        self._throttle.call(_CHUNKS_SECONDS, "chunks", lambda: self._write_chunks(statuses))
        self._throttle.call(_OVERVIEW_SECONDS, "overview", lambda: self._write_running(statuses))

    def settle(self, statuses: Statuses, how: How) -> None:
        """Show how all jobs ended, well or not."""
        if any(status.state == "failed" for status in statuses.values()):
            self._write_failures(statuses, last=True)
        self._write_chunks(statuses, last=True)
        self._ended = dict(statuses), how, Timing(self._began, _now())
        self._write_overview(*self._ended, last=True)

    def show_results(self, outcome: str) -> None:
        """Show the map and its statistics, or tiles where it is missing, and where the files are.

        Parameters
        ----------
        outcome : str
            How the run ended; the first line says it.
        """
        if self._ended is None:
            raise RuntimeError("show_results is called after settle")
        paths, statuses = self._plan.paths, self._ended[0]
        overview_picture = pictures = statistics = ""
        try:
            if self._done(statuses, "mosaic"):
                overview_picture = quicklook_picture(paths.quicklook, *_OVERVIEW_PICTURE)
                pictures = quicklook_picture(paths.quicklook)
                statistics = statistics_table(paths.description)
            else:
                made = [job.tile for job in self._done(statuses, "merge_tile")]
                pictures = previews(self._plan, self._tiles, made)
        except (OSError, ValueError, KeyError) as error:
            get_run_logger().warning("no pictures or statistics in the UI: %s", error)
        page, card = results_page(self._plan, outcome, pictures, statistics)
        self._writer.write("results", "markdown", page, card, last=True)
        self._write_overview(*self._ended, picture=overview_picture, last=True)

    def _write_running(self, statuses: Statuses) -> None:
        now = _now()
        left = time_left(self._jobs, statuses, now)
        self._write_overview(statuses, "running", Timing(self._began, now, left))

    def _write_overview(
        self,
        statuses: Statuses,
        how: How,
        timing: Timing,
        *,
        picture: str = "",
        last: bool = False,
    ) -> None:
        found = {noun: self._writer.link_to(noun) for noun in _LINKED}
        links = self._links | {noun: target for noun, target in found.items() if target}
        page, card = self._overview.page(statuses, how, timing, links, picture)
        self._writer.write("overview", "markdown", page, card, last=last)

    def _write_chunks(self, statuses: Statuses, *, last: bool = False) -> None:
        rows, said = self._chunks.rows(statuses)
        if rows:
            self._writer.write("chunks", "table", rows, said, last=last)

    def _write_failures(self, statuses: Statuses, *, last: bool = False) -> None:
        page, card = failures_page(self._plan.paths, statuses)
        self._writer.write("failures", "markdown", page, card, last=last)

    def _done(self, statuses: Statuses, task: str) -> list[Job]:
        """Return the jobs of a step that are done; a map of an older run may be there without."""
        return [job for job in self._jobs if job.task == task and statuses[job.name].state in DONE]


class StepArtifact:
    """Shows how far one step is, on the flow run in which it is shown first: the step's own."""

    def __init__(self, paths: OutputPaths, task: str) -> None:
        self._task = task
        self._writer = ArtifactWriter(paths.root)
        self._throttle = Throttle()

    def show(self, tally: Mapping[str, int], last: bool = False) -> None:
        """Show the number of jobs by state, where that was not shown just now.

        Parameters
        ----------
        last : bool
            Whether the step has ended: then it is shown in any case.
        """
        if last:
            self._write(tally, last=True)
        else:
            self._throttle.call(_PROGRESS_SECONDS, "progress", lambda: self._write(tally))

    def _write(self, tally: Mapping[str, int], *, last: bool = False) -> None:
        said = f"{TITLES[self._task]}: {in_words(tally)}"
        noun = f"progress {self._task}"
        self._writer.write(noun, "progress", percent_done(tally), said, last=last)


class Throttle:
    """Calls functions at intervals, however often it is asked to; longer ones if they are slow."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def call(self, seconds: float, what: str, function: Callable[[], None]) -> None:
        """Call `function`, known as `what`, unless that was done less than `seconds` ago."""
        begin = time.monotonic()
        if begin < self._due.get(what, 0.0):
            return
        function()
        end = time.monotonic()
        self._due[what] = max(begin + seconds, end + (end - begin) / _MOST_OF_THE_TIME)


def _now() -> datetime:
    return datetime.now().astimezone()
