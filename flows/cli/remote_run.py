"""A run of a deployment: submitted to the server, carried out by a worker, followed from here."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
    LogFilterLevel,
    LogFilterTimestamp,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort, LogSort
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.utilities.urls import url_for

from blocks.overrides import COMMAND_LINE, parse_overrides
from flows.cli.exit_status import ExitStatus
from flows.cli.load import is_block
from flows.server import ServerError, configured_api_url, find_server, running_server, use
from sitsflow.errors import ConfigError, Fault

FLOW = "features-map"
_POLL_SECONDS = 1.0
_LATE_SECONDS = 15.0
_LOG_DELAY = timedelta(seconds=15)  # records come in batches, those of steps in their own


def run_there(
    deployment: str,
    config: str,
    overrides: Sequence[str] = (),
    *,
    fresh: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
) -> ExitStatus:
    """Submit a run to a deployment, follow it until it ends, and say how it did.

    Parameters
    ----------
    deployment : str
        Its name, e.g. ``on-demand``; another flow's with the flow's name and a slash before it.
    config : str
        ``block:NAME``.
    overrides : sequence of str
        Each ``section.key=value``.
    fresh, workers, cluster
        As on the command line.

    Raises
    ------
    ConfigError
        If there is no such deployment, or the server refuses the parameters.
    ServerError
        If no server is configured and none runs on this machine.
    """
    given = _parameters(config, overrides, workers, cluster) | ({"fresh": True} if fresh else {})
    name = deployment if "/" in deployment else f"{FLOW}/{deployment}"
    with _server():
        run = _submit(name, given)
        url = url_for(run)
        _say(f"submitted to {name}: {url}")
        try:
            with get_client(sync_client=True) as client:
                run = _Follower(client, run).until_it_ends()
        except KeyboardInterrupt:
            sys.stderr.write(f"sitsflow: the run goes on; it can be cancelled there: {url}\n")
            return ExitStatus.FAILED
    return _report(run)


def _parameters(
    config: str, overrides: Sequence[str], workers: int | None, cluster: str | None
) -> dict[str, Any]:
    """Return the parameters that the command line gives, as the form would send them."""
    parsed, faults = parse_overrides(overrides)
    if not is_block(config):
        message = "a deployment maps saved configurations: save it (sitsflow config save NAME FILE)"
        faults.insert(0, Fault(config, f"{message}, and give block:NAME"))
    if faults:
        raise ConfigError(faults, COMMAND_LINE)
    given: dict[str, Any] = {"config": _reference(FLOW, config.removeprefix("block:"))}
    if parsed:
        given["overrides"] = {one.place: one.value for one in parsed}
    if cluster:
        given["cluster"] = (
            {"address": cluster} if "://" in cluster else _reference("dask-cluster", cluster)
        )
    elif workers:
        given["cluster"] = {"n_workers": workers}
    return given


def _reference(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": {"block_document_slug": f"{kind}/{name}"}}


@contextmanager
def _server() -> Iterator[None]:
    """Use the configured server, or the one of this machine if it runs: deployments are on it."""
    if configured_api_url() is None and running_server() is None:
        raise ServerError(
            "no Prefect server is configured and none runs on this machine: set PREFECT_API_URL, "
            "or start one with a worker by `make serve`"
        )
    with use(find_server()):
        yield


def _submit(name: str, given: dict[str, Any]) -> FlowRun:
    try:
        submitted: Any = run_deployment(name, parameters=given, timeout=0, as_subflow=False)
    except ObjectNotFound:
        with get_client(sync_client=True) as client:
            found = client.read_deployments(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])), limit=200
            )
        there = ", ".join(sorted(one.name for one in found)) or "none"
        message = f"no deployment {name!r} is on this Prefect server; there is {there}"
        raise ConfigError(
            [Fault("--deployment", f"{message} (`make deploy` registers them)")], COMMAND_LINE
        ) from None
    except PrefectHTTPStatusError as error:
        if error.response.status_code not in (409, 422):
            raise
        message = str(error.response.json().get("detail", error.response.text))
        raise ConfigError([Fault("the server refuses it", message)], COMMAND_LINE) from None
    run: FlowRun = submitted
    return run


@dataclass
class _Follower:
    """Shows what becomes of a flow run: its states, its log, and how its steps ended."""

    client: SyncPrefectClient
    run: FlowRun
    _records: set[UUID] = field(default_factory=set)
    _steps: set[UUID] = field(default_factory=set)

    def until_it_ends(self) -> FlowRun:
        """Return the run as it is at its end."""
        since, state, hinted = time.monotonic(), "", False
        while True:
            self.run = self.client.read_flow_run(self.run.id)
            if (now := self.run.state_name or "") != state:
                state = now
                _say(f"{self.run.name}: {state}")
            self._show_steps()
            self._show_log()
            if self.run.state is not None and self.run.state.is_final():
                return self.run
            waits = self.run.start_time is None and time.monotonic() - since > _LATE_SECONDS
            if waits and not hinted:
                hinted = True
                self._hint()
            time.sleep(_POLL_SECONDS)

    def _show_steps(self) -> None:
        steps = self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[self.run.id])
            ),
            sort=FlowRunSort.START_TIME_ASC,
        )
        for step in steps:
            if step.id not in self._steps and step.state is not None and step.state.is_final():
                self._steps.add(step.id)
                _say(f"{step.name}: {step.state.name}, {step.state.message}")

    def _show_log(self) -> None:
        """Show what the run's log has to say; what failed is said at the end."""
        after = LogFilterTimestamp.model_validate({"after_": datetime.now(UTC) - _LOG_DELAY})
        for record in self.client.read_logs(
            LogFilter(
                flow_run_id=LogFilterFlowRunId(any_=[self.run.id]),
                level=LogFilterLevel(ge_=20, le_=30),
                timestamp=after,
            ),
            limit=200,
            sort=LogSort.TIMESTAMP_ASC,
        ):
            # Not what the worker says of it.
            if record.name == "prefect.flow_runs" and record.id not in self._records:
                self._records.add(record.id)
                _say(f"  {record.message}")

    def _hint(self) -> None:
        """Say why the run does not begin, where that can be seen."""
        pool = self.run.work_pool_name
        if pool and self.client.read_work_pool(pool).status != "READY":
            _say(
                f"no worker takes runs of the work pool {pool}: start one where the products are, "
                f"`prefect worker start --pool {pool}`, or `make serve` on the server's machine"
            )


def _report(run: FlowRun) -> ExitStatus:
    assert run.state is not None
    text = run.state.message or ""
    if run.state.is_completed():
        sys.stdout.write(f"{text}\n")
        return ExitStatus.MADE
    sys.stderr.write(f"sitsflow: the run ended {run.state.name}: {text}\n")
    return ExitStatus.FAILED


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
