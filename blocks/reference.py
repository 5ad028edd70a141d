"""The configuration reference, written from the models: ``python -m blocks.reference FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from blocks.configuration import Configuration
from blocks.names import OTHER_BUILDERS_KEYS, OTHER_BUILDERS_SECTIONS, SECTIONS, UNSUPPORTED
from blocks.section import NoEffect, Own, Section
from blocks.sensor_sections import OtherSensorSection, SensorSection
from sitsflow.request import FunctionCall

_INTRO = """\
# Configuration

<!-- Written by `make docs` from the models in blocks/. Change the models, not this file. -->

A configuration has iota2's sections and keys, with iota2's defaults. It is a file in iota2's
syntax (`.cfg`) or in YAML, or a block saved on a Prefect server; all say the same:

```
chain : {                               chain:
  output_path : '/data/map'               output_path: /data/map
  list_tile : 'T31TCJ T31TDJ'             list_tile: [T31TCJ, T31TDJ]
  s2_path : '/data/sentinel2'             s2_path: /data/sentinel2
}
```

- A relative path starts at the folder of the configuration file; `~` and `$NAME` are expanded. In a
  block paths are absolute.
- `'None'`, `None` and `''` leave a key at its default where that is "none".
- Lists of names may be written as one text, separated by spaces.
- A key set for one run (`--set section.key=value`) wins over the file.
- An unknown key or section is an error, and all errors are reported at once, before anything is
  read, written or removed. A key that another key switches off is ignored with a warning.
- Where iota2 moved a key, both places are read and the newer wins: chunks in
  `python_data_managing` (newer) or `external_features`, indices in `arg_train` (newer) or
  `sensors_data_interpolation`.

Keys marked **own** are sitsflow's and unknown to iota2.
"""


def render() -> str:
    """Return the whole reference as Markdown."""
    parts = [_INTRO]
    for name, model in SECTIONS.items():
        if name not in _SENSORS:
            description = Configuration.model_fields[name].description or ""
            parts.append(_section(f"`{name}`", description, list(_rows(model))))
    parts.extend([_sensors(), _without_effect(), _other_builders(), _unsupported()])
    return "\n".join(parts)


_SENSORS = {name: model for name, model in SECTIONS.items() if issubclass(model, SensorSection)}


def _sensors() -> str:
    days = [
        f"`{name}` ({model.model_fields['temporal_resolution'].default} days)"
        for name, model in _SENSORS.items()
    ]
    text = (
        "Each sensor has a section of its name, with these keys. The default of "
        f"`temporal_resolution` is that of the sensor: {', '.join(days)}.\n\n"
        "Sensors that one of `chain.sensor_folders` describes have such sections too, by their "
        "own names, or below `other_sensors`."
    )
    rows = list(_rows(OtherSensorSection))
    for name, model in _SENSORS.items():
        rows += _rows(model, without=OtherSensorSection, start=f"{name}.")
    return _section("Sensors", text, rows)


def _section(title: str, description: str, rows: list[str]) -> str:
    head = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([f"## {title}", "", description, "", *head, *rows, ""])


def _rows(
    model: type[Section], *, without: type[Section] = Section, start: str = ""
) -> Iterator[str]:
    """Yield a row a key, besides those that another model has too."""
    for key, field in model.model_fields.items():
        if key not in without.model_fields and not any(
            isinstance(mark, NoEffect) for mark in field.metadata
        ):
            own = " **own**" if any(isinstance(mark, Own) for mark in field.metadata) else ""
            words = "expressions" if key in ("additional_features", "expressions") else None
            kind = (words or _type_words(field.annotation)) + _bound_words(field)
            yield _row(f"`{start}{key}`{own}", kind, _default_words(field), field.description or "")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


_WORDS: Mapping[Any, str] = {
    bool: "True or False",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    date: "date, YYYYMMDD",
    FunctionCall: "functions",
}


def _type_words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_words(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(_type_words(kind) for kind in arguments if kind is not NoneType)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        if arguments == (float, float):
            return "number or [x, y]"
        inner = _type_words(arguments[0])
        return inner if inner == "functions" else f"list of {_PLURALS.get(inner, inner)}"
    if origin is not None:
        return "mapping of names to paths"
    return _WORDS[annotation]


_PLURALS = {"text": "names", "path": "paths", "whole number": "whole numbers"}


def _bound_words(field: FieldInfo) -> str:
    signs = {"ge": "from {:g}", "gt": "above {:g}", "le": "to {:g}", "lt": "below {:g}"}
    words = [
        text.format(getattr(mark, sign))
        for mark in field.metadata
        for sign, text in signs.items()
        if getattr(mark, sign, None) is not None
    ]
    return f", {' '.join(words)}" if words else ""


def _default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "mandatory"
    default = field.get_default(call_default_factory=True)
    if default is None or default in ((), {}, ""):
        return "none"
    if isinstance(default, tuple):
        return f"`{list(default)}`"
    return f"`{default}`"


def _without_effect() -> str:
    models = {n: m for n, m in SECTIONS.items() if n not in _SENSORS} | {"<sensor>": SensorSection}
    rows = [
        _row(f"`{name}.{key}`", _default_words(field), mark.reason)
        for name, model in models.items()
        for key, field in model.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, NoEffect)
    ]
    text = (
        "iota2 has these keys; they may be given, and change nothing. A value that is not the "
        "default gives a notice."
    )
    head = ["| key | default | why |", "| --- | --- | --- |"]
    return "\n".join(["## Accepted without effect", "", text, "", *head, *rows, ""])


def _other_builders() -> str:
    keys = [f"`{name}.{key}`" for name, known in OTHER_BUILDERS_KEYS.items() for key in known]
    sections = [f"`{name}`" for name in OTHER_BUILDERS_SECTIONS]
    text = (
        "Accepted, with one notice that lists them: keys "
        f"{', '.join(sorted(keys))}, all keys of `arg_train` but `features`, and sections "
        f"{', '.join(sorted(sections))}."
    )
    return "\n".join(["## Of iota2's other builders", "", text, ""])


def _unsupported() -> str:
    rows = [
        f"- `{name}.{key}`: {reason}."
        for name, keys in UNSUPPORTED.items()
        for key, reason in keys.items()
    ]
    text = "An error where they are set, and accepted where they are off:"
    return "\n".join(["## Not supported yet", "", text, "", *rows, ""])


def main(arguments: list[str]) -> int:
    """Write the reference to a file, or check with ``--check`` that the file is current."""
    check = arguments[:1] == ["--check"]
    if len(arguments) != 1 + check:
        sys.stderr.write("usage: python -m blocks.reference [--check] FILE\n")
        return 2
    path = Path(arguments[-1])
    text = render()
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path} written\n")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{path} does not say what the models say; run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
