"""What a Prefect server holds of runs: read from its database, or asked of it."""

import json
import sqlite3
from pathlib import Path

from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterParentTaskRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.client.schemas.sorting import FlowRunSort

NEWEST = """
    SELECT id FROM flow_run WHERE state_name = ? AND parent_task_run_id IS NULL
    ORDER BY created DESC LIMIT 1
"""
STEPS = """
    SELECT step.id, step.name, step.state_name, state.message FROM flow_run AS step
    JOIN task_run ON task_run.id = step.parent_task_run_id
    JOIN flow_run_state AS state ON state.id = step.state_id
    WHERE task_run.flow_run_id = ? ORDER BY step.created
"""


def rows(home: Path, query: str, *values: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(f"file:{home / 'prefect.db'}?mode=ro", uri=True) as database:
        return database.execute(query, values).fetchall()


def step_runs(home: Path, flow_state: str) -> dict[str, tuple[str, str]]:
    """State and message of the steps of the newest flow run that ended as `flow_state`."""
    ((run,),) = rows(home, NEWEST, flow_state)
    return {name: (state, message) for _, name, state, message in rows(home, STEPS, run)}


def task_runs(home: Path, flow_state: str) -> dict[str, tuple[str, set[str]]]:
    """State and tags of the task runs of all steps of that run."""
    ((run,),) = rows(home, NEWEST, flow_state)
    found = {}
    for step, *_ in rows(home, STEPS, run):
        query = "SELECT name, state_name, tags FROM task_run WHERE flow_run_id = ?"
        found |= {
            name: (state, set(json.loads(tags))) for name, state, tags in rows(home, query, step)
        }
    return found


def logged(home: Path, task_run: str) -> str:
    """What a task run logged."""
    query = "SELECT message FROM log WHERE task_run_id = ? ORDER BY timestamp"
    return "\n".join(message for (message,) in rows(home, query, task_run))


def newest_run() -> FlowRun:
    """The newest run that no other one started."""
    own = FlowRunFilter(parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True))
    newest = FlowRunSort.EXPECTED_START_TIME_DESC
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=own, sort=newest, limit=1)[0]


def read_artifacts(flow_run_id: str) -> dict[str, Artifact]:
    """Artifacts of a flow run by their keys, without the folder's part."""
    chosen = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=chosen)
    names = [str(one.key).rsplit("-", 2)[0] for one in found]
    assert len(set(names)) == len(names), "one of a kind a run"
    return dict(zip(names, found, strict=True))
