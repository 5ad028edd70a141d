"""From what a file or a block says to a run that may start: all faults are told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.checks import cross_faults
from blocks.configuration import Configuration
from blocks.ignored import notices, warnings
from blocks.inputs import input_faults
from blocks.partial_config import PartialConfig, parse_partially
from blocks.request import make_request
from sitsflow.errors import ConfigError
from sitsflow.request import Request


@dataclass(frozen=True)
class ResolvedConfig:
    """A configuration without faults, and what the user should know of it."""

    configuration: Configuration
    warnings: tuple[str, ...]
    """What is ignored because of another key."""
    notices: tuple[str, ...]
    """What is accepted for iota2's sake and changes nothing."""
    _draft: PartialConfig

    def request(self) -> Request:
        """Return what the science is asked to do."""
        return make_request(self._draft)


def resolve(
    raw: Mapping[str, Any], folder: Path | None = None, source: str = "the configuration"
) -> ResolvedConfig:
    """Check a configuration as a whole. Nothing is written, no raster is opened.

    Parameters
    ----------
    raw : mapping
        Nested plain values, as a file holds them.
    folder : Path, optional
        Where relative paths start; without it they are faults.
    source : str
        What the errors call the configuration, e.g. its file.

    Raises
    ------
    ConfigError
        With every fault that was found, by section and key.
    """
    partial = parse_partially(raw, None if folder is None else folder.absolute())
    faults = [*partial.faults, *cross_faults(partial), *input_faults(partial)]
    if faults:
        raise ConfigError(list(dict.fromkeys(faults)), source)
    return ResolvedConfig(
        partial.configuration, tuple(warnings(partial)), tuple(notices(partial)), partial
    )
