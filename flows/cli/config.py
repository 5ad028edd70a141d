"""`sitsflow config`: configurations kept by name on a Prefect server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sitsflow.errors import OutputError

app = typer.Typer(
    help="Configurations kept by name on the Prefect server.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="Lower-case letters, digits and dashes.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


@app.command()
def save(
    name: Name,
    file: Annotated[str, typer.Argument(help="iota2 .cfg or YAML file, or block:NAME.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key; repeatable."),
    ] = None,
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Check FILE as `sitsflow check` does, and save it as NAME; paths become absolute."""
    from flows.cli import saved
    from flows.cli.load import load

    with saved.server():
        saved.save(name, load(file, overrides or ()).configuration, force=force)
    typer.echo(f"saved as {name}: sitsflow run block:{name}, or pick it in the Prefect UI")


@app.command("list")
def list_all(debug: Debug = False) -> None:
    """List the saved configurations: names, tiles and output folders."""
    from flows.cli import saved

    with saved.server():
        found = saved.everything()
    if not found:
        typer.echo("no configuration is saved: sitsflow config save NAME FILE", err=True)
    width = max(map(len, found), default=0)
    for name, configuration in found.items():
        chain = configuration.chain
        typer.echo(f"{name:<{width}}  {' '.join(chain.list_tile)}  {chain.output_path}")


@app.command()
def show(name: Name, debug: Debug = False) -> None:
    """Print a saved configuration as YAML."""
    from blocks.files import write_yaml
    from flows.cli import saved

    with saved.server():
        typer.echo(write_yaml(saved.find(name)), nl=False)


@app.command()
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(help="YAML if it ends in .yaml, else iota2's syntax.")],
    force: Force = False,
    debug: Debug = False,
) -> None:
    """Write a saved configuration to FILE, in iota2's syntax (.cfg) or as YAML."""
    from blocks.files import write_cfg, write_yaml
    from flows.cli import saved
    from sitsflow.io.record import write_whole

    if file.exists() and not force:
        raise OutputError(f"{file} exists; --force replaces it")
    with saved.server():
        configuration = saved.find(name)
    render = write_yaml if file.suffix.lower() in (".yaml", ".yml") else write_cfg
    try:
        write_whole(file, render(configuration))
    except OSError as error:
        raise OutputError(f"cannot write {file}: {error.strerror}") from error
    typer.echo(str(file))


@app.command()
def delete(name: Name, debug: Debug = False) -> None:
    """Delete a saved configuration; maps made with it stay."""
    from flows.cli import saved

    with saved.server():
        saved.delete(name)
    typer.echo(f"deleted {name}")
