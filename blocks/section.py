"""What all sections share: strictness, iota2's ways to write a value, and marks on keys."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from string import Template
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)


@dataclass(frozen=True)
class NoEffect:
    """Mark of a key of iota2 that is accepted and changes nothing; `reason` says why."""

    reason: str


@dataclass(frozen=True)
class Own:
    """Mark of a key that sitsflow has and iota2 has not."""


OWN = Own()
_LONGEST_NAME = 255  # bytes, on Linux and macOS


def is_off(value: object) -> bool:
    """Whether a value is one of the ways iota2's users leave a key unset."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "none"))


class Section(BaseModel):
    """A section of the configuration: frozen, and closed to unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True
    )

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_is_off(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        return {k: v for k, v in data.items() if not (k in optional and is_off(v))}


def _split_words(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _read_day(value: Any) -> str:
    text = str(value.date() if isinstance(value, datetime) else value).strip()
    if re.fullmatch(r"\d{8}|\d{4}-\d{2}-\d{2}", text):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
    raise ValueError("not a date; write it as YYYYMMDD, e.g. '20180131'")


def expand_path(value: str | Path) -> Path:
    """Return a path with ``~`` and variables of the environment filled in.

    Raises
    ------
    ValueError
        If there is no such home folder, or no file can have such a path.
    """
    _refuse_impossible(str(value))
    # $TILE is for the run to fill in, whatever the environment says.
    variables = {name: text for name, text in os.environ.items() if name != "TILE"}
    text = Template(str(value).strip()).safe_substitute(variables)
    if re.match(r"/+vsi|[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise ValueError(
            "not a path of a file but an address that GDAL would open; give a local file. A VRT "
            "may refer to remote ones with chain.allow_remote: True"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def _read_path(value: Any, info: ValidationInfo) -> Any:
    """Expand ``~`` and variables; a relative path starts at the configuration file's folder."""
    if not isinstance(value, str | Path):
        return value
    path = expand_path(value)
    if path.is_absolute():
        return str(path)
    folder = (info.context or {}).get("folder")
    if folder is None:
        raise ValueError("a relative path; give the absolute one, from the root folder on")
    return str(Path(folder) / path)


def _refuse_impossible(path: str) -> None:
    """Refuse a path that no file can have: the system would raise an error of its own."""
    if "\0" in path:
        raise ValueError("a path cannot hold the character NUL")
    try:
        longest = max(map(len, os.fsencode(path).split(b"/")))
    except UnicodeEncodeError:
        raise ValueError("a path of characters that cannot be written in UTF-8") from None
    if longest > _LONGEST_NAME:
        raise ValueError(f"a name of {longest} bytes; a file has at most {_LONGEST_NAME}")


def _read_resolution(value: Any) -> Any:
    numbers = value
    if isinstance(value, str):
        numbers = value.replace(",", " ").split()
    elif not isinstance(value, list | tuple):
        numbers = [value]
    if len(numbers) == 0:
        return None
    try:
        pair = [_positive(number) for number in numbers]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("not a positive number, nor two as [x, y]") from None
    if len(pair) > 2:
        raise ValueError(f"{len(pair)} numbers; give one, or two as [x, y]")
    return pair * 2 if len(pair) == 1 else pair


def _positive(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not (math.isfinite(number) and number > 0):
        raise ValueError
    return number


Words = Annotated[
    tuple[str, ...], BeforeValidator(_split_words, json_schema_input_type=str | list[str])
]
"""Names, as a list or separated by spaces."""

Day = Annotated[
    date,
    BeforeValidator(_read_day, json_schema_input_type=str),
    PlainSerializer(lambda day: day.strftime("%Y%m%d"), return_type=str, when_used="json"),
]
"""A date, written YYYYMMDD (or as ISO 8601 has it)."""

FilePath = Annotated[Path, BeforeValidator(_read_path, json_schema_input_type=str)]
"""A path; relative ones are taken from the folder of the configuration file."""

Resolution = Annotated[
    tuple[float, float] | None,
    BeforeValidator(_read_resolution, json_schema_input_type=float | list[float] | None),
]
"""Pixel size: a number, two as [x, y], or an empty list for the native one."""
