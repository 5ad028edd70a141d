"""What the report says of each feature: a picture, a histogram, and statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sitsflow.plan import Plan
from sitsflow.report.axes import round_values
from sitsflow.report.colours import Scale, scale_of
from sitsflow.report.figures import number, percent
from sitsflow.report.picture import data_uri
from sitsflow.report.pixels import MapOverview
from sitsflow.report.svg import element, percentage

MOST_PICTURES = 9
_BINS = 48
_HISTOGRAM_PX = 44.0


@dataclass(frozen=True)
class FeatureSummary:
    """One band of the map.

    `figures` are its statistics as text, in the order of `COLUMNS`; `bars` its histogram between
    the ends of its colours.
    """

    label: str
    function: str
    scale: Scale
    figures: tuple[str, ...]
    bars: Markup
    values: NDArray[np.float32]
    has_values: bool

    @property
    def picture(self) -> str:
        """The data URI of its picture."""
        return data_uri(self.values, self.scale)

    @property
    def ticks(self) -> list[tuple[str, str]]:
        """Places along the legend, in CSS, and the values there."""
        low, high = self.scale.low, self.scale.high
        inner = [v for v in round_values(low, high, 3) if 0.12 < (v - low) / (high - low) < 0.88]
        return [(percentage((v - low) / (high - low)), number(v, 4)) for v in inner]


COLUMNS = ("Minimum", "2 %", "Median", "98 %", "Maximum", "Mean", "Std. dev.", "Valid")


def choose(plan: Plan) -> list[int]:
    """Choose the bands, from 0, whose pictures are shown: those of functions before native ones.

    Of many they are taken from all over, so that those of a series show its whole length.
    """
    native = len(plan.labels) - sum(len(one.labels) for one in plan.functions)
    made = list(range(native, len(plan.labels)))  # functions come last
    if len(made) <= MOST_PICTURES:
        return made + _some(list(range(native)), MOST_PICTURES - len(made))
    return _some(made, MOST_PICTURES)


def in_order(plan: Plan) -> list[int]:
    """Return all bands, from 0, those that should be described before others first."""
    native = len(plan.labels) - sum(len(one.labels) for one in plan.functions)
    return list(dict.fromkeys((*choose(plan), *range(native, len(plan.labels)), *range(native))))


def _some(bands: list[int], count: int) -> list[int]:
    if len(bands) <= count:
        return bands
    return [bands[at] for at in np.linspace(0, len(bands) - 1, count).round().astype(int)]


def features_of(plan: Plan, overview: MapOverview) -> dict[int, FeatureSummary]:
    """Describe the features that were looked at, by their band, from 0."""
    functions = {label: one.name for one in plan.functions for label in one.labels}
    found = {}
    for at, band in enumerate(overview.bands):
        plane = overview.values[at]
        finite = plane[np.isfinite(plane)]
        scale = scale_of(finite)
        found[band] = FeatureSummary(
            label=plan.labels[band],
            function=functions.get(plan.labels[band], ""),
            scale=scale,
            figures=_figures(finite, plane.size, overview.tags[at] if overview.tags else {}),
            bars=_histogram(finite, scale),
            values=plane,
            has_values=bool(finite.size),
        )
    return found


def _figures(finite: NDArray[np.float32], n_pixels: int, tags: dict[str, str]) -> tuple[str, ...]:
    """Statistics as text: from the tags of all pixels where there are some, else from `finite`."""
    if finite.size:
        values = finite.astype(np.float64)
        low, median, high = (float(v) for v in np.percentile(values, (2, 50, 98)))
        seen = {
            "MINIMUM": values.min(), "MAXIMUM": values.max(), "MEAN": values.mean(),
            "STDDEV": values.std(),
        }  # fmt: skip
    else:
        low = median = high = math.nan
        seen = dict.fromkeys(("MINIMUM", "MAXIMUM", "MEAN", "STDDEV"), math.nan)

    def figure(name: str) -> str:
        return number(float(tags.get(f"STATISTICS_{name}", seen[name])))

    valid = float(tags.get("STATISTICS_VALID_PERCENT", 100 * finite.size / n_pixels)) / 100
    return (
        figure("MINIMUM"), number(low), number(median), number(high), figure("MAXIMUM"),
        figure("MEAN"), figure("STDDEV"), percent(valid),
    )  # fmt: skip


def _histogram(finite: NDArray[np.float32], scale: Scale) -> Markup:
    """Draw the values between the ends of the colours, as one shape as wide as its place."""
    counts, _ = np.histogram(finite, bins=_BINS, range=(scale.low, scale.high))
    if not counts.any():
        return Markup()
    tops = _HISTOGRAM_PX * (1 - counts / counts.max())
    steps = "".join(f"V{top:.1f}h1" for top in tops)
    return element(
        "svg",
        element("path", d=f"M0 {_HISTOGRAM_PX:g}{steps}V{_HISTOGRAM_PX:g}z"),
        class_="bars",
        viewBox=f"0 0 {_BINS} {_HISTOGRAM_PX:g}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
