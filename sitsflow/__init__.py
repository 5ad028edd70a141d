"""Feature maps from satellite image time series: the science, free of any workflow engine.

Arrays inside this package are always ordered (date, band, row, col); user functions see
(row, col, date). A ``valid`` array is True where a pixel may be used. Days are integers
counted from 1970-01-01.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sitsflow.features.over_xarray import over_xarray
    from sitsflow.library.opening import open_map as open

__all__ = ["__version__", "open", "over_xarray"]

__version__ = version("sitsflow")

_LATER = {
    "open": ("sitsflow.library.opening", "open_map"),
    "over_xarray": ("sitsflow.features.over_xarray", "over_xarray"),
}
"""What is imported when it is asked for: the command line must start without NumPy."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, own = _LATER[name]
    return getattr(import_module(module), own)
