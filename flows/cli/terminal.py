"""What a terminal shows of a run under way: bars where it can draw them, lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from sitsflow.request import STEPS
from sitsflow.run.jobs import TASKS, Job
from sitsflow.run.status import JobStatus


class Terminal:
    """Bars, one a step, on a terminal; one line a finished job where output is redirected."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}
        self._left = 0
        self._total = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, jobs: list[Job]) -> None:
        """Draw an empty bar for each step that has jobs."""
        self._total = self._left = len(jobs)
        for task, (_, title) in zip(TASKS, STEPS, strict=True):
            count = sum(job.task == task for job in jobs)
            if count:
                self._bars[task] = self._progress.add_task(title, total=count)

    def ended(self, job: Job, status: JobStatus) -> None:
        """Move the step's bar; say what failed in any case."""
        self._left -= 1
        if job.task in self._bars:
            self._progress.advance(self._bars[job.task])
        usage = "" if status.seconds is None else f", {status.seconds:.1f} s"
        if status.peak_rss_mb is not None:
            usage += f", {status.peak_rss_mb:.0f} MB"
        line = f"[{self._total - self._left}/{self._total}] {status.title}: {status.state}{usage}"
        if status.state == "failed":
            self.say(f"{line}\n{status.message}")
        elif not self._console.is_terminal:
            self.say(line)

    def say(self, text: str) -> None:
        """Print a sentence above the bars."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
