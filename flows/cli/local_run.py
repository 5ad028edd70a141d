"""A run of the command line: the flow in this process, its progress on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for
from rich.console import Console

from blocks.cluster import DaskCluster
from blocks.resolve import ResolvedConfig
from flows.cli.exit_status import ExitStatus
from flows.cli.load import is_block, load
from flows.cli.saved_cluster import find_cluster
from flows.cli.terminal import Terminal
from flows.features_map import make_map
from flows.planned_run import PlannedRun, plan_run
from flows.server import Server, ServerError, find_server, gone, use
from sitsflow.run.description import step_list
from sitsflow.run.jobs import selected_steps

_STAYS = (
    "the Prefect server stays, so that this page opens later too: `sitsflow server stop` stops it"
)
_INTERRUPTED = "interrupted; the same command resumes the run"


@dataclass(frozen=True)
class RunOptions:
    """What the command line says of a run."""

    config: str
    overrides: Sequence[str] = ()
    fresh: bool = False
    workers: int | None = None
    cluster: str | None = None
    stop_server: bool = False


def run_here(options: RunOptions) -> ExitStatus:
    """Plan a run, find or start its Prefect server, carry it out, and say how it ended.

    Raises
    ------
    SitsflowError
        If the run cannot begin; nothing was written or removed then.
    ServerError
        If no Prefect server answers, or the one that did is gone.
    """
    console = Console(stderr=True)
    with ExitStack() as stack:
        resolved = None
        if not is_block(options.config):
            resolved = load(options.config, options.overrides)
        pool = stack.enter_context(ThreadPoolExecutor(1))
        server = pool.submit(find_server)
        if resolved is None:  # what is saved is on the server
            stack.enter_context(use(server.result()))
            resolved = load(options.config, options.overrides)
        planned = _plan(resolved, console)
        if options.cluster is None or "://" in options.cluster:
            planned.check(_cluster(options), fresh=options.fresh)
        stack.enter_context(use(server.result()))
        status = _carry_out(planned, options, console)
        used = server.result()
        if isinstance(used, Server) and used.started and not options.stop_server:
            console.print(_STAYS, highlight=False, soft_wrap=True)
        return status


def _plan(resolved: ResolvedConfig, console: Console) -> PlannedRun:
    """Plan the run; show its steps, as iota2 does, before it begins."""
    tiles = len(resolved.configuration.chain.list_tile)
    console.print(f"planning {tiles} {'tile' if tiles == 1 else 'tiles'}", highlight=False)
    planned = plan_run(resolved)
    console.print(step_list(selected_steps(planned.plan)), markup=False, highlight=False)
    return planned


def _cluster(options: RunOptions) -> DaskCluster:
    if options.cluster:
        return find_cluster(options.cluster)
    return DaskCluster(n_workers=options.workers)


def _carry_out(planned: PlannedRun, options: RunOptions, console: Console) -> ExitStatus:
    cluster = _cluster(options)
    with Terminal(console) as terminal:
        # The flow that deployments run, of what is resolved and planned already.
        @flow(name="features-map", persist_result=False, validate_parameters=False)
        def features_map(config: dict[str, Any], fresh: bool) -> State[str]:
            return make_map(planned, cluster, fresh=fresh, display=terminal)

        try:
            state = features_map(
                config=planned.resolved.configuration.plain(),
                fresh=options.fresh,
                return_state=True,
            )
        except KeyboardInterrupt:
            sys.stderr.write(f"sitsflow: {_INTERRUPTED}\n")
            return ExitStatus.FAILED
        except httpx.HTTPError as error:
            answer = error.response if isinstance(error, httpx.HTTPStatusError) else None
            status = None if answer is None else answer.status_code
            raise ServerError(gone(get_current_settings().api.url, status)) from error
    return _report(state, planned, console)


def _report(state: State[Any], planned: PlannedRun, console: Console) -> ExitStatus:
    """Say how the run ended and where its results are; return the exit status."""
    if not state.is_completed() and state.name != "PartiallyCompleted":
        error = state.result(raise_on_failure=False)
        if isinstance(error, BaseException):
            raise error
    text = state.message or state.name or ""
    if state.is_completed():
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    else:
        sys.stderr.write(f"sitsflow: the run is incomplete, {text}\n")
        sys.stderr.write(
            f"`sitsflow bugreport {planned.plan.paths.root}` packs the logs, the plan and the "
            "configuration for a bug report, without pixels and secrets\n"
        )
    run_url = url_for("flow-run", str(state.state_details.flow_run_id))
    console.print(f"this run in the Prefect UI: {run_url}", highlight=False, soft_wrap=True)
    results = planned.plan.paths.results
    width = max(map(len, results), default=0) + 2
    for name, path in results.items():
        sys.stdout.write(f"{name + ':':<{width}}{path}\n")
    return ExitStatus.MADE if state.is_completed() else ExitStatus.FAILED
