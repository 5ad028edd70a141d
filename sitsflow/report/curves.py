"""Charts of the series of sample pixels: all with the same axes, so that they compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from sitsflow.dates import to_date
from sitsflow.report.axes import TimeAxis, round_values
from sitsflow.report.figures import number, plural
from sitsflow.report.samples import Curve, Sample
from sitsflow.report.svg import element, group, percentage

_HEIGHT = 132.0
_BELOW = 22.0
_AXIS_PX = 42.0
_ACROSS = 1000  # of the box that lines are drawn in, stretched to the width there is


@dataclass(frozen=True)
class Chart:
    """A sample's chart, and the words below it."""

    sample: Sample
    drawing: Markup
    tally: str


@dataclass(frozen=True)
class _Frame:
    time: TimeAxis
    low: float
    high: float

    def y(self, value: float) -> float:
        along = (value - self.low) / (self.high - self.low)
        return _HEIGHT * (1 - min(1.0, max(0.0, along)))


def draw_samples(samples: Sequence[Sample], most: float = math.inf) -> list[Chart]:
    """Draw the series of each sample; no axis goes beyond `most`, nor below its opposite."""
    curves = [curve for sample in samples for curve in sample.curves]
    if not curves:
        return []
    days = [day for curve in curves for day in (*curve.days, *curve.target_days)]
    frame = _Frame(TimeAxis(min(days), max(days)), *_limits(curves, most))
    return [Chart(sample, _draw(sample, frame), _counts_in_words(sample)) for sample in samples]


def _limits(curves: Sequence[Curve], most: float) -> tuple[float, float]:
    """Choose the ends of the value axis: all that may be used, and what lies near of the rest."""
    usable = np.concatenate([c.interpolated for c in curves] + [c.raw[c.valid] for c in curves])
    masked = np.concatenate([c.raw[~c.valid] for c in curves])
    usable, masked = usable[np.isfinite(usable)], masked[np.isfinite(masked)]
    if not usable.size:
        usable = masked if masked.size else np.zeros(1)
    low, high = (float(np.clip(end, -most, most)) for end in (usable.min(), usable.max()))
    room = 0.5 * (high - low) or 1.0
    near = masked[(masked > low - room) & (masked < high + room)]
    low, high = (float(f(np.append(near, (low, high)))) for f in (np.min, np.max))
    margin = 0.06 * (high - low) or 0.5
    return max(low - margin, -most), min(high + margin, most)


def _draw(sample: Sample, frame: _Frame) -> Markup:
    values = round_values(frame.low, frame.high)
    marks = group(
        element("text", number(value, 3), x=_AXIS_PX - 6, y=frame.y(value) + 4, text_anchor="end")
        for value in values
    )
    axis = element("svg", marks, width=_AXIS_PX, height=_HEIGHT + _BELOW, aria_hidden="true")
    rules = group(
        element("line", class_="rule", x1="0", x2="100%", y1=frame.y(value), y2=frame.y(value))
        for value in values
    )
    several = len(sample.curves) > 1
    curves = group(_curve(c, frame, n if several else 0) for n, c in enumerate(sample.curves))
    plot = element(
        "svg", rules, dates(frame.time, _HEIGHT), curves,
        class_="plot", width="100%", height=_HEIGHT + _BELOW, role="img",
        aria_label=f"Series of sample pixel {sample.number}: {_counts_in_words(sample)}",
    )  # fmt: skip
    return element("div", axis, plot, class_="chart")


def dates(time: TimeAxis, height: float, *, written: bool = True) -> Markup:
    """Draw the ticks of a time axis over `height` pixels, and write their dates below."""
    parts = []
    for tick in time.ticks():
        at = percentage(tick.at)
        minor = " minor" if tick.minor else ""
        parts.append(element("line", class_=f"tick{minor}", x1=at, x2=at, y1=0.0, y2=height))
        if written:
            # At the right, half of a centred text would be cut; at the left there is room.
            anchor = "end" if tick.at > 0.97 else "middle"
            parts.append(
                element("text", tick.label, class_=f"date{minor}", x=at, y=height + 16,
                        text_anchor=anchor)
            )  # fmt: skip
    return group(parts)


def _curve(curve: Curve, frame: _Frame, number_of: int) -> Markup:
    parts = [_line(curve, frame)]
    for day, value in zip(curve.target_days, curve.interpolated, strict=True):
        if np.isfinite(value):
            parts.append(_point(frame, day, value, 1.5, "made", None))
    for day, value, valid in zip(curve.days, curve.raw, curve.valid, strict=True):
        if np.isfinite(value):
            state = "valid" if valid else "masked"
            words = f"{to_date(day)}: {number(float(value), 3)}, {state}"
            parts.append(_point(frame, day, value, 3.2, state, words))
    return element("g", *parts, class_=f"curve s{number_of % 3}")


def _line(curve: Curve, frame: _Frame) -> Markup:
    """Draw the interpolated series, broken where it has no value."""
    path, pen = [], "M"
    for day, value in zip(curve.target_days, curve.interpolated, strict=True):
        if not np.isfinite(value):
            pen = "M"
            continue
        path.append(f"{pen}{_ACROSS * frame.time.at(day):.1f} {frame.y(float(value)):.1f}")
        pen = "L"
    return element(
        "svg",
        element("path", d="".join(path), vector_effect="non-scaling-stroke"),
        x="0", y="0", width="100%", height=_HEIGHT,
        viewBox=f"0 0 {_ACROSS} {_HEIGHT:g}", preserveAspectRatio="none",
    )  # fmt: skip


def _point(
    frame: _Frame, day: int, value: float, radius: float, state: str, words: str | None
) -> Markup:
    title = (element("title", words),) if words else ()
    return element(
        "circle", *title, class_=state, cx=percentage(frame.time.at(day)),
        cy=frame.y(float(value)), r=radius,
    )  # fmt: skip


def _counts_in_words(sample: Sample) -> str:
    parts = []
    for curve in sample.curves:
        valid = int(curve.valid.sum())
        absent = int((~np.isfinite(curve.raw)).sum())
        masked = len(curve.days) - valid - absent
        words = f"{plural(len(curve.days), 'date')}: {valid} valid, {masked} masked"
        words += f", {absent} without data" if absent else ""
        parts.append(f"{curve.sensor}, {words}" if len(sample.curves) > 1 else words)
    return "; ".join(parts)
