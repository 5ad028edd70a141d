"""The XML files of a radar product: elements found by their path, values that are checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sitsflow.errors import ProductError
from sitsflow.products.files import read_text
from sitsflow.radar.fields import parsed_xml


class Metadata:
    """An element of an XML file, which names the file in its errors.

    Paths are those of `xml.etree.ElementTree`; ``{*}name`` finds a name in any namespace.
    """

    def __init__(self, path: Path, element: Any) -> None:
        self.path = path
        self._element = element

    def all(self, path: str) -> Iterator[Metadata]:
        """Yield every element at a path, in their order; there may be none."""
        for element in self._element.iterfind(path):
            yield Metadata(self.path, element)

    def has(self, path: str) -> bool:
        """Whether there is an element at a path."""
        return self._element.find(path) is not None

    def text(self, path: str) -> str:
        """Return the text of the first element at a path.

        Raises
        ------
        ProductError
            If there is no such element, or no text in it.
        """
        text = (self._element.findtext(path) or "").strip()
        if not text:
            raise ProductError(f"{self.path}: it has no {_plain(path)}")
        return text

    def attribute(self, name: str) -> str:
        """Return an attribute of the element itself, empty if it has none."""
        value: str = self._element.get(name, "")
        return value

    def number(self, path: str) -> float:
        """Return the finite number at a path.

        Raises
        ------
        ProductError
            If there is none.
        """
        return float(self.numbers(path, 1)[0])

    def integer(self, path: str) -> int:
        """Return the whole number at a path.

        Raises
        ------
        ProductError
            If there is none.
        """
        text = self.text(path)
        try:
            return int(text)
        except ValueError:
            raise self._wrong(path, text, "a whole number") from None

    def numbers(self, path: str, count: int | None = None) -> NDArray[np.float64]:
        """Return the finite numbers at a path, which blanks separate; `count` of them, if given.

        Raises
        ------
        ProductError
            If they are not there, or not that many.
        """
        text = self.text(path)
        try:
            values = np.array([float(word) for word in text.split()])
        except ValueError:
            raise self._wrong(path, text, "numbers") from None
        if not np.isfinite(values).all():
            raise self._wrong(path, text, "finite numbers")
        if count is not None and len(values) != count:
            raise ProductError(
                f"{self.path}: {len(values)} numbers in {_plain(path)}, but {count} are needed"
            )
        return values

    def time(self, path: str) -> datetime:
        """Return the time at a path, UTC and without a zone, as Sentinel-1 writes it.

        Raises
        ------
        ProductError
            If there is none.
        """
        text = self.text(path)
        try:
            when = datetime.fromisoformat(text.removesuffix("Z"))
        except ValueError:
            raise self._wrong(path, text, "a time") from None
        if when.tzinfo is not None:
            raise self._wrong(path, text, "a time without a zone")
        return when

    def _wrong(self, path: str, text: str, wanted: str) -> ProductError:
        return ProductError(f"{self.path}: {_plain(path)} is {text[:40]!r}, not {wanted}")


def read_metadata(product: Path, path: Path) -> Metadata:
    """Read an XML file of a product, which may be an archive. Entities are not expanded.

    Raises
    ------
    ProductError
        If it cannot be read, or is no XML.
    """
    return Metadata(path, parsed_xml(read_text(product, path), str(path)))


def _plain(path: str) -> str:
    return path.replace("{*}", "").removeprefix(".//")
