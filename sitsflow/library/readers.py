"""Readers of configurations: other packages' functions, found by their entry points.

The science knows requests, not the syntax of files. Who reads files (`blocks`, in this
distribution) declares an entry point of the group ``sitsflow.readers``, which is Python's way
for a package to use what it must not import.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sitsflow.errors import ConfigError, Fault
from sitsflow.request import Request

GROUP = "sitsflow.readers"
_NAME = "configuration"


class Reading(NamedTuple):
    """What a configuration asks for, and what its author should know of it."""

    request: Request
    notices: tuple[str, ...]


class Reader(Protocol):
    """What the entry point ``configuration`` names."""

    def __call__(
        self, source: Path | Mapping[str, Any], overrides: Mapping[str, Any]
    ) -> tuple[Request, tuple[str, ...]]:
        """Return the request of a file or of nested plain values, and notices.

        Raises
        ------
        ConfigError
            With every fault that was found.
        """


def read_with_reader(source: Path | Mapping[str, Any], overrides: Mapping[str, Any]) -> Reading:
    """Read a configuration by the reader that is installed.

    Raises
    ------
    ConfigError
        With every fault of it, or where there is no reader.
    """
    found = entry_points(group=GROUP, name=_NAME)
    if not found:
        message = (
            f"no package that is installed reads configurations (entry point {_NAME!r} of "
            f"{GROUP!r}): install sitsflow again, or give a sitsflow.request.Request"
        )
        raise ConfigError([Fault("sitsflow.open", message)])
    reader: Reader = next(iter(found)).load()
    return Reading(*reader(source, overrides))
