"""What the Prefect UI shows for a job that is not run, because one that it needs failed."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled


@task(task_run_name="{title}", cache_policy=NO_CACHE, persist_result=False)
def skip(title: str, message: str) -> State[None]:
    """End at once, in a state named Skipped."""
    return Cancelled(name="Skipped", message=message)
