"""Short names of metrics, such as ``ndvi_p90``: a series, then a metric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sitsflow.features.metric_table import group_of, nearest, percentile

GENERAL = "metrics"
"""The function that takes what it computes as arguments."""


class ShortName(NamedTuple):
    """A short name in parts.

    Attributes
    ----------
    series : str
        Band, index, or common name of a band, of which the sensor may come first; as written.
        Empty for observations, which are counted by the masks alone.
    metric : str
    """

    series: str
    metric: str


def short_name(name: str) -> ShortName | None:
    """Return the parts of a name that ends as a metric, None of any other."""
    for series, metric in _parts(name):
        if group_of(metric) is None and percentile(metric) is None:
            continue
        if series or group_of(metric) == "observations":
            return ShortName(series, metric)
    return None


def is_metric(name: str) -> bool:
    """Whether a name that the user's module lacks can be that of metrics."""
    return name == GENERAL or short_name(name) is not None


def nearest_name(name: str) -> str | None:
    """Return the short name nearest to one that ends as no metric."""
    for series, metric in _parts(name):
        near = nearest(metric)
        if series and near is not None:
            return f"{series}_{near}"
    return None


def _parts(name: str) -> Iterator[tuple[str, str]]:
    """Yield every way to cut a name at an underscore, the longest second part first."""
    words = name.split("_")
    for at in range(len(words)):
        yield "_".join(words[:at]), "_".join(words[at:]).lower()
