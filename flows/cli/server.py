"""`sitsflow server`: the Prefect server of this machine."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The Prefect server of this machine, and its UI.", no_args_is_help=True)

Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
_NONE = "no Prefect server of this machine runs: `sitsflow server start` starts it"
_BATCH_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "OAR_JOB_ID", "FLUX_JOB_ID")


@app.command()
def start(
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Where it listens [Prefect's setting, usually 4200]."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Start it in the background, unless it is there; it stays until `sitsflow server stop`."""
    from flows.server import configured_api_url, find_or_start

    server = find_or_start(port)
    typer.echo(f"{server.url} {'started' if server.started else 'is there already'}")
    if (configured := configured_api_url()) not in (None, server.api_url):
        typer.echo(f"but PREFECT_API_URL names another server: {configured}", err=True)


@app.command()
def stop(debug: Debug = False) -> None:
    """Stop it, and wait until it is gone; its database stays."""
    from flows import server

    typer.echo("stopped" if server.stop() else "no Prefect server of this machine runs")


@app.command()
def status(debug: Debug = False) -> None:
    """Say where it is, since when, and where its database is; 0 if it runs, else 1."""
    from rich.filesize import decimal

    from flows.server import ErrorLog, running_server

    now = running_server()
    if now is None:
        typer.echo(_NONE, err=True)
        raise typer.Exit(1)
    where = database()
    files = [path for path in (Path(where), Path(f"{where}-wal")) if path.is_file()]
    size = f", {decimal(sum(path.stat().st_size for path in files))}" if files else ""
    since = datetime.fromtimestamp(now.process.create_time())
    typer.echo(f"{now.url}")
    typer.echo(f"  process   {now.process.pid}, since {since:%Y-%m-%d %H:%M:%S}")
    typer.echo(f"  database  {where}{size}")
    typer.echo(f"  errors    {ErrorLog().path}")


def database() -> str:
    """Return the file of the server's database, or its address without the password."""
    from prefect.settings import get_current_settings
    from sqlalchemy import make_url

    secret = get_current_settings().server.database.connection_url
    url = make_url(secret.get_secret_value() if secret else "")
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def leave_by_default() -> bool:
    """Whether a server that a run starts stays after it: not in a job of a batch scheduler."""
    # SGE and its successors have their own pair: JOB_ID alone is any program's variable.
    grid_engine = "SGE_ROOT" in os.environ and "JOB_ID" in os.environ
    return not grid_engine and not any(name in os.environ for name in _BATCH_JOBS)
