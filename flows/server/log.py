"""The errors that the server of this machine logs, as `logging.yaml` says.

What a server in the background prints is lost: nobody reads it.
"""

from __future__ import annotations

import re
from pathlib import Path

from flows.server.folder import folder

SETTINGS = Path(__file__).with_name("logging.yaml")
_HEAD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* [A-Z]+ \S+: ", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):"
_RAISED = re.compile(r"^[A-Za-z_][\w.]*: .+", re.MULTILINE)


def log_path() -> Path:
    """Return the file that the server writes its errors to."""
    return folder() / "server.log"


class ErrorLog:
    """Reads what is new in the server's log, the file `path`."""

    def __init__(self) -> None:
        self.path = log_path()
        self._seen = self.path.stat().st_size if self.path.exists() else 0
        self._told: set[str] = set()

    def new(self) -> list[str]:
        """Return the causes of errors since the last look, each once."""
        text = self.path.read_bytes() if self.path.exists() else b""
        if len(text) < self._seen:  # a new file was begun
            self._seen = 0
        found = causes(text[self._seen :].decode("utf-8", "replace"))
        self._seen = len(text)
        new = [line for raised, line in found.items() if raised not in self._told]
        self._told.update(found)
        return new


def causes(text: str) -> dict[str, str]:
    """Return a line for each different error: its message, and the exception that it ends with.

    The lines are by what was raised: several parts of a server log the same exception. The last
    line of a record is no cause: SQLAlchemy ends with the address of its manual.
    """
    found: dict[str, str] = {}
    for record in filter(None, map(str.strip, _HEAD.split(text))):
        before, is_raised, after = record.rpartition(_TRACEBACK)
        exception = _RAISED.search(after) if is_raised else None
        message = (before if is_raised else after).partition("\n")[0]
        message = message.removeprefix(_TRACEBACK).rstrip(": ")
        raised = exception.group() if exception else message
        found.setdefault(raised, f"{message}: {raised}" if message not in ("", raised) else raised)
    return found
