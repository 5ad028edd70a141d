"""Finding the configuration that a command line names: a file, or a saved block."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blocks.files import read_config
from blocks.overrides import apply_overrides
from blocks.resolve import ResolvedConfig, resolve


def load(config: str, overrides: Sequence[str] = ()) -> ResolvedConfig:
    """Return the whole configuration that `config` names, with `overrides` on top.

    Parameters
    ----------
    config : str
        Path of a file, or ``block:NAME``.
    overrides : sequence of str
        Each ``section.key=value``.

    Raises
    ------
    ConfigError
        With every fault; also where there is no such file or block.
    """
    if is_block(config):
        from flows import saved

        with saved.server():
            configuration = saved.find(config.removeprefix("block:"))
        raw, folder = configuration.plain(), Path.cwd()
    else:
        path = Path(config).absolute()
        raw, folder = read_config(path), path.parent
    return resolve(apply_overrides(raw, overrides), folder, config)


def is_block(config: str) -> bool:
    """Whether a configuration is the name of a saved block rather than a file."""
    return config.startswith("block:") and not Path(config).exists()
