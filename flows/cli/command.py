"""The `sitsflow` command. Heavy imports are inside the commands, so that help is quick."""

from __future__ import annotations

import atexit
import gc
import json
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from flows.cli import config as config_commands
from flows.cli import folder, iota2, server
from flows.cli.exit_status import ExitStatus, explain
from sitsflow.errors import ConfigError, Fault

if TYPE_CHECKING:
    from sitsflow.plan import Plan, TilePlan
    from sitsflow.simulate import RadarOptions

app = typer.Typer(
    name="sitsflow",
    help="Feature maps from satellite image time series.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(config_commands.app, name="config")
app.add_typer(server.app, name="server")
app.command()(folder.status)
app.command()(folder.clean)
app.command()(folder.bugreport)

Config = Annotated[
    str, typer.Argument(help="iota2 .cfg or YAML file, or block:NAME.", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key; repeatable."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show Prefect's log and tracebacks.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes [default: cores].")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|NAME", help="Dask scheduler, or saved Dask cluster block [this machine]."
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Start over instead of resuming an unfinished run.")
]
StopServer = Annotated[
    bool | None,
    typer.Option(
        "--stop-server/--leave-server",
        help="Stop the Prefect server at the end if the run started it [in batch jobs].",
    ),
]
Deployment = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Submit to this deployment and follow its run; CONFIG is block:NAME."
    ),
]
First = Annotated[str | None, typer.Option("--from", help="First group of steps [init].")]
Last = Annotated[str | None, typer.Option("--to", help="Last group of steps [mosaic].")]


@app.command()
def run(
    config: Config,
    overrides: Overrides = None,
    first: First = None,
    last: Last = None,
    fresh: Fresh = False,
    workers: Workers = None,
    cluster: Cluster = None,
    deployment: Deployment = None,
    stop_server: StopServer = None,
    debug: Debug = False,
) -> None:
    """Make the feature map that CONFIG asks for."""
    groups = {"--from": first, "--to": last}
    keys = [*(overrides or ()), *(f"{key}={name}" for key, name in groups.items() if name)]
    if workers and cluster:
        fault = Fault("--workers", "is for this machine; leave it out with --cluster")
        raise ConfigError([fault], "the command line")
    if deployment:
        from flows.cli.remote_run import run_there

        raise typer.Exit(
            run_there(deployment, config, keys, fresh=fresh, workers=workers, cluster=cluster)
        )
    _run(config, keys, fresh=fresh, workers=workers, cluster=cluster, stop=stop_server, debug=debug)


@app.command()
def check(
    config: Config,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Validate CONFIG, and print the steps and the plan; no pixel is read."""
    from sitsflow.run.description import as_data, as_text

    plan, tiles = _plan(config, overrides, quiet=as_json)
    typer.echo(json.dumps(as_data(plan, tiles)) if as_json else as_text(plan, tiles))


@app.command()
def functions(config: Config, overrides: Overrides = None, debug: Debug = False) -> None:
    """List what user functions can call with CONFIG, and the built-in functions."""
    from sitsflow.features.catalogue import describe
    from sitsflow.run.description import catalogue_text

    plan, tiles = _plan(config, overrides, quiet=True)
    typer.echo(catalogue_text(describe(plan, tiles)))


@app.command(context_settings={"allow_extra_args": False})
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder that gets TILE/PRODUCT/.")],
    tiles: Annotated[list[str], typer.Option("--tiles", help="Tiles, as one list or repeated.")],
    start: Annotated[str, typer.Option(help="First date, YYYYMMDD.")],
    end: Annotated[str, typer.Option(help="Last possible date, YYYYMMDD.")],
    sensor: Annotated[
        str,
        typer.Option(
            help="Sentinel_2, Sentinel_2_S2C, Sentinel_2_L3A, Landsat5, Landsat7, Landsat8, "
            "Landsat5_old, Landsat8_old, Landsat8_usgs, Landsat8_usgs_optical, "
            "Landsat8_usgs_thermal, Landsat8_usgs_infrared, Sentinel_1 or userFeat."
        ),
    ] = "Sentinel_2",
    every: Annotated[
        int | None,
        typer.Option(
            help="Days between dates. Default: 10, of Sentinel_2_L3A 30, of Sentinel_1 12."
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Rows and columns of a tile.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the world and its weather.")] = 0,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Processing baseline of Sentinel_2_S2C, 0212 or 0400. Default: that of each date."
        ),
    ] = None,
    orbits: Annotated[
        str | None, typer.Option(help="Passes of Sentinel_1, DES or ASC. Default: 'DES ASC'.")
    ] = None,
    tracks: Annotated[
        int | None,
        typer.Option(help="Relative orbits of each of them, 1 or 2. Default: 1."),
    ] = None,
    relief: Annotated[
        str | None,
        typer.Option(help="Under Sentinel_1: flat, slope or ridge. Default: flat."),
    ] = None,
    speckle: Annotated[
        bool | None, typer.Option("--speckle/--no-speckle", help="Of Sentinel_1. Default: with it.")
    ] = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Products as zip archives.")] = False,
    debug: Debug = False,
) -> None:
    """Write simulated products in a sensor's real layout, names and metadata."""
    from sitsflow import simulate as simulator

    names = [name for text in tiles for name in text.split()]
    days = _day("start", start), _day("end", end)
    radar = _radar(orbits, tracks, relief, speckle)
    made = simulator.simulate(
        out, sensor, names, *days, every, size, seed,
        baseline=baseline, radar=radar, zipped=zipped, progress=_count,
    )  # fmt: skip
    typer.echo(f"{len(made)} products in {out}")


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Argument(help="Folder of the demonstration [demo, or demo-radar with --radar]."),
    ] = None,
    radar: Annotated[bool, typer.Option("--radar", help="Of Sentinel-1, over a ridge.")] = False,
    size: Annotated[
        int | None, typer.Option(help="Rows and columns of a tile [500, or 300 with --radar].")
    ] = None,
    workers: Workers = None,
    stop_server: StopServer = None,
    debug: Debug = False,
) -> None:
    """Simulate two tiles of Sentinel-2, or of Sentinel-1, and make their feature map."""
    from flows.cli.demo import SENTINEL_1, SENTINEL_2, prepare

    shown = SENTINEL_1 if radar else SENTINEL_2
    folder = out or Path("demo-radar" if radar else "demo")
    path = prepare(folder, shown.size if size is None else size, _count, shown)
    typer.echo(f"sitsflow run {path}", err=True)
    _run(str(path), workers=workers, stop=stop_server, debug=debug)


