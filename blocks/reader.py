"""The reader of configurations that `sitsflow.open` finds by its entry point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blocks.files import read_config
from blocks.resolve import resolve
from sitsflow.request import Request


def read_request(
    source: Path | Mapping[str, Any], overrides: Mapping[str, Any]
) -> tuple[Request, tuple[str, ...]]:
    """Return what a configuration asks for, and what its author should know of it.

    Parameters
    ----------
    source : Path or mapping
        A file in iota2's syntax or YAML, or its sections as nested plain values, whose relative
        paths start at the current folder.
    overrides : mapping
        Values that win, by dotted or nested keys.

    Raises
    ------
    ConfigError
        With every fault that was found.
    """
    if isinstance(source, Path):
        path = source.expanduser().absolute()
        found = resolve(read_config(path), path.parent, str(source), overrides)
    else:
        found = resolve(source, Path.cwd(), overrides=overrides)
    return found.request(), (*found.warnings, *found.notices)
