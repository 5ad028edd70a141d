"""Masking what should not leave a machine: secrets, and the name of the user's home folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MASK = "***"
HOME = "~"

_SECRET = (
    r"(?:pass(?:word|wd|phrase)|_pass\b|\bpwd\b|secret|token|credential|auth_string"
    r"|(?:api|access)_?key)"
)
_SECRET_KEY = re.compile(_SECRET, re.IGNORECASE)
_SECRET_VARIABLE = re.compile(f"{_SECRET}|auth|key", re.IGNORECASE)
_FOLDERS = {"PWD", "OLDPWD"}  # variables of every shell, and no passwords
_LEAST_LETTERS = 8  # of a value: shorter ones are words such as "true" or "warning"
_LEAST_LETTERS_OF_SECRETS = 4

_ADDRESS = r"(\b[a-z][a-z0-9+.-]*://"
# What stays is group 1, and the quote that opens a value, group 2.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        # scheme://user:password@host, and what follows ? in an address
        rf"{_ADDRESS})()(?:[^\s/'\"]+|[^\s/@:'\"]*:[^\s'\"]+)(?=@)",
        rf"{_ADDRESS}[^\s?'\"]+\?)()[^\s'\"<>\\]+",
        # password: value, to the end of a line that begins so, as in YAML
        rf"^([ \t-]*[\w.-]*{_SECRET}[\w.-]*:[ \t]+)()(?![ \t'\"\[{{])[^\r\n]+",
        # password=value, 'api_key': 'value', authorization: Bearer value
        rf"((?:{_SECRET}[\w.-]*|\bauthorization)\\?['\"]?\s*[:=]\s*)"
        r"(?:(\\?['\"])(?:\\\\\\.|(?!\2)(?:\\.|[^\r\n\\]))*|(?:bearer\s+|basic\s+)?[^\s'\",;&}\])\\]+)",
        r"(\bbearer\s+)()[\w.~+/=-]{8,}",
        # known beginnings: Prefect, GitHub, Amazon, JSON web tokens
        r"()()\b(?:pn[ub]_|gh[opsu]_|github_pat_|AKIA)\w{8,}",
        r"()()\beyJ[\w-]+\.[\w-]+\.[\w-]*",
    )
)


class Redactor:
    """Masks texts, and counts what it masked.

    Parameters
    ----------
    environment : mapping of str to str, optional
        Environment variables whose values may be in the texts; those of this process if not given.
    home : Path, optional
        The user's home folder.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, home: Path | None = None
    ) -> None:
        self.masked = 0
        self._names = _values(os.environ if environment is None else environment)
        self._known = re.compile("|".join(map(_exactly, self._names)) or r"(?!)")
        self._homes = _homes(home or Path.home())

    def text(self, text: str) -> str:
        """Return `text` without secrets; the home folder is ``~``, and so is its name in paths."""
        text = self._known.sub(self._by_name, text)
        for pattern in _PATTERNS:
            text = pattern.sub(self._mask, text)
        for pattern in self._homes:
            text = pattern.sub(HOME, text)
        return text

    def json(self, text: str) -> str:
        """Return a JSON document without secrets; one that is not JSON is taken as text."""
        try:
            document = json.loads(text)
        except ValueError:
            return self.text(text)
        return json.dumps(self._value(document), ensure_ascii=False)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {self.text(key): self._entry(key, item) for key, item in value.items()}

    def _entry(self, key: str, value: Any) -> Any:
        if not _SECRET_KEY.search(key) or value is None or isinstance(value, bool):
            return self._value(value)
        self.masked += 1
        return MASK

    def _by_name(self, found: re.Match[str]) -> str:
        self.masked += 1
        return f"<{self._names[found[0]]}>"

    def _mask(self, found: re.Match[str]) -> str:
        kept = f"{found[1]}{found[2] or ''}"
        if found[0] != f"{kept}{MASK}":  # by a pattern before
            self.masked += 1
        return f"{kept}{MASK}"


def _values(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the name of the variable by each value that must not be read, the longest first.

    Paths, plain words and numbers stay, unless the name says that they are secret.
    """
    names: dict[str, str] = {}
    for name, value in environment.items():
        secret = name not in _FOLDERS and _SECRET_VARIABLE.search(name) is not None
        least = _LEAST_LETTERS_OF_SECRETS if secret else _LEAST_LETTERS
        if len(value) < least or not (secret or _tells(value)):
            continue
        # In a log a value may be written as Python or as JSON does.
        for form in (value, repr(value)[1:-1], json.dumps(value)[1:-1]):
            names[form] = name
    return dict(sorted(names.items(), key=lambda pair: -len(pair[0])))


def _tells(value: str) -> bool:
    """Whether a value is more than a word, a number, a date, or paths."""
    paths = all(part.startswith(("/", "~")) for part in value.split(os.pathsep) if part)
    return not (paths or value.isalpha() or re.fullmatch(r"[\d.,:+ -]+", value))


def _exactly(value: str) -> str:
    pattern = re.escape(value)
    return pattern if len(value) >= _LEAST_LETTERS else rf"(?<!\w){pattern}(?!\w)"


def _homes(home: Path) -> list[re.Pattern[str]]:
    """Return patterns of the home folder, and of its name as that of another folder."""
    if not home.name:
        return []
    paths = dict.fromkeys((str(home), str(home.resolve())))
    patterns = [rf"(?<![\w.-]){re.escape(path)}(?![\w.-])" for path in paths]
    return [*map(re.compile, patterns), re.compile(rf"(?<=/){re.escape(home.name)}(?![\w.-])")]
