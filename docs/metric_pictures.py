"""Draw the pictures of metrics.md (``python docs/metric_pictures.py``), by the code that maps.

Each shows one made-up pixel, and the metrics where they lie on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from sitsflow.features.metric_bands import MetricBand, SeriesName
from sitsflow.features.metrics import metrics_of
from sitsflow.report.figures import MONTHS
from sitsflow.report.svg import element, group
from sitsflow.timeseries.availability import availability
from sitsflow.timeseries.phenology import Rules

FOLDER = Path(__file__).parent / "pictures"
WIDTH = 760
LEFT, RIGHT, TOP, BOTTOM = 48, 170, 22, 34  # margins
INK, PALE, GREEN, BLUE, RED, SHADE = (
    "#24292f", "#8c959f", "#1a7f37", "#0969da", "#cf222e", "#dafbe1"
)  # fmt: skip
_LINE = 15  # pixels from one label to the next
_FIRST_OF_MONTHS = np.cumsum([1, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
Floats = NDArray[np.float64]


class Chart:
    """A chart of values on days, from `first` to `last` and from `low` to `high`."""

    def __init__(
        self, first: float, last: float, low: float, high: float, height: int = 270
    ) -> None:
        self._height = height
        self.floor = height - BOTTOM
        self._first, self._last, self._low, self._high = first, last, low, high
        self._parts: list[Markup] = []
        self._notes: list[tuple[float, str, str]] = []

    def x(self, day: float) -> float:
        """Return where a day lies, in pixels."""
        share = (day - self._first) / (self._last - self._first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """Return where a value lies, in pixels."""
        share = (value - self._low) / (self._high - self._low)
        return round(self.floor - share * (self.floor - TOP), 1)

    def axes(self, years: int, values: Iterable[float]) -> None:
        """Draw months, or years where there are many, and values."""
        floor = self.floor
        self.segment((LEFT, floor), (WIDTH - RIGHT, floor), INK)
        for year in range(years):
            for month in range(0, 12, 1 if years == 1 else 12 if years > 2 else 3):
                day = year * 365.25 + float(_FIRST_OF_MONTHS[month])
                label = MONTHS[month] if years <= 2 else str(2018 + year)
                self.segment((self.x(day), floor), (self.x(day), floor + 4), INK)
                self.text(self.x(day) + 3, floor + 17, label, PALE, anchor="start")
        for value in values:
            self.segment((LEFT, self.y(value)), (WIDTH - RIGHT, self.y(value)), "#eaeef2")
            self.text(LEFT - 6, self.y(value) + 4, f"{value:g}", PALE, anchor="end")

    def segment(
        self, one: tuple[float, float], other: tuple[float, float], colour: str, *,
        width: float = 1, dashed: bool = False, arrows: bool = False,
    ) -> None:  # fmt: skip
        """Draw a straight line between two places, in pixels."""
        self._parts.append(
            element(
                "line", x1=one[0], y1=one[1], x2=other[0], y2=other[1], stroke=colour,
                stroke_width=width, stroke_dasharray="4 3" if dashed else None,
                marker_start=f"url(#a{colour[1:]})" if arrows else None,
                marker_end=f"url(#a{colour[1:]})" if arrows else None,
            )
        )  # fmt: skip

    def line(self, days: Floats, values: Floats, colour: str, width: float = 1.5) -> None:
        """Draw a line through values on days."""
        places = " ".join(f"{self.x(d):g},{self.y(v):g}" for d, v in zip(days, values, strict=True))
        self._parts.append(
            element("polyline", points=places, fill="none", stroke=colour, stroke_width=width)
        )

    def dots(self, days: Sequence[float], values: Sequence[float], colour: str, fill: str) -> None:
        """Draw a dot a value."""
        self._parts += [
            element("circle", cx=self.x(d), cy=self.y(v), r=3, fill=fill, stroke=colour)
            for d, v in zip(days, values, strict=True)
        ]

    def area(self, days: Floats, values: Floats) -> None:
        """Shade what lies below a line."""
        floor = self.y(self._low)
        places = [(self.x(d), self.y(v)) for d, v in zip(days, values, strict=True)]
        places = [(places[0][0], floor), *places, (places[-1][0], floor)]
        points = " ".join(f"{x:g},{y:g}" for x, y in places)
        self._parts.append(element("polygon", points=points, fill=SHADE))

    def text(self, x: float, y: float, words: str, colour: str, *, anchor: str = "middle") -> None:
        """Write words, a metric's name or what belongs to the axes."""
        # A white edge, so that lines behind letters do not cross them.
        self._parts.append(element("text", words, x=x, y=y, fill=colour, text_anchor=anchor))

    def level(self, value: float, words: str, colour: str, *, begin: float | None = None) -> None:
        """Draw a level up to the right margin, where its name is written."""
        start = LEFT if begin is None else self.x(begin)
        at = self.y(value)
        self.segment((start, at), (WIDTH - RIGHT, at), colour, dashed=True)
        self._notes.append((at, words, colour))

    def note(self, value: float, words: str, colour: str) -> None:
        """Name what ends at a value at the right margin."""
        self._notes.append((self.y(value), words, colour))

    def day(
        self, day: float, value: float, words: str, colour: str, *, before: bool = False
    ) -> None:
        """Mark a day from a value down to the axis, where its name is written after or before."""
        floor = self.floor
        self.segment((self.x(day), self.y(value)), (self.x(day), floor), colour, dashed=True)
        place, anchor = (-4, "end") if before else (4, "start")
        self.text(self.x(day) + place, floor - 8, words, colour, anchor=anchor)

    def save(self, name: str) -> str:
        """Return the picture; `name` says what it shows."""
        self._name_levels()
        style = (
            "text{font:12px ui-sans-serif,system-ui,'DejaVu Sans',sans-serif;"
            "paint-order:stroke;stroke:#fff;stroke-width:3px}"
        )
        arrows = group(
            element(
                "marker",
                element("path", d="M0 0L8 4L0 8z", fill=colour),
                id=f"a{colour[1:]}", viewBox="0 0 8 8", refX=8, refY=4, markerWidth=7,
                markerHeight=7, orient="auto-start-reverse",
            )
            for colour in (INK, GREEN, BLUE, RED)
        )  # fmt: skip
        picture = element(
            "svg",
            element("title", name),
            element("style", Markup(style)),
            element("defs", arrows),
            element("rect", width=WIDTH, height=self._height, rx=6, fill="#fff", stroke="#d0d7de"),
            group(self._parts),
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {WIDTH} {self._height}",
            width=WIDTH,
            height=self._height,
        )
        return f"{picture}\n"

    def _name_levels(self) -> None:
        """Write the names of levels beside them, apart from each other."""
        last = 0.0
        for at, words, colour in sorted(self._notes):
            place = max(at, last + _LINE)
            last = place
            edge = WIDTH - RIGHT
            self.segment((edge, at), (edge + 12, place), colour)
            self.text(edge + 16, place + 4, words, colour, anchor="start")


