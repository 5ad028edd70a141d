"""`sitsflow status`, `clean` and `bugreport`: what is in an output folder, without any server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from flows.cli.exit_status import ExitStatus

Folder = Annotated[Path, typer.Argument(help="A run's chain.output_path.", show_default=False)]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]

_SHOWN = 20


def status(output_path: Folder, debug: Debug = False) -> None:
    """Say from its files alone where a run stands; 0 if all is there, else 1."""
    from sitsflow.run.summary import summarize

    found = summarize(output_path)
    typer.echo(found.text())
    raise typer.Exit(ExitStatus.MADE if found.complete else ExitStatus.FAILED)


def clean(
    output_path: Folder,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also chunks that a resumed run would still use.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Remove temporary files: chunks that are merged, and what killed processes left."""
    from sitsflow.run.cleaning import remove, temporary

    found = temporary(output_path, unmerged=everything)
    for path, size in list(found.files.items())[:_SHOWN]:
        typer.echo(f"{decimal(size):>9}  {path}")
    if len(found.files) > _SHOWN:
        typer.echo(f"{'...':>9}  and {len(found.files) - _SHOWN} more")
    if found.kept:
        typer.echo(
            f"kept: {found.kept} chunks of tiles without a map; a resumed run uses them (--all)"
        )
    if not found.files:
        typer.echo("nothing to remove")
        return
    total = f"{len(found.files)} files or folders, {decimal(sum(found.files.values()))}"
    if not (yes or typer.confirm(f"remove {total}?")):
        raise typer.Exit(ExitStatus.FAILED)
    remove(output_path, found)
    typer.echo(f"removed {total}")


def bugreport(
    output_path: Folder,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE.zip", help="[bugreport-DATE-TIME.zip].")
    ] = None,
    with_code: Annotated[
        bool, typer.Option("--with-code", help="Also the module of user functions.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Pack logs, plan and configuration of a run for a bug report: no pixels, no secrets."""
    from sitsflow.run.bug_report import write_bug_report

    to = to or Path(f"bugreport-{datetime.now():%Y%m%d-%H%M%S}.zip")
    made = write_bug_report(output_path, to, with_code=with_code)
    typer.echo(f"{made.path} ({decimal(made.path.stat().st_size)}) holds")
    for kind, count in made.files.items():
        typer.echo(f"{count:>6}  {kind}")
    for path in made.unreadable:
        typer.echo(f"not readable, left out: {path}")
    code = "" if with_code else ", user functions (--with-code)"
    typer.echo(f"left out: rasters, pictures, the report{code}")
    typer.echo(
        f"masked: {made.masked} values of environment variables, passwords, keys and tokens; "
        "the home folder is ~"
    )
    typer.echo("Look at it before you send it.")
