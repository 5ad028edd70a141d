"""Finding the configuration that a command line names: a file, or a saved block."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blocks.files import read_config
from blocks.overrides import apply_overrides
from blocks.resolve import Resolved, resolve
from flows.launch import is_block
from sitsflow.errors import ConfigError, Fault


def load(config: str, overrides: Sequence[str] = ()) -> Resolved:
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
        from blocks.features_map import FeaturesMap

        name = config.removeprefix("block:")
        try:
            block = FeaturesMap.load(name, _sync=True)  # type: ignore[call-arg]
        except ValueError as error:
            raise ConfigError([Fault("block", str(error))], config) from None
        assert isinstance(block, FeaturesMap)
        raw, folder = block.raw(), Path.cwd()
    else:
        path = Path(config).absolute()
        raw, folder = read_config(path), path.parent
    return resolve(apply_overrides(raw, overrides), folder, config)
