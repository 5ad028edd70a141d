"""Names of output bands: iota2's rules, and its label objects for functions that import them."""

from __future__ import annotations

import importlib.util
import reprlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sitsflow.dates import stamp
from sitsflow.products.sensors.model import Sensor


@dataclass(frozen=True)
class I2Label:
    """A band's name in two parts, as in ``iota2.learning.utils``."""

    sensor_name: str
    feat_name: str

    def __str__(self) -> str:
        return f"{self.sensor_name}_{self.feat_name}"


@dataclass(frozen=True)
class I2TemporalLabel(I2Label):
    """A band's name in three parts, the last one a date."""

    date: Any

    def __str__(self) -> str:
        return f"{self.sensor_name}_{self.feat_name}_{_date_text(self.date)}"


def _date_text(date: Any) -> str:
    return date.strftime("%Y%m%d") if hasattr(date, "strftime") else str(date)


def label_text(label: Any) -> str:
    """Return a label's text: a string, or an object with iota2's label attributes.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If a file cannot hold it.
    """
    if isinstance(label, str):
        return _checked(str(label))
    if hasattr(label, "sensor_name") and hasattr(label, "feat_name"):
        parts = [str(label.sensor_name), str(label.feat_name)]
        if getattr(label, "date", None) is not None:
            parts.append(_date_text(label.date))
        return _checked("_".join(parts))
    raise TypeError(f"a label is a string or an I2Label, not {reprlib.repr(label)}")


def _checked(text: str) -> str:
    """Refuse what a raster's description cannot hold: GDAL would cut it at a NUL."""
    if "\0" in text:
        raise ValueError(f"the label {text!r} has a NUL character, which a file cannot hold")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the label {text!r} is no valid Unicode text") from None
    return text


def default_labels(function: int, bands: int) -> tuple[str, ...]:
    """Return iota2's names for the bands of an unnamed function; both count from 1."""
    return tuple(f"custFeat_{function}_b{band}" for band in range(1, bands + 1))


def series_labels(sensor: Sensor, name: str, days: Sequence[int]) -> list[str]:
    """Return the labels of one band or index over its days, e.g. ``Sentinel2_B2_20180101``."""
    return [f"{sensor.feature_of(name)}_{stamp(day)}" for day in days]


@contextmanager
def iota2_labels() -> Iterator[None]:
    """Let ``from iota2.learning.utils import I2Label`` work where iota2 is not installed."""
    if "iota2" in sys.modules or importlib.util.find_spec("iota2") is not None:
        yield
        return
    names = ("iota2", "iota2.learning", "iota2.learning.utils")
    modules = {name: ModuleType(name) for name in names}
    for name in names[:2]:
        modules[name].__path__ = []
    vars(modules[names[2]]).update(I2Label=I2Label, I2TemporalLabel=I2TemporalLabel)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
