"""Configurations that a Prefect server keeps by name: blocks of the type "Features map"."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from difflib import get_close_matches

from blocks.configuration import Configuration
from blocks.features_map import FeaturesMap
from flows.block_parameter import saved_values
from flows.server import Server, find_server, stop, use
from sitsflow.errors import ConfigError, Fault

_SLUG = FeaturesMap.get_block_type_slug()


@contextlib.contextmanager
def server() -> Iterator[None]:
    """Make blocks come from the configured server, or from this machine's.

    Of the latter only a run leaves one behind: if it had to be started for this block of code it
    is stopped at its end, unless a run has begun to use it.
    """
    found = find_server()
    try:
        with use(found):
            yield
    finally:
        if isinstance(found, Server) and found.started:
            stop(unless_used=True)


def names() -> list[str]:
    """Return the names of all saved configurations, sorted."""
    return sorted(everything())


def everything() -> dict[str, Configuration]:
    """Return all saved configurations by name, in the order of the names."""
    # Not by the block's own `load`: the event that it sends would outlive a server of our own.
    return {name: Configuration.model_validate(data) for name, data in saved_values(_SLUG).items()}


def find(name: str) -> Configuration:
    """Return the configuration saved as `name`.

    Raises
    ------
    ConfigError
        If there is none, with the nearest names.
    """
    known = everything()
    if name not in known:
        raise ConfigError([Fault(name, _missing(name, list(known)))], "the saved configurations")
    return known[name]


def save(name: str, configuration: Configuration, *, force: bool = False) -> None:
    """Save a whole configuration, its paths absolute, as `name`.

    Raises
    ------
    ConfigError
        If the name is taken and `force` is not given, or cannot be a name.
    """
    if not force and name in names():
        raise ConfigError([Fault(name, "is taken; --force replaces it")], "the name")
    block = FeaturesMap(**configuration.plain())
    try:
        block.save(name, overwrite=force)
    except ValueError as error:
        message = "use lower-case letters, digits and dashes only"
        raise ConfigError([Fault(repr(name), message)], "the name") from error


def delete(name: str) -> None:
    """Delete the configuration saved as `name`.

    Raises
    ------
    ConfigError
        If there is none.
    """
    find(name)
    FeaturesMap.delete(name)


def _missing(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 3)
    if near:
        return f"no such saved configuration; did you mean {' or '.join(map(repr, near))}?"
    there = ", ".join(known) if known else "none"
    return f"no such saved configuration; there is {there} (sitsflow config save NAME FILE)"
