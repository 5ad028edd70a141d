"""Which faults are the configuration's, which an override's, and which of both together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blocks.overrides import Override
from sitsflow.errors import Fault


def with_sources(
    faults: Sequence[Fault],
    without: Sequence[Fault],
    overrides: Sequence[Override],
    raw: Mapping[str, Any],
    name: str,
) -> Iterator[Fault]:
    """Yield `faults` with what each is wrong in.

    Parameters
    ----------
    faults : sequence of Fault
        Of the configuration with the overrides on top.
    without : sequence of Fault
        Of the configuration alone.
    overrides : sequence of Override
        In their order: the last one that sets a key has won.
    raw : mapping
        The configuration alone.
    name : str
        What messages call the configuration, e.g. its file.
    """
    for fault in faults:
        override = next((one for one in reversed(overrides) if _sets(one, fault, raw)), None)
        alone = fault in without
        if override is not None and (override.place == fault.place or not alone):
            yield Fault(override.written, _about(override, fault), override.source)
        elif alone:
            yield fault
        else:
            # Each is sound by itself, e.g. a tile of the one in a folder of the other.
            yield fault._replace(source=f"{name} with {overrides[-1].source}")


def _sets(override: Override, fault: Fault, raw: Mapping[str, Any]) -> bool:
    """Whether an override gives the value that is at fault, or a part of it."""
    if override.place == fault.place:
        return True
    # Of a section that the configuration has too, an override is only one of many keys.
    whole = "." in fault.place or fault.place not in raw
    return whole and override.place.startswith(f"{fault.place}.")


def _about(override: Override, fault: Fault) -> str:
    return fault.message if override.place == fault.place else f"{fault.place}: {fault.message}"
