"""The XML files of a radar product: elements found by their path, values that are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from numpy.typing import NDArray

from sitsflow.errors import ProductError
from sitsflow.products.files import read_text

Floats = NDArray[np.float64]
Value = TypeVar("Value")

_SOME_TIME = np.datetime64("2000-01-01", "us")


class Metadata:
    """An element of an XML file. Times are UTC.

    What is wrong with a value raises a `ProductError` that names the file and the value; or, if
    the element is given a list of faults, goes there, and some value of the kind is returned, so
    that all faults of a file can be named at once.

    Paths are those of `xml.etree.ElementTree`; ``{*}name`` finds a name in any namespace.

    Parameters
    ----------
    source : str or Path
        The file, for messages.
    element : xml.etree.ElementTree.Element
    faults : list of str, optional
        Shared with the elements below.
    """

    def __init__(self, source: str | Path, element: Any, faults: list[str] | None = None) -> None:
        self.source = source
        self.faults = faults
        self._element = element

    @property
    def tag(self) -> str:
        """The name of the element itself."""
        return str(self._element.tag)

    def keeping(self, faults: list[str]) -> Metadata:
        """Return the same element, whose faults are kept in a list."""
        return Metadata(self.source, self._element, faults)

    def fault(self, what: str) -> None:
        """Raise or keep what is wrong.

        Raises
        ------
        ProductError
            If faults are not kept.
        """
        if self.faults is None:
            raise ProductError(f"{self.source}: {what}")
        self.faults.append(what)

    def all(self, path: str) -> Iterator[Metadata]:
        """Yield every element at a path, in their order; there may be none."""
        for element in self._element.iterfind(path):
            yield Metadata(self.source, element, self.faults)

    def each(self, path: str) -> list[Metadata]:
        """Return the elements at a path; none is a fault."""
        found = list(self.all(path))
        if not found:
            self.fault(f"it has no {_plain(path)}")
        return found

    def has(self, path: str) -> bool:
        """Whether there is an element at a path."""
        return self._element.find(path) is not None

    def attribute(self, name: str) -> str:
        """Return an attribute of the element itself, empty if it has none."""
        value: str = self._element.get(name, "")
        return value

    def text(self, path: str) -> str:
        """Return the text of the first element at a path; none is a fault."""
        return self._value(path, str, "a text", "")

    def number(self, path: str) -> float:
        """Return the finite number at a path."""
        return self._value(path, _finite, "a finite number", 1.0)

    def positive(self, path: str) -> float:
        """Return the number above 0 at a path."""
        value = self.number(path)
        if not value > 0:
            self.fault(f"{_plain(path)} is {value:g}, not above 0")
            return 1.0
        return value

    def integer(self, path: str) -> int:
        """Return the whole number at a path."""
        return self._value(path, int, "a whole number", 1)

    def numbers(self, path: str, count: int | None = None) -> Floats:
        """Return the finite numbers at a path, which blanks separate; `count` of them, if given."""
        none = np.zeros(1 if count is None else count)
        values = self._value(path, _row, "finite numbers", none)
        if count is not None and len(values) != count:
            self.fault(f"{len(values)} numbers in {_plain(path)}, but {count} are needed")
            return none
        return values

    def time(self, path: str) -> np.datetime64:
        """Return the time at a path, with or without ``UTC=`` before and ``Z`` after it."""
        return self._value(path, _moment, "a time without a zone", _SOME_TIME)

    def _value(self, path: str, of: Callable[[str], Value], wanted: str, default: Value) -> Value:
        text = (self._element.findtext(path) or "").strip()
        if not text:
            self.fault(f"it has no {_plain(path)}")
            return default
        try:
            return of(text)
        except ValueError:
            self.fault(f"{_plain(path)} is {text[:40]!r}, not {wanted}")
            return default


def read_metadata(product: Path, path: Path) -> Metadata:
    """Read an XML file of a product, which may be an archive. Entities are not expanded.

    Raises
    ------
    ProductError
        If it cannot be read, or is no XML.
    """
    return parse_metadata(read_text(product, path), str(path))


def parse_metadata(text: str, source: str) -> Metadata:
    """Parse XML without entities or external references.

    Raises
    ------
    ProductError
        If it is no XML; names `source`.
    """
    try:
        return Metadata(source, fromstring(text, forbid_dtd=True))
    except (ParseError, DefusedXmlException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ProductError(f"{source}: not XML ({reason}); download it again") from None


def seconds(time: np.datetime64, reference: np.datetime64) -> float:
    """Return the seconds from `reference` to `time`, exact to the microsecond."""
    return int((time - reference) / np.timedelta64(1, "us")) * 1e-6


def _finite(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value


def _row(text: str) -> Floats:
    return np.array([_finite(word) for word in text.split()], np.float64)


def _moment(text: str) -> np.datetime64:
    time = datetime.fromisoformat(text.removeprefix("UTC=").removesuffix("Z"))
    if time.tzinfo is not None:
        raise ValueError(text)
    return np.datetime64(time, "us")


def _plain(path: str) -> str:
    return path.replace("{*}", "").removeprefix(".//")
