"""What a run shows of itself besides the Prefect UI."""

from __future__ import annotations

from typing import Protocol

from sitsflow.run.jobs import Job
from sitsflow.run.status import JobStatus


class Display(Protocol):
    """What a run shows of itself besides the Prefect UI."""

    def begin(self, jobs: list[Job]) -> None:
        """Show which jobs there are."""

    def ended(self, job: Job, status: JobStatus) -> None:
        """Show that a job ended, well or not, or will not run."""

    def say(self, text: str) -> None:
        """Show a sentence."""


class NoDisplay:
    """Shows nothing: where a deployment runs the flow, the Prefect UI is the display."""

    def begin(self, jobs: list[Job]) -> None:
        """Show nothing."""

    def ended(self, job: Job, status: JobStatus) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""
