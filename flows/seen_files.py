"""Files that workers on other machines made: seen by the flow's own machine, soon or never."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.interruption import raise_if_interrupted
from flows.progress import RunProgress
from sitsflow.io.shared_folder import wait_while
from sitsflow.plan import Plan, TilePlan
from sitsflow.run.jobs import Job
from sitsflow.run.promised import lack_of_jobs, unseen


def see_files(
    plan: Plan, tiles: Mapping[str, TilePlan], jobs: Sequence[Job], progress: RunProgress
) -> None:
    """Wait until this machine sees what jobs made: the report and later runs read it here.

    What is not seen in time failed: then the output folder is not the workers', or the next run
    would make it again.
    """
    ended = [job for job in jobs if progress.state(job) in ("done", "already there")]

    def lacking() -> str:
        raise_if_interrupted()
        return lack_of_jobs(ended, plan, tiles)

    wait_while(lacking, progress.say)
    for job in ended:
        if lack := lack_of_jobs([job], plan, tiles):
            progress.ended(job, "failed", unseen(lack))
        else:
            progress.seen(job)
