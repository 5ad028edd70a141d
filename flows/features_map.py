"""The flow: from a configuration to `features_map.tif`, step by step, as far as possible."""

from __future__ import annotations

from itertools import groupby

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for

from blocks import run_form as form
from blocks.cluster import DaskCluster
from blocks.files import write_yaml
from flows.artifacts import RunArtifacts
from flows.cluster import RunCluster
from flows.display import Display, NoDisplay
from flows.expected_end import expected_ends
from flows.filled_form import resolve_form
from flows.interruption import end_at_once, interruptible, raise_if_interrupted
from flows.outcome import outcome, write_report_of
from flows.planned_run import PlannedRun, plan_run
from flows.previous_run import close_previous_run
from flows.progress import RunProgress
from flows.resources import Resources, RetryLimits
from flows.rounds import StepRounds
from flows.seen_files import see_files
from flows.server import ended_without_server
from flows.ui_pages import begin_run, name_run
from sitsflow.plan import save_plan
from sitsflow.run.information import join_merge_logs, write_run_information
from sitsflow.run.jobs import Job, is_done, ram_gb
from sitsflow.run.output_folder import output_folder, read_marker
from sitsflow.run.previous_run import discard
from sitsflow.run.status import forget_status


@flow(name="features-map", validate_parameters=False, persist_result=False)
@expected_ends
def features_map(
    config: form.Config,
    tiles: form.Tiles = "",
    first_date: form.FirstDate = "",
    last_date: form.LastDate = "",
    resolution: form.PixelSize = form.NOT_GIVEN,
    area_of_interest: form.AreaOfInterest = "",
    functions: form.Functions = "",
    output_path: form.OutputPath = "",
    overrides: form.AnyKeys = form.NO_KEYS,
    cluster: form.Cluster = form.NOT_GIVEN,
    fresh: form.Fresh = False,
) -> State[str]:
    """Make the feature map that a saved configuration asks for, with changes for this run.

    The parameters are the fields of the form: `blocks.run_form` says what each means.
    """
    filled = form.RunForm(**locals())
    begin_run("features_map", config)
    resolved, workers = resolve_form(filled)
    return make_map(plan_run(resolved), workers, fresh=fresh)


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
    name_run(planned.title)
    display.say(f"this run in the Prefect UI: {url_for('flow-run', run)}")
    previous = read_marker(plan.paths)
    with output_folder(plan, remove=planned.remove, fresh=fresh, run=run) as sentence:
        close_previous_run(previous, run)
        if sentence:
            get_run_logger().info(sentence)
            display.say(sentence)
        server = get_current_settings().api.url
        with interruptible(), ended_without_server(server, end_at_once):
            return _carry_out(planned, cluster, display, fresh=fresh)


def _carry_out(
    planned: PlannedRun, cluster: DaskCluster, display: Display, *, fresh: bool
) -> State[str]:
    """Carry out the steps in an output folder that is ours."""
    plan, tiles = planned.plan, planned.tiles
    configuration = planned.resolved.configuration
    limits = RetryLimits(**dict(configuration.task_retry_limits))
    with RunCluster(cluster) as workers:
        workers.start_local(planned.most_wanted())
        save_plan(plan, tiles)
        for job in planned.left():  # what an earlier run says of them is not of this one
            forget_status(plan.paths, job.name)
        write_run_information(plan, write_yaml(configuration))
        artifacts = RunArtifacts(plan, tiles, planned.jobs)
        progress = RunProgress(plan, planned.jobs, display, artifacts, workers)
        if fresh:  # all that can be checked has been: what was set aside may go
            workers.start(planned.most_wanted())
            discard(plan.paths)
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
    see_files(plan, planned.tiles, to_run, progress)
