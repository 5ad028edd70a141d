"""Finding the configuration that a command line names: a file, or a saved block."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blocks.files import read_config
from blocks.overrides import parse_overrides
from blocks.resolve import ResolvedConfig, resolve
from sitsflow.errors import ConfigError


def load(config: str, overrides: Sequence[str] = ()) -> ResolvedConfig:
    """Return the whole configuration that `config` names, with `overrides` on top.

    Parameters
    ----------
    config : str
        Path of a file, or ``block:NAME``.
    overrides : sequence of str
        Each ``section.key=value``, ``--from=GROUP`` or ``--to=GROUP``.

    Raises
    ------
    ConfigError
        With every fault, those of the configuration apart from those of the overrides; also where
        there is no such file or block.
    """
    if is_block(config):
        from flows.cli import saved

        with saved.server():
            configuration = saved.find(config.removeprefix("block:"))
        raw, folder = configuration.plain(), Path.cwd()
    else:
        path = Path(config).absolute()
        raw, folder = _read(path, config, overrides), path.parent
    return resolve(raw, folder, config, overrides)


def _read(path: Path, config: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Read a file; where it cannot be read, say what is wrong with the overrides too."""
    try:
        return read_config(path)
    except ConfigError as error:
        _, faults = parse_overrides(overrides)
        raise ConfigError([*error.faults, *faults], config) from None


def is_block(config: str) -> bool:
    """Whether a configuration is the name of a saved block rather than a file."""
    return config.startswith("block:") and not Path(config).exists()
