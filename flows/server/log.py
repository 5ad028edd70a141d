"""The log of the server of this machine.

Prefect's command gives a server in the background pipes that nobody reads, so that the first
error it wants to print is lost, and ends it. A file takes them instead.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

_BYTES = 1_000_000
_RECORD = re.compile(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_SHOWN = 2000


def log_path(folder: Path) -> Path:
    """Return the file that the server writes its errors to."""
    return folder / "server.log"


def write_log_settings(folder: Path) -> Path:
    """Write the logging settings of the server; return their file."""
    file = {
        "class": "logging.handlers.RotatingFileHandler",
        "filename": str(log_path(folder)),
        "maxBytes": _BYTES,
        "backupCount": 1,
        "delay": True,
        "formatter": "plain",
        "encoding": "utf-8",
    }
    quiet = {"level": "ERROR", "handlers": ["file"], "propagate": False}
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"file": file},
        "loggers": dict.fromkeys(("prefect", "uvicorn", "fastapi"), quiet),
        "root": {"level": "ERROR", "handlers": ["file"]},
    }
    path = folder / "server-logging.json"
    # Prefect fills in $NAME.
    path.write_text(json.dumps(settings).replace("$", "$$"), encoding="utf-8")
    return path


class Complaints:
    """Reads what is new in a server's log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = path.stat().st_size if path.exists() else 0

    def new(self) -> str:
        """Return what was written since the last look."""
        if not self._path.exists():
            return ""
        if self._path.stat().st_size < self._seen:  # a new file was begun
            self._seen = 0
        with self._path.open("rb") as log:
            log.seek(self._seen)
            text = log.read()
        self._seen += len(text)
        return text.decode("utf-8", "replace").strip()
