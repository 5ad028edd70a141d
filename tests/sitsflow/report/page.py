"""A page read back with the standard parser, which forgives nothing here."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

_VOID = {"meta", "img", "br", "hr", "link", "input"}
_REFERENCES = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}


class Page(HTMLParser):
    """Elements and text of a page whose tags are balanced."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(self.source)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.text += data

    def count(self, tag: str, of_class: str = "") -> int:
        """How many elements there are of a name, and of a class."""
        return sum(
            name == tag and (not of_class or of_class in attributes.get("class", "").split())
            for name, attributes in self.elements
        )

    @property
    def references(self) -> list[str]:
        """What the page refers to, in attributes and in its style."""
        found = [
            value
            for _, attributes in self.elements
            for name, value in attributes.items()
            if name in _REFERENCES
        ]
        styles = self.source.split("url(")[1:] + self.source.split("@import")[1:]
        return found + [style[:60] for style in styles]
