"""The flow: from a configuration to `features_map.tif`, step by step, as far as possible."""

from __future__ import annotations

from itertools import groupby
from uuid import UUID

from prefect import flow, get_client, runtime
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for

from blocks.cluster import DaskCluster
from blocks.features_map import FeaturesMap
from blocks.files import write_yaml
from blocks.override_form import OverrideForm
from blocks.overrides import apply_overrides
from blocks.resolve import resolve
from flows.artifacts import RunArtifacts
from flows.cluster import RunCluster
from flows.interruption import end_at_once, interruptible, raise_if_interrupted
from flows.outcome import outcome, write_report_of
from flows.planned_run import PlannedRun, plan_run
from flows.previous_run import close_previous_run
from flows.progress import RunProgress
from flows.resources import Resources, RetryLimits
from flows.rounds import StepRounds
from flows.server import ended_without_server
from flows.terminal import Display, NoDisplay
from sitsflow.plan import save_plan
from sitsflow.run.information import join_merge_logs, write_run_information
from sitsflow.run.jobs import Job, is_done, ram_gb
from sitsflow.run.output_folder import output_folder, read_marker

NO_OVERRIDES = OverrideForm()


@flow(name="features-map", validate_parameters=True, persist_result=False)
def features_map(
    config: FeaturesMap,
    overrides: OverrideForm = NO_OVERRIDES,
    cluster: DaskCluster | None = None,
    fresh: bool = False,
) -> State[str]:
    """Make the feature map that a configuration asks for.

    Parameters
    ----------
    config : FeaturesMap
        A saved block, or its fields.
    overrides : OverrideForm
        Values that win over `config`, by section or by dotted key (``chain.spatial_resolution``).
    cluster : DaskCluster, optional
        Where the tasks run; this machine if none is given.
    fresh : bool
        Start over, though an unfinished run of the same configuration could be resumed.
    """
    planned = plan_run(resolve(apply_overrides(config.raw(), overrides.given())))
    return make_map(planned, cluster or DaskCluster(), fresh=fresh)


def make_map(
    planned: PlannedRun,
    cluster: DaskCluster,
    *,
    fresh: bool = False,
    display: Display | None = None,
) -> State[str]:
    """Carry out a planned run inside the flow run under way.

    Raises
    ------
    SitsflowError
        If the run cannot begin; nothing was written or removed then.
    """
    display = display or NoDisplay()
    planned.check(cluster, fresh=fresh)
    for text in planned.sentences():
        get_run_logger().info(text)
        display.say(text)
    plan, run = planned.plan, str(runtime.flow_run.id or "")
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(run), name=planned.title)
    display.say(f"this run in the Prefect UI: {url_for('flow-run', run)}")
    previous = read_marker(plan.paths)
    with output_folder(plan, remove=planned.remove, fresh=fresh, run=run) as sentence:
        close_previous_run(previous, run)
        if sentence:
            get_run_logger().info(sentence)
            display.say(sentence)
        server = get_current_settings().api.url
        with interruptible(), ended_without_server(server, end_at_once):
            return _carry_out(planned, cluster, display)


def _carry_out(planned: PlannedRun, cluster: DaskCluster, display: Display) -> State[str]:
    """Carry out the steps in an output folder that is ours."""
    plan, tiles = planned.plan, planned.tiles
    configuration = planned.resolved.configuration
    save_plan(plan, tiles)
    write_run_information(plan, write_yaml(configuration))
    artifacts = RunArtifacts(plan, tiles, planned.jobs)
    limits = RetryLimits(**dict(configuration.task_retry_limits))
    with RunCluster(cluster) as workers:
        progress = RunProgress(plan, planned.jobs, display, artifacts, workers)
        with progress.shown():
            steps = StepRounds(plan, workers, progress, limits)
            for task, jobs in groupby(planned.jobs, key=lambda job: job.task):
                raise_if_interrupted()
                _run_step(planned, task, list(jobs), steps)
    join_merge_logs(plan)
    state = outcome(planned, progress)
    write_report_of(planned)
    artifacts.show_results(state.message or "")
    return state


def _run_step(planned: PlannedRun, task: str, jobs: list[Job], steps: StepRounds) -> None:
    """Run what a step has still to do, and can."""
    plan, progress = planned.plan, steps.progress
    there = [job for job in jobs if is_done(job, plan, planned.tiles)]
    for job in there:
        progress.ended(job, "already there")
    left = [job for job in jobs if job not in set(there)]
    blocked = [job for job in left if progress.is_blocked(job)]
    to_run = [job for job in left if job not in set(blocked)]
    if not left:
        get_run_logger().info("%s: nothing to do, all %d jobs were there", task, len(there))
        return
    if to_run:
        steps.cluster.start(planned.most_wanted())
    each = Resources(max(ram_gb(job, plan) for job in left))
    steps.run(task, to_run, each, len(there), blocked)