def facts_of(values: Floats, days: Floats, *names: str, season: int = 1) -> dict[str, float]:
    """Return metrics of one pixel by name, as a map would have them."""
    bands = [MetricBand(name, SeriesName("", ""), name, season) for name in names]
    series = values.astype(np.float32).reshape(-1, 1, 1)
    found = metrics_of(series, days.tolist(), bands, Rules())
    return {name: float(value.item()) for name, value in found.items()}


def bump(days: Floats, middle: float, width: float, height: float) -> Floats:
    """Return a season: a smooth hill."""
    hill: Floats = height * np.exp(-(((days - middle) / width) ** 2))
    return hill


def statistics() -> str:
    """Draw one year of NDVI."""
    days = np.arange(8, 366, 12.0)
    noise = np.random.default_rng(4).normal(0, 22, days.size)
    values = 215 + bump(days, 165, 72, 590) + bump(days, 375, 60, 70) + noise
    found = facts_of(
        values, days, "max", "min", "mean", "median", "p90", "p10", "max_day", "min_day",
    )  # fmt: skip
    chart = Chart(1, 366, 100, 900)
    chart.axes(1, (200, 400, 600, 800))
    chart.level(found["max"], "max, p100", GREEN)
    chart.level(found["p90"], "p90", BLUE)
    chart.level(found["mean"], "mean", INK)
    chart.level(found["median"], "median, p50", BLUE)
    chart.level(found["p10"], "p10", BLUE)
    chart.level(found["min"], "min, p0", GREEN)
    chart.line(days, values, INK)
    chart.dots(list(days), list(values), INK, "#fff")
    chart.day(found["max_day"], found["max"], "max_day", GREEN)
    chart.day(found["min_day"], found["min"], "min_day", GREEN)
    at = chart.x(340)
    ends = (at, chart.y(found["max"])), (at, chart.y(found["min"]))
    chart.segment(*ends, RED, arrows=True, width=1.5)
    chart.text(at - 6, chart.y(560), "amplitude", RED, anchor="end")
    return chart.save("Statistics of a year of NDVI")


