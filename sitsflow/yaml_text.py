"""YAML read strictly: what it would lose, misread or blow up is a fault with line and column."""

from __future__ import annotations

import re
from typing import Any

import yaml

_DEEPEST = 50
"""Levels of nesting; a configuration has four."""
_MOST_NODES = 100_000
"""Values of a file with its aliases written out; a configuration of a thousand tiles has 1,500."""
_SHOWN = 100
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_BASE_60 = re.compile(r"[-+]?[0-9_]+(:[0-5]?[0-9])+(\.[0-9_]*)?")


def load_yaml(text: str) -> Any:
    """Read one YAML document into plain values.

    Raises
    ------
    yaml.MarkedYAMLError
        If the text is not YAML, gives a key twice, holds a value that cannot be read, is nested
        too deep or too large, or writes a number as only YAML 1.1 reads it (``010`` is 8, and
        ``1:30`` is 90).
    """
    return yaml.load(text, _Loader)


def yaml_problem(error: yaml.YAMLError, text: str) -> tuple[str, str]:
    """Return the place of an error, and what is wrong there."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    if mark is None:
        return "syntax", problem
    lines = text.splitlines()
    shown = lines[mark.line].strip() if mark.line < len(lines) else "the end of the file"
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return f"line {mark.line + 1}, column {mark.column + 1}", f"{problem}: {shown}"


class _Loader(yaml.SafeLoader):
    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a value, unless it makes the document too deep or too large."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                raise yaml.MarkedYAMLError(
                    problem=f"nested more than {_DEEPEST} deep", problem_mark=mark
                )
            node = super().compose_node(parent, index)
        finally:
            self._depth -= 1
        if isinstance(event, yaml.AliasEvent) and id(node) not in self._sizes:
            raise yaml.MarkedYAMLError(problem="a value that holds itself", problem_mark=mark)
        if node is not None and self._size(node) > _MOST_NODES:
            problem = f"more than {_MOST_NODES:,} values once the aliases are written out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return node

    def _size(self, node: yaml.Node) -> int:
        """Return how many values a node has, its aliases written out."""
        if id(node) not in self._sizes:
            parts = node.value if isinstance(node, yaml.CollectionNode) else ()
            flat = [one for part in parts for one in (part if isinstance(part, tuple) else (part,))]
            self._sizes[id(node)] = 1 + sum(self._sizes[id(one)] for one in flat)
        return self._sizes[id(node)]

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct a value; whatever Python says of a wrong one has the place with it."""
        try:
            return super().construct_object(node, deep)
        except AttributeError:  # of a text with the tag of dates
            raise yaml.MarkedYAMLError(problem="not a date", problem_mark=node.start_mark) from None
        except (ValueError, TypeError, OverflowError, LookupError) as error:
            problem = f"not a value that can be read ({error})"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping, unless it gives a key twice: YAML would keep the last."""
        if not isinstance(node, yaml.MappingNode):  # it is only tagged as one
            raise yaml.MarkedYAMLError(problem="not a mapping", problem_mark=node.start_mark)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a word", problem_mark=key.start_mark
                )
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is given twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _strict_number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = node.value
    if _OCTAL.fullmatch(text) or _BASE_60.fullmatch(text):
        what = "an octal number" if _OCTAL.fullmatch(text) else "a number in base 60"
        raise yaml.MarkedYAMLError(
            problem=f"YAML reads {text} as {what}: write a plain number, or quote it as text",
            problem_mark=node.start_mark,
        )
    if node.tag.endswith("int"):
        return int(loader.construct_yaml_int(node))
    return float(loader.construct_yaml_float(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _strict_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _strict_number)
