"""`sitsflow server`: the Prefect server of this machine."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="The Prefect server of this machine, and its UI.", no_args_is_help=True)

Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
_NONE = "no Prefect server of this machine runs: `sitsflow server start` starts it"


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

    from flows import server

    now = server.status()
    if now is None:
        typer.echo(_NONE, err=True)
        raise typer.Exit(1)
    size = "" if now.size is None else f", {decimal(now.size)}"
    typer.echo(f"{now.server.url}")
    typer.echo(f"  process   {now.pid}, since {now.since:%Y-%m-%d %H:%M:%S}")
    typer.echo(f"  database  {now.database}{size}")
    typer.echo(f"  errors    {now.log}")