def trend() -> str:
    """Draw five years, of which the last ends in a loss."""
    days = np.arange(10, 5 * 365.25, 20.0)
    noise = np.random.default_rng(7).normal(0, 25, days.size)
    values = 330 + days * 0.11 + 110 * np.cos(2 * np.pi * (days - 190) / 365.25) + noise
    values[days > 4.72 * 365] -= 330
    found = facts_of(values, days, "slope", "theil_sen")
    chart = Chart(1, 5 * 365.25, 0, 700)
    chart.axes(5, (200, 400, 600))
    chart.line(days, values, PALE)
    chart.dots(list(days), list(values), PALE, "#fff")
    ends = np.array([1, 5 * 365.25])
    middles = (("slope", RED, values.mean(), days.mean()), ("theil_sen", GREEN, None, None))
    for name, colour, height, at in middles:
        steep = found[name] / 365.25
        if height is None:
            height, at = np.median(values - steep * days), 0.0
        line = height + steep * (ends - at)
        chart.line(ends, line, colour, 2)
        chart.note(float(line[1]), f"{name}: {found[name]:+.0f} a year", colour)
    return chart.save("Trends of five years")


def harmonic() -> str:
    """Draw two years and the wave through them."""
    days = np.arange(5, 731, 16.0)
    rng = np.random.default_rng(2)
    year = days % 365.25
    values = 250 + bump(year, 170, 65, 480) + rng.normal(0, 30, days.size)
    found = facts_of(values, days, "harmonic_amplitude", "harmonic_phase", "harmonic_mean")
    size, phase, mean = found.values()
    chart = Chart(1, 731, 0, 900)
    chart.axes(2, (200, 400, 600, 800))
    chart.line(days, values, PALE)
    chart.dots(list(days), list(values), PALE, "#fff")
    fine = np.arange(1, 731, 3.0)
    chart.line(fine, mean + size * np.cos(2 * np.pi * (fine - phase) / 365.25), GREEN, 2)
    chart.level(mean, "harmonic_mean", BLUE)
    crest, edge = chart.y(mean + size), WIDTH - RIGHT + 7
    chart.segment((chart.x(phase + 365.25), crest), (edge + 5, crest), GREEN, dashed=True)
    chart.segment((edge, chart.y(mean)), (edge, crest), RED, arrows=True, width=1.5)
    chart.text(edge + 9, chart.y(mean + size / 2), "harmonic_amplitude", RED, anchor="start")
    chart.day(phase, mean + size, "harmonic_phase", GREEN)
    return chart.save("The annual harmonic of two years")


