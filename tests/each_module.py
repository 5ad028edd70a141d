"""A rule for many modules as one test: thousands of small ones take pytest longer than the rule."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path


def for_each(modules: Iterable[str]) -> Callable[[Callable[[str], None]], Callable[[], None]]:
    """Make a test of a rule that takes the name of a module; it names all that break the rule."""
    names = list(modules)

    def decorate(rule: Callable[[str], None]) -> Callable[[], None]:
        def test() -> None:
            assert names, "a rule for no module"
            broken = []
            for name in names:
                try:
                    rule(name)
                except AssertionError as error:
                    broken.append(f"{name}: {error}")
            assert not broken, "\n".join(broken)

        test.__name__ = rule.__name__
        test.__doc__ = rule.__doc__
        return test

    return decorate


@cache
def tree_of(path: Path) -> ast.Module:
    """Return what a module's text says; a rule after the other reads it."""
    return ast.parse(path.read_text(encoding="utf-8"))
