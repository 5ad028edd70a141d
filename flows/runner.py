"""The process that runs the flow: started by the launcher, ended with it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from rich.console import Console

from blocks.cluster import DaskCluster
from blocks.features_map import FeaturesMap
from flows.api_process import end_with
from flows.cluster import find_cluster
from flows.configuration import load
from flows.display import Terminal, display
from flows.exit_status import ExitStatus, explain
from flows.features_map import features_map
from flows.launch import RunOptions, is_block
from flows.planned import planned_ahead
from flows.server import wait_for, wait_for_configured
from sitsflow.io.paths import OutputPaths


def run(options: RunOptions) -> int:
    """Run the flow with its progress on the terminal; return the exit status."""
    console = Console(stderr=True)
    api_url = os.environ.get("PREFECT_API_URL")
    wait = wait_for if options.embedded else wait_for_configured
    if api_url and is_block(options.config):
        wait(api_url)
    resolved = load(options.config, options.overrides)
    configuration = resolved.configuration
    tiles = len(configuration.chain.list_tile)
    console.print(f"planning {tiles} {'tile' if tiles == 1 else 'tiles'}", highlight=False)
    with planned_ahead(resolved, fresh=options.fresh):
        if api_url:
            wait(api_url)
            console.print(f"Prefect UI: {_ui(api_url)}", highlight=False, soft_wrap=True)
        local = DaskCluster(n_workers=options.workers)
        cluster = find_cluster(options.cluster) if options.cluster else local
        with Terminal(console) as terminal:
            token = display.set(terminal)
            try:
                state = features_map(
                    config=FeaturesMap(**configuration.plain()),
                    cluster=cluster,
                    fresh=options.fresh,
                    return_state=True,
                )
            finally:
                display.reset(token)
    paths = OutputPaths(Path(configuration.chain.output_path))
    return _report(state, paths, console, embedded=options.embedded)


def _report(state: State[Any], paths: OutputPaths, console: Console, *, embedded: bool) -> int:
    """Say how the run ended and where its results are; return the exit status."""
    if not state.is_completed() and state.name != "PartiallyCompleted":
        error = state.result(raise_on_failure=False)
        if isinstance(error, BaseException):
            raise error
    said = console.print if state.is_completed() else _complain
    said(state.message or state.name or "", markup=False, highlight=False, soft_wrap=True)
    if embedded:
        console.print(_later(state), markup=False, highlight=False, soft_wrap=True)
    results = {
        "map": paths.map,
        "quicklook": paths.quicklook,
        "report": paths.report,
        "STAC item": paths.item,
        "tasks": paths.status,
        "logs": paths.logs,
    }
    for name, path in results.items():
        if path.exists():
            sys.stdout.write(f"{name + ':':<11}{path}\n")
    return ExitStatus.MADE if state.is_completed() else ExitStatus.FAILED


def _complain(text: str, **_: Any) -> None:
    sys.stderr.write(f"sitsflow: the run is incomplete, {text}\n")


def _later(state: State[Any]) -> str:
    """Say how to see a run whose server ends with it; what that knew stays in its database."""
    server = get_current_settings().server.api
    run = f"http://{server.host}:{server.port}/runs/flow-run/{state.state_details.flow_run_id}"
    return f"to see this run again: `prefect server start`, then {run}"


def _ui(api_url: str) -> str:
    return os.environ.get("PREFECT_UI_URL") or api_url.removesuffix("/api")


def main() -> int:
    """Run what the command line asks for, and turn what goes wrong into a message and a status."""
    options = RunOptions.from_json(sys.argv[1])
    # No farewell: the server is going too, and what is done is recorded.
    end_with(int(sys.argv[2]))
    # Interrupted by the launcher even if the terminal had asked it to be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run(options)
    except KeyboardInterrupt:
        sys.stderr.write("sitsflow: interrupted; the same command resumes the run\n")
        return ExitStatus.FAILED
    except Exception as error:  # noqa: BLE001 - the command's last word, whatever it is
        return explain(error, debug=options.debug)


if __name__ == "__main__":
    sys.exit(main())
