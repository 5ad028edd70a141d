"""What a run ended with: pictures, where everything is, and statistics of the features."""

from __future__ import annotations

import json
from pathlib import Path

from flows.artifacts.markdown import plain, some_items, table
from sitsflow.plan import Plan
from sitsflow.report.figures import number
from sitsflow.run.empty_maps import warnings_of_maps
from sitsflow.steps.quicklook import title_of

_MOST_ROWS = 500
_MOST_WARNINGS = 50
_COLUMNS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "mean": "mean",
    "stddev": "std. dev.",
    "valid_percent": "valid %",
}


def results_page(plan: Plan, outcome: str, pictures: str, statistics: str) -> tuple[str, str]:
    """Return the page, in Markdown, and one line for its card.

    Parameters
    ----------
    outcome : str
        How the run ended; the first line says it.
    pictures : str
        Of the map or of tiles, in Markdown; empty if there is none.
    statistics : str
        Table of the features, in Markdown; empty if there is none.
    """
    paths = plan.paths
    how = plain(outcome.partition("\n")[0].rstrip(":"))
    parts = [f"**{plain(title_of(plan))}**: {how}."]
    if warnings := [plain(text) for text in warnings_of_maps(plan)]:
        parts.append("### Warnings\n\n" + some_items(warnings, _MOST_WARNINGS))
    parts.append(pictures)
    files = [
        f"- **{name[:1].upper()}{name[1:]}**: {plain(str(path.relative_to(paths.root)))}"
        for name, path in paths.results.items()
    ]
    parts.append("\n".join((f"### Files\n\nBelow {plain(str(paths.root))}:\n", *files)))
    if paths.report.exists():
        parts.append(
            "The report is one file that needs nothing else. It has quicklooks with legends, "
            "histograms, the dates of all tiles with their share of valid pixels, time series of "
            "sample pixels, costs, warnings, versions and the configuration. A browser does not "
            f"open a file from this page: copy its address, {plain(paths.report.as_uri())}"
        )
    if statistics:
        parts.append(f"### Statistics of all pixels\n\n{statistics}")
    card = f"Pictures, statistics, and the files in {plain(str(paths.root))}"
    return "\n\n".join(part for part in parts if part), card


def statistics_table(description: Path) -> str:
    """Return a table with a row a feature, from the description of the map.

    Parameters
    ----------
    description : Path
        The map's STAC item, or the collection of the maps of tiles where they are all.

    Raises
    ------
    OSError, ValueError, KeyError
        If there is none, or not as it is written here.
    """
    about = json.loads(description.read_bytes())
    bands = (
        about["bands"] if about.get("type") == "Collection" else about["assets"]["data"]["bands"]
    )
    rows = []
    for band in bands[:_MOST_ROWS]:
        found = band.get("statistics", {})
        rows.append([plain(band["name"]), *(number(found.get(name)) for name in _COLUMNS)])
    text = table(("feature", *_COLUMNS.values()), rows)
    more = len(bands) - _MOST_ROWS
    return f"{text}\n\nand {more} more, in {plain(description.name)}" if more > 0 else text
