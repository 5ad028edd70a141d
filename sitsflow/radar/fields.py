"""Values of XML metadata, checked: what is wrong is collected, not raised one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from numpy.typing import NDArray

from sitsflow.errors import ProductError

Floats = NDArray[np.float64]

_MOST_BYTES = 64 * 1024**2


class Fields:
    """Values below an element; what is wrong with them is kept in `faults`."""

    def __init__(self, element: Any, faults: list[str]) -> None:
        self.element, self.faults = element, faults

    def _read(self, path: str, of: Callable[[str], Any], default: Any) -> Any:
        text = self.element.findtext(path)
        if text is None:
            self.faults.append(f"no {path}")
            return default
        try:
            return of(text.strip())
        except ValueError:
            self.faults.append(f"{path} is '{text.strip()[:60]}'")
            return default

    def text(self, path: str) -> str:
        """Return a text."""
        return str(self._read(path, str, ""))

    def number(self, path: str) -> float:
        """Return a finite number."""
        return float(self._read(path, _finite, 1.0))

    def positive(self, path: str) -> float:
        """Return a number above 0."""
        value = self.number(path)
        if not value > 0:
            self.faults.append(f"{path} is {value:g}, not above 0")
            return 1.0
        return value

    def numbers(self, path: str) -> Floats:
        """Return a list of numbers, separated by spaces."""
        values: Floats = self._read(path, _row, np.zeros(1))
        return values

    def moment(self, path: str) -> np.datetime64:
        """Return a time (UTC)."""
        value: np.datetime64 = self._read(path, moment, np.datetime64("2000-01-01", "us"))
        return value

    def each(self, path: str) -> list[Fields]:
        """Return the elements of a list, at least one."""
        found = [Fields(element, self.faults) for element in self.element.findall(path)]
        if not found:
            self.faults.append(f"no {path}")
        return found


def _finite(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value


def _row(text: str) -> Floats:
    return np.array([_finite(word) for word in text.split()], np.float64)


def moment(text: str) -> np.datetime64:
    """Return a time of XML metadata, with or without ``UTC=`` before and ``Z`` after it.

    Raises
    ------
    ValueError
        If it is none.
    """
    value = np.datetime64(text.strip().removeprefix("UTC=").removesuffix("Z"), "us")
    if np.isnat(value):
        raise ValueError(text)
    return value


def seconds(time: np.datetime64, reference: np.datetime64) -> float:
    """Return the seconds from `reference` to `time`, exact to the microsecond."""
    return int((time - reference) / np.timedelta64(1, "us")) * 1e-6


def parsed_xml(text: str | bytes, source: str) -> Any:
    """Parse XML without entities or external references.

    Raises
    ------
    ProductError
        If it is no XML; names `source`.
    """
    try:
        return fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ProductError(f"{source}: not XML ({reason}); download it again") from None


def xml_of(path: Path) -> Any:
    """Parse an XML file of a sane size.

    Raises
    ------
    ProductError
        If it cannot be read, or is too large, or no XML.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ProductError(f"{path}: more than {_MOST_BYTES} bytes, too many for metadata")
        text = path.read_bytes()
    except OSError as error:
        raise ProductError(f"{path}: cannot be read ({error.strerror})") from None
    return parsed_xml(text, str(path))
