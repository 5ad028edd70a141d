"""From what a file or a block says to a run that may start: all faults are reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.checks import cross_faults
from blocks.configuration import Configuration
from blocks.fault_sources import with_sources
from blocks.ignored import notices, warnings
from blocks.inputs import input_faults
from blocks.overrides import Overrides, merge, parse_overrides
from blocks.partial_config import PartialConfig, parse_partially
from blocks.request import make_request
from sitsflow.errors import ConfigError, Fault
from sitsflow.request import Request


@dataclass(frozen=True)
class ResolvedConfig:
    """A configuration without faults, and what the user should know of it."""

    configuration: Configuration
    warnings: tuple[str, ...]
    """What is ignored because of another key."""
    notices: tuple[str, ...]
    """What iota2 has and what changes nothing here."""
    _partial: PartialConfig

    def request(self) -> Request:
        """Return what the science is asked to do."""
        return make_request(self._partial)


def resolve(
    raw: Mapping[str, Any],
    folder: Path | None = None,
    source: str = "the configuration",
    overrides: Overrides = (),
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
    overrides : Overrides
        Values that win over `raw`; errors name those that are at fault.

    Raises
    ------
    ConfigError
        With every fault that was found, by section and key, or by override.
    """
    folder = None if folder is None else folder.absolute()
    parsed, malformed = parse_overrides(overrides)
    merged, clashes = merge(raw, parsed)
    partial, faults = _check(merged, folder)
    if faults and parsed:
        _, without = _check(raw, folder)
        # One field of a form may set the keys of several sections.
        faults = list(dict.fromkeys(with_sources(faults, without, parsed, raw, source)))
    if faults := [*faults, *malformed, *clashes]:
        # Those of the configuration first, whatever order they were found in.
        raise ConfigError(sorted(faults, key=lambda fault: bool(fault.source)), source)
    return ResolvedConfig(
        partial.configuration, tuple(warnings(partial)), tuple(notices(partial)), partial
    )


def _check(raw: Mapping[str, Any], folder: Path | None) -> tuple[PartialConfig, list[Fault]]:
    partial = parse_partially(raw, folder)
    faults = (*partial.faults, *cross_faults(partial), *input_faults(partial))
    return partial, list(dict.fromkeys(faults))
