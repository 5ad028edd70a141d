"""Inline SVG whose text keeps its size: places are percentages of the width it is given."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape


def element(name: str, *children: str | Markup, **attributes: object) -> Markup:
    """Return one element; text and attributes are escaped.

    Underscores in the names of attributes become hyphens, one at the end is dropped. Attributes
    that are None are left out.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    return Markup(f"<{name}{shown}>{inside}</{name}>")


def group(parts: Iterable[Markup]) -> Markup:
    """Return several elements one after the other."""
    return Markup("").join(parts)


def percentage(fraction: float) -> str:
    """Return a place along the width."""
    return f"{_text(100 * fraction)}%"


def _text(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