def season() -> str:
    """Draw a winter crop, then a summer crop, and the traits of the first season."""
    days = np.arange(3, 366, 9.0)
    noise = np.random.default_rng(11).normal(0, 9, days.size)
    values = 170 + bump(days, 118, 44, 610) + bump(days, 258, 34, 420) + noise
    values += np.where(days > 190, 70, 0) * np.exp(-(((days - 190) / 130) ** 2))
    names = [
        "start", "end", "peak", "base", "peak_value", "amplitude", "greenup_rate", "length",
    ]  # fmt: skip
    first = facts_of(values, days, *(f"season_{name}" for name in names))
    second = facts_of(values, days, "season_start", "season_end", season=2)
    chart = Chart(1, 366, 0, 900)
    chart.axes(1, (200, 400, 600, 800))
    start, end, peak = first["season_start"], first["season_end"], first["season_peak"]
    inside = np.array([start, *days[(days > start) & (days < end)], end])
    chart.area(inside, np.interp(inside, days, values))
    chart.level(first["season_peak_value"], "season_peak_value", GREEN, begin=peak)
    chart.level(first["season_base"], "season_base", BLUE)
    chart.line(days, values, INK)
    chart.dots(list(days), list(values), INK, "#fff")
    _greenup(chart, days, values, peak, first["season_greenup_rate"])
    for day, words in ((start, "start"), (peak, "peak"), (end, "end")):
        height = float(np.interp(day, days, values))
        chart.day(day, height, words, GREEN)
        chart.dots([day], [height], GREEN, GREEN)
    level = chart.y(60) - 18
    chart.segment((chart.x(start), level), (chart.x(end), level), GREEN, arrows=True)
    chart.text(chart.x((peak + end) / 2), level - 6, "length", GREEN)
    chart.text(chart.x((start + peak) / 2), chart.y(310), "integral", GREEN)
    at = chart.x(345)
    ends = (at, chart.y(first["season_peak_value"])), (at, chart.y(first["season_base"]))
    chart.segment(*ends, RED, arrows=True, width=1.5)
    chart.text(at - 6, chart.y(690), "season_amplitude", RED, anchor="end")
    for day in second.values():
        chart.dots([day], [float(np.interp(day, days, values))], PALE, PALE)
    chart.text(chart.x(258), chart.y(120), "season 2", PALE)
    chart.text(chart.x(peak), chart.y(865), "season 1", PALE)
    return chart.save("Two seasons of a year, the first one measured")


def _greenup(chart: Chart, days: Floats, values: Floats, peak: float, rate: float) -> None:
    """Draw the straight line whose slope is the green-up rate."""
    before = days <= peak
    low, high = values[before].min(), values[days == peak].item()
    levels = [low + part * (high - low) for part in (0.2, 0.8)]
    rising = [float(np.interp(level, values[before], days[before])) for level in levels]
    middle = sum(rising) / 2
    ends = np.array([middle - 34, middle + 34])
    chart.line(ends, (levels[0] + levels[1]) / 2 + rate * (ends - middle), RED, 2)
    chart.text(chart.x(middle) - 10, chart.y(560), "greenup_rate", RED, anchor="end")


def observations() -> str:
    """Draw the dates of a year, some of them under clouds."""
    days = np.arange(9, 361, 10.0)
    clear = np.random.default_rng(5).random(days.size) < 0.6
    clear[:2], clear[-1] = False, False
    clear[(days > 205) & (days < 252)] = False
    facts = [fact.item() for fact in availability(clear.reshape(-1, 1, 1), days.tolist())]
    number, first, last, gap = facts
    chart = Chart(1, 366, 0, 10, height=150)
    chart.axes(1, ())
    chart.dots(list(days[~clear]), [5] * int((~clear).sum()), PALE, "#fff")
    chart.dots(list(days[clear]), [5] * int(clear.sum()), GREEN, GREEN)
    chart.day(first, 4.6, "valid_first", GREEN)
    chart.day(last, 4.6, "valid_last", GREEN, before=True)
    seen = days[clear]
    begin, stop = next((a, b) for a, b in pairwise(seen) if b - a == gap)
    level = chart.y(6)
    chart.segment((chart.x(begin), level), (chart.x(stop), level), RED, arrows=True, width=1.5)
    chart.text(chart.x((begin + stop) / 2), level - 11, f"valid_gap: {gap:.0f} days", RED)
    edge = WIDTH - RIGHT + 16
    chart.text(edge, chart.y(5) + 4, f"valid_count: {number:.0f}", GREEN, anchor="start")
    chart.text(edge, chart.y(5) + 22, "masked: not counted", PALE, anchor="start")
    return chart.save("Valid dates of a year")


PICTURES: dict[str, Callable[[], str]] = {
    "metrics-statistics.svg": statistics,
    "metrics-trend.svg": trend,
    "metrics-harmonic.svg": harmonic,
    "metrics-season.svg": season,
    "metrics-observations.svg": observations,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")
