"""Everything that can go wrong with a run's inputs, by name.

Each message says which file or key, which value, and what to do. A `ReadError` may go away
by itself; all others come again the second time.
"""

from __future__ import annotations

from typing import NamedTuple

_LONGEST_MESSAGE = 800  # characters


class SitsflowError(Exception):
    """Base of every error that sitsflow raises on purpose."""


class Fault(NamedTuple):
    """One thing wrong with a configuration: its place (``section.key``) and what to do.

    `source` says what it is wrong in, where that is not the source of the whole error.
    """

    place: str
    message: str
    source: str = ""


class ConfigError(SitsflowError):
    """The configuration is wrong; carries every fault that was found."""

    def __init__(self, faults: list[Fault], source: str = "the configuration") -> None:
        self.faults = tuple(faults)
        self.source = source
        by_source: dict[str, list[str]] = {}
        for fault in faults:
            lines = by_source.setdefault(fault.source or source, [])
            lines.append(f"  {fault.place}: {_shortened(fault.message)}")
        parts = [
            "\n".join(
                [f"{len(lines)} {'fault' if len(lines) == 1 else 'faults'} in {name}", *lines]
            )
            for name, lines in by_source.items()
        ]
        super().__init__("\n".join(parts))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[list[Fault], str]]:
        """Pickle by the constructor's own arguments: errors travel between Dask processes."""
        return type(self), (list(self.faults), self.source)


class NotAllowedError(ConfigError):
    """A run of a deployment names what the operator of its worker does not allow."""


def _shortened(message: str) -> str:
    """Leave out the middle of a long message: it shows a value of thousands of characters."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    return f"{message[: _LONGEST_MESSAGE // 2]} ... {message[-_LONGEST_MESSAGE // 4 :]}"


class SensorFileError(SitsflowError):
    """A sensor description is not valid."""


class MissingInputError(SitsflowError):
    """A folder, a tile or a date range holds no product."""


class ProductError(SitsflowError):
    """A product is not whole, not readable, or not on the grid of its series."""


class InputChangedError(SitsflowError):
    """An input file is gone, or was replaced, since the run was planned."""


class GridError(SitsflowError):
    """A grid cannot be made: no overlap, or coordinates that do not transform."""


class ExpressionError(SitsflowError):
    """A band-math expression is not understood or not allowed."""


class FunctionError(SitsflowError):
    """A user function cannot be loaded, fails, or returns a wrong result."""


class ResourceError(SitsflowError):
    """A task needs more memory than the run may use."""


class ClusterError(SitsflowError):
    """The Dask cluster of a run is not there, or its workers cannot be used."""


class OutputError(SitsflowError):
    """The output directory cannot be used, or what it holds is not what the step needs."""


class DiskFullError(SitsflowError):
    """A file system has no room for a file, or a limit of the system forbids its size."""


class ReadError(SitsflowError, OSError):
    """A file that was whole when the run was planned cannot be read now; trying again may help."""