def _run(config: str, *options: Any, stop: bool | None, debug: bool, **more: Any) -> NoReturn:
    """Run the flow in this process, and end with its exit status."""
    from flows.server import QUIET, stop_at_exit

    # Prefect and Dask read these when they are imported; workers inherit them.
    quiet = {
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    }
    os.environ.update(QUIET | ({} if debug else quiet))
    stop = not server.leave_by_default() if stop is None else stop
    if stop:
        stop_at_exit()
    from flows.cli.local_run import RunOptions, run_here

    more["stop_server"] = stop
    raise typer.Exit(run_here(RunOptions(config, *options, **more)))


def _plan(
    config: str, overrides: list[str] | None, quiet: bool
) -> tuple[Plan, dict[str, TilePlan]]:
    from flows.cli.load import load
    from sitsflow.planning.planner import make_plan

    resolved = load(config, overrides or ())
    for text in (*resolved.warnings, *resolved.notices):
        typer.echo(text, err=quiet)
    return make_plan(resolved.request())


def _radar(
    orbits: str | None, tracks: int | None, relief: str | None, speckle: bool | None
) -> RadarOptions | None:
    """Return what is said of Sentinel-1; None where nothing is."""
    from sitsflow.simulate import RadarOptions

    said: dict[str, Any] = {}
    if orbits is not None:
        said["orbits"] = tuple(orbits.upper().split())
    if tracks is not None:
        said["tracks"] = tracks
    if relief is not None:
        said["relief"] = relief
    if speckle is False:
        said["looks"] = None
    return RadarOptions(**said) if said or speckle else None


def _day(name: str, text: str) -> date:
    for form in ("%Y%m%d", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    message = f"{text!r} is not a date; write e.g. 20180101"
    raise ConfigError([Fault(f"--{name}", message)], "the command line")


def _count(done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total:
        typer.echo(f"\r{done}/{total} products", err=True, nl=done == total)


def _spread(arguments: list[str]) -> list[str]:
    """Repeat ``--tiles`` before each of its values: ``--tiles A B`` is how lists are written."""
    spread: list[str] = []
    listing = False
    for argument in arguments:
        if argument.startswith("-"):
            listing = argument == "--tiles"
            if not listing:
                spread.append(argument)
        else:
            spread += ["--tiles", argument] if listing else [argument]
    return spread


def main() -> None:
    """Run the command line; errors are one message, and a traceback only with ``--debug``."""
    # What imports make stays: looking for garbage in it costs a third of a second meanwhile, and
    # most of a second at the end.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    arguments = sys.argv[1:]
    if arguments[:1] == ["simulate"]:
        arguments = _spread(arguments)
    if hint := iota2.answer(arguments):
        typer.echo(f"sitsflow: {hint}", err=True)
        sys.exit(ExitStatus.WRONG)
    try:
        app(arguments)
    except Exception as error:  # noqa: BLE001 - the command's last word, whatever it is
        sys.exit(explain(error, debug="--debug" in arguments))
