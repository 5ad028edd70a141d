"""How a run ended: its state, in words that list what is not there and why, and its report."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.planned_run import PlannedRun
from flows.progress import RunProgress
from sitsflow.run.empty_maps import warnings_of_maps
from sitsflow.run.output_folder import finish
from sitsflow.run.status import JobStatus

_MOST_LISTED = 20
"""Jobs: on a full disk all that is left may fail, each in the same way."""


def outcome(planned: PlannedRun, progress: RunProgress) -> State[str]:
    """Return how the run ended, with one message that lists what is not there and why."""
    warnings = [f"WARNING, {text}" for text in warnings_of_maps(planned.plan)]
    for text in warnings:
        get_run_logger().warning(text)
    failed = progress.of("failed")
    left = [*progress.of("not run"), *progress.of("waiting")]
    if not (failed or left):
        finish(planned.plan)
        progress.write("finished")
        root = str(planned.plan.paths.root)
        return Completed(message="\n".join([f"all is there, in {root}", *warnings]), data=root)
    progress.write("failed")
    table = planned.plan.paths.status
    causes = [f"{status.title}: {status.message}" for status in failed[:_MOST_LISTED]]
    lines = [f"{len(failed)} failed:", *causes, *_more(failed, table)]
    if left:
        lines.append(f"{len(left)} therefore not run:")
        lines.append(", ".join(status.title for status in left[:_MOST_LISTED]))
        lines += _more(left, table)
    return Failed(name="PartiallyCompleted", message="\n".join([*lines, *warnings]))


def _more(statuses: list[JobStatus], table: Path) -> list[str]:
    more = len(statuses) - _MOST_LISTED
    return [f"and {more} more, in {table}"] if more > 0 else []


def write_report_of(planned: PlannedRun) -> None:
    """Write the report; a run does not fail without one."""
    from sitsflow.report.page import write_report  # not in workers, which import this module too

    try:
        write_report(planned.plan, planned.tiles, planned.plan.paths.report)
    except Exception:  # noqa: BLE001 - whatever it is, the map is what counts
        get_run_logger().warning("the report could not be written", exc_info=True)
