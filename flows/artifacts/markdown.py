"""Text that the UI's Markdown shows as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sitsflow.run.status import JobStatus

# What is between letters needs no escape, and links of the older UI would show it.
_SPECIAL = re.compile(r"([\\`*\[\]<~]|(?<!\w)_|_(?!\w)|^[#>+-])")
_MOST_LINE = 240


def plain(text: str) -> str:
    """Return `text` with nothing in it that Markdown would take for its own."""
    return _SPECIAL.sub(r"\\\1", text)


def lines(text: str) -> str:
    """Return `text` with its lines and indents kept, that wraps where they are long."""
    return "  \n".join(_indented(line) for line in text.strip().splitlines())


def first_line(text: str, most: int = _MOST_LINE) -> str:
    """Return all of `text` in one line, cut off where it is long."""
    return shortened(" ".join(text.split()), most)


def shortened(text: str, most: int) -> str:
    """Return `text`, cut off after `most` characters."""
    return text if len(text) <= most else f"{text[:most]}..."


def linked(text: str, status: JobStatus) -> str:
    """Return `text`, which leads to the log of the job's task run if it has one.

    The pages of artifacts and of runs lie two levels deep in either version of the UI, wherever
    it is served, so that one relative link serves all.
    """
    if not status.task_run:
        return plain(text)
    return link(text, f"../../runs/task-run/{status.task_run}")


def link(text: str, target: str) -> str:
    """Return `text`, which leads to `target`."""
    return f"[{plain(text)}]({target})"


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


def some_items(items: Sequence[str], most: int) -> str:
    """Return a list of the first items, a line each, and how many more there are."""
    more = [f"and {len(items) - most:,} more"] if len(items) > most else []
    return "\n".join(f"- {item}" for item in (*items[:most], *more))


def _indented(line: str) -> str:
    body = line.lstrip()
    return "\N{NO-BREAK SPACE}" * (len(line) - len(body)) + plain(body)
