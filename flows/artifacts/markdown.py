"""Text that the UI's Markdown shows as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sitsflow.run.status import JobStatus

# What is between letters needs no escape, and links of the older UI would show it.
_SPECIAL = re.compile(r"([\\`*\[\]<~]|(?<!\w)_|_(?!\w)|^[#>+-])")


def plain(text: str) -> str:
    """Return `text` with nothing in it that Markdown would take for its own."""
    return _SPECIAL.sub(r"\\\1", text)


def lines(text: str) -> str:
    """Return `text` with its lines and indents kept, that wraps where they are long."""
    return "  \n".join(_indented(line) for line in text.strip().splitlines())


def linked(text: str, status: JobStatus) -> str:
    """Return `text`, which leads to the log of the job's task run if it has one.

    Pages that show artifacts lie two levels deep in either version of the UI, wherever it is
    served, so that one relative link serves all.
    """
    if not status.task_run:
        return plain(text)
    return f"[{plain(text)}](../../runs/task-run/{status.task_run})"


def code(text: str) -> str:
    """Return `text`, of one line, set as code."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def counted(count: int, noun: str) -> str:
    """Return a count and its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown, of one line."""
    ruled = [columns, ["---"] * len(columns), *rows]
    cells = ([cell.replace("|", r"\|") for cell in row] for row in ruled)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _indented(line: str) -> str:
    body = line.lstrip()
    return "\N{NO-BREAK SPACE}" * (len(line) - len(body)) + plain(body)
