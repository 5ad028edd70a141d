"""The flow: from a configuration to `features_map.tif`, as far as possible."""

from __future__ import annotations

from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from blocks.cluster import DaskCluster
from blocks.features_map import FeaturesMap
from blocks.files import write_yaml
from blocks.override_form import OverrideForm
from blocks.overrides import apply_overrides
from blocks.resolve import ResolvedConfig, resolve
from flows.artifacts import RunArtifacts
from flows.attempts import RetryLimits
from flows.board import Board
from flows.dispatch import Dispatch
from flows.display import display
from flows.former import close_former, refuse_missing
from flows.planned import largest_gb, plan_of
from flows.workers import Workers
from sitsflow.plan import Plan, TilePlan, save_plan
from sitsflow.run.information import join_merge_logs, write_run_information
from sitsflow.run.jobs import Job, selected_jobs
from sitsflow.run.output_folder import finish, output_folder, read_marker
from tasks.common_mask import common_mask
from tasks.merge_tile import merge_tile
from tasks.mosaic import mosaic
from tasks.preprocess import preprocess
from tasks.write_features import write_features

Tiles = dict[str, TilePlan]
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
    resolved = resolve(apply_overrides(config.raw(), overrides.given()))
    plan, tiles = plan_of(resolved.request())
    left_out = [f"WARNING, broken product left out: {one.reason}" for one in plan.skipped]
    for text in (*resolved.warnings, *resolved.notices, *plan.notices, *left_out):
        _say(text)
    # With the plan they come to all that is written of the run.
    plan = plan.model_copy(update={"notices": (*resolved.warnings, *plan.notices)})
    refuse_missing(plan, tiles)
    cluster = cluster or DaskCluster()
    if largest := largest_gb(plan, tiles):
        cluster.check_usable(largest)
    run = str(runtime.flow_run.id or "")
    remove = resolved.configuration.chain.remove_output_path
    former = read_marker(plan.paths)
    with output_folder(plan, remove=remove, fresh=fresh, run=run) as sentence:
        close_former(former, run)
        if sentence:
            _say(sentence)
        return _make(plan, tiles, resolved, cluster)


def _make(plan: Plan, tiles: Tiles, resolved: ResolvedConfig, cluster: DaskCluster) -> State[str]:
    """Carry out the selected steps of a plan in a directory that is ours."""
    save_plan(plan, tiles)
    write_run_information(plan, write_yaml(resolved.configuration))
    jobs = selected_jobs(plan, tiles)
    artifacts = RunArtifacts(plan, tiles, jobs)
    board = Board(plan, jobs, artifacts)
    limits = resolved.configuration.task_retry_limits
    with Workers(cluster) as workers:
        work = Dispatch(plan, tiles, workers, board, RetryLimits(**dict(limits)))
        _add_all(work, jobs, tiles)
        work.run()
    join_merge_logs(plan)
    state = _outcome(plan, board)
    _report(plan, tiles)
    artifacts.show_results(state.message or "")
    return state


def _add_all(work: Dispatch, jobs: list[Job], tiles: Tiles) -> None:
    """Say what the steps are, and what each needs."""
    chosen = set(jobs)

    def add(task: Any, job: Job, after: list[Job]) -> Job:
        return work.add(task, job, after) if job in chosen else job

    maps = []
    for tile, tile_plan in tiles.items():
        prepared = add(preprocess, Job("preprocess", tile), [])
        masked = add(common_mask, Job("common_mask", tile), [prepared])
        chunks = [
            add(write_features, Job("write_features", tile, index), [masked])
            for index in range(len(tile_plan.chunks))
        ]
        maps.append(add(merge_tile, Job("merge_tile", tile), chunks))
    add(mosaic, Job("mosaic"), maps)


def _outcome(plan: Plan, board: Board) -> State[str]:
    """Return how the run ended, with one message that lists what is not there and why."""
    failed, left = board.of("failed"), board.of("not run")
    if not failed:
        finish(plan)
        board.write("finished")
        return Completed(message=f"all is there, in {plan.paths.root}", data=str(plan.paths.root))
    board.write("failed")
    causes = [f"{status.title}: {status.message}" for status in failed]
    lines = [f"{len(failed)} failed:", *causes]
    if left:
        lines += [f"{len(left)} therefore not run:", ", ".join(status.title for status in left)]
    return Failed(name="PartiallyCompleted", message="\n".join(lines))


def _report(plan: Plan, tiles: Tiles) -> None:
    """Write the report; for want of it no run fails."""
    from sitsflow.report import write_report  # not in workers, which import this module too

    try:
        write_report(plan, tiles, plan.paths.report)
    except Exception:  # noqa: BLE001 - whatever it is, the map is what counts
        get_run_logger().warning("the report could not be written", exc_info=True)


def _say(text: str) -> None:
    get_run_logger().info(text)
    display.get().say(text)
