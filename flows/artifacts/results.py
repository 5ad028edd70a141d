"""What a run ended with: statistics of the features, and where the report lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.artifacts.markdown import plain
from sitsflow.plan import Plan
from sitsflow.steps.quicklook import title_of

_MOST_ROWS = 500
_COLUMNS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "mean": "mean",
    "stddev": "std. dev.",
    "valid_percent": "valid %",
}


def statistics_rows(item: Path) -> list[dict[str, Any]]:
    """Return a row a feature, from the description of the map.

    Parameters
    ----------
    item : Path
        The map's STAC item.

    Raises
    ------
    OSError, ValueError, KeyError
        If there is none, or not as it is written here.
    """
    bands = json.loads(item.read_bytes())["assets"]["data"]["bands"]
    rows = []
    for band in bands[:_MOST_ROWS]:
        found = band.get("statistics", {})
        figures = {title: _short(found.get(name)) for name, title in _COLUMNS.items()}
        rows.append({"feature": band["name"], **figures})
    return rows


def report_page(plan: Plan, outcome: str) -> tuple[str, str]:
    """Return a page, in Markdown, that says where everything lies, and one line for its card.

    Parameters
    ----------
    outcome : str
        How the run ended; the first line says it.
    """
    paths = plan.paths
    places = {
        "Report": paths.report,
        "Map": paths.map,
        "Quicklook": paths.quicklook,
        "STAC item": paths.item,
        "Maps of tiles": paths.by_tiles,
        "Tasks": paths.status,
        "Logs": paths.logs,
    }
    lines = [f"Below {plain(str(paths.root))}:\n"]
    lines += [
        f"- **{name}**: {plain(str(path.relative_to(paths.root)))}"
        for name, path in places.items()
        if path.exists()
    ]
    about = (
        "The report is one file that needs nothing else: open it in a browser, where this folder "
        "is at hand. It has quicklooks with legends, histograms, the dates of all tiles with "
        "their share of valid pixels, time series of sample pixels, costs, warnings, versions "
        "and the configuration."
    )
    how = plain(outcome.partition("\n")[0].rstrip(":"))
    parts = [f"**{plain(title_of(plan))}**: {how}.", "\n".join(lines), about]
    if paths.report.exists():
        parts.append(f"To copy into the address bar: {plain(paths.report.as_uri())}")
    return "\n\n".join(parts), plain(str(paths.report))


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
