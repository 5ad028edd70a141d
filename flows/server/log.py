"""The errors that the server of this machine logs.

Prefect's command gives a server in the background pipes that nobody reads: what it prints is lost.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from flows.server.folder import folder

_BYTES = 1_000_000
_RECORD = re.compile(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_HEAD = re.compile(r"^\d\S+ \S+ [A-Z]+ \S+: ")
_TRACEBACK = "Traceback (most recent call last):"
_RAISED = re.compile(r"^[A-Za-z_][\w.]*: .+", re.MULTILINE)


def log_path() -> Path:
    """Return the file that the server writes its errors to."""
    return folder() / "server.log"


def write_log_settings() -> Path:
    """Write the logging settings of the server; return their file."""
    file = {
        "class": "logging.handlers.RotatingFileHandler",
        "filename": str(log_path()),
        "maxBytes": _BYTES,
        "backupCount": 1,
        "delay": True,
        "formatter": "plain",
        "encoding": "utf-8",
    }
    errors = {"level": "ERROR", "handlers": ["file"], "propagate": False}
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"file": file},
        "loggers": dict.fromkeys(("prefect", "uvicorn", "fastapi"), errors),
        "root": {"level": "ERROR", "handlers": ["file"]},
    }
    path = folder() / "server-logging.json"
    # Prefect fills in $NAME.
    path.write_text(json.dumps(settings).replace("$", "$$"), encoding="utf-8")
    return path


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
        found = _causes(text[self._seen :].decode("utf-8", "replace"))
        self._seen = len(text)
        new = [line for raised, line in found.items() if raised not in self._told]
        self._told.update(found)
        return new


def causes(text: str) -> list[str]:
    """Return a line for each different error: its message, and the exception that it ends with.

    The last line of a record is no cause: SQLAlchemy ends with the address of its manual.
    """
    return list(_causes(text).values())


def _causes(text: str) -> dict[str, str]:
    """Return the lines by what was raised: several parts of a server log the same exception."""
    found: dict[str, str] = {}
    for record in filter(None, map(str.strip, _RECORD.split(text))):
        before, is_raised, after = _HEAD.sub("", record).rpartition(_TRACEBACK)
        message = (before if is_raised else after).partition("\n")[0]
        exception = _RAISED.search(after) if is_raised else None
        raised = exception.group() if exception else message
        parts = ["" if message == _TRACEBACK else message.rstrip(": "), raised]
        found.setdefault(raised, ": ".join(dict.fromkeys(part for part in parts if part)))
    return found
