"""Dates by tiles: when each tile was seen, and how much of it could be used."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sitsflow.dates import stamp, to_date
from sitsflow.io.record import TaskRecord
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.report.axes import TimeAxis
from sitsflow.report.curves import dates
from sitsflow.report.figures import percent, plural
from sitsflow.report.svg import element, group, percentage

_ROW_PX = 24.0
_AXIS_PX = 24.0
_LARGEST_PX = 7.2  # radius
_ROOM_PX = 320  # for the largest radii of a row side by side
_PX_A_DATE = 10
_BESIDE_PX = 150  # the columns of tiles and means
_MOST_TITLES = 4000


@dataclass(frozen=True)
class Row:
    """A sensor over a tile: each day and its share of usable pixels, None if nobody counted."""

    tile: str
    shares: tuple[tuple[int, float | None], ...]
    drawing: Markup
    mean: str
    partial: bool
    """Whether some chunks of the tile, not all, have counted."""

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Days and percentages as text."""
        return [(str(to_date(day)), percent(share)) for day, share in self.shares]


@dataclass(frozen=True)
class Timeline:
    """The rows of each sensor, and the axis they share."""

    sensors: tuple[tuple[str, tuple[Row, ...]], ...]
    axis: Markup
    legend: Markup
    width_px: int

    @property
    def counted(self) -> bool:
        """Whether usable pixels were counted at all."""
        return any(row.mean for _, rows in self.sensors for row in rows)

    @property
    def partial(self) -> bool:
        """Whether a row is about a part of its tile."""
        return any(row.partial for _, rows in self.sensors for row in rows)


def timeline_of(
    plan: Plan, tiles: Mapping[str, TilePlan], chunks: Mapping[str, Sequence[TaskRecord]]
) -> Timeline | None:
    """Draw when each tile was seen.

    Parameters
    ----------
    chunks : mapping of str to sequence of TaskRecord
        What the chunks of each tile said when they were done.
    """
    days = [day for tile in tiles.values() for one in tile.dated_series for day in one.days]
    if not days:
        return None
    time = TimeAxis(min(days), max(days))
    most = max(len(set(one.days)) for tile in tiles.values() for one in tile.dated_series)
    dots = _Dots(min(_LARGEST_PX, max(3.0, _ROOM_PX / most)), len(days) <= _MOST_TITLES)
    found: dict[str, list[Row]] = {}
    for name in plan.tile_names:
        for one in tiles[name].dated_series:
            records = chunks.get(name, ())
            shares = _shares(one, records)
            row = Row(
                tile=name,
                shares=shares,
                drawing=_draw(name, shares, time, dots),
                mean=_mean(shares),
                partial=0 < len(records) < len(tiles[name].chunks),
            )
            found.setdefault(one.sensor.platform, []).append(row)
    return Timeline(
        sensors=tuple((sensor, tuple(rows)) for sensor, rows in found.items()),
        legend=dots.legend(),
        axis=element("svg", dates(time, 4.0), class_="plot", width="100%", height=_AXIS_PX,
                     aria_hidden="true"),
        width_px=_BESIDE_PX + _PX_A_DATE * most,
    )  # fmt: skip


def _shares(one: SeriesPlan, records: Sequence[TaskRecord]) -> tuple[tuple[int, float | None], ...]:
    """Usable pixels of each day, as a share of the pixels of the chunks that counted them."""
    label = one.sensor.label
    counted = [record for record in records if label in record.valid_pixels and record.pixels]
    pixels = sum(record.pixels for record in counted)
    days = sorted(set(one.days))
    if not pixels:
        return tuple((day, None) for day in days)
    usable: Counter[str] = Counter()
    for record in counted:
        usable.update(record.valid_pixels[label])
    return tuple((day, usable[stamp(day)] / pixels) for day in days)


def _mean(shares: Sequence[tuple[int, float | None]]) -> str:
    known = [share for _, share in shares if share is not None]
    return percent(sum(known) / len(known)) if known else ""


def _draw(
    tile: str, shares: Sequence[tuple[int, float | None]], time: TimeAxis, dots: _Dots
) -> Markup:
    marks = group(
        dots.draw(
            percentage(time.at(day)),
            share,
            _ROW_PX / 2,
            f"{tile}, {to_date(day)}: {percent(share)}",
        )
        for day, share in shares
    )
    ticks = dates(time, _ROW_PX, written=False)
    return element(
        "svg", ticks, marks, class_="plot", width="100%", height=_ROW_PX, role="img",
        aria_label=f"{tile}: {plural(len(shares), 'date')}",
    )  # fmt: skip


@dataclass(frozen=True)
class _Dots:
    """Dots whose area follows a share; rings where there is nothing, or no count."""

    largest: float
    titled: bool

    def draw(self, x: str, share: float | None, y: float, words: str) -> Markup:
        title = (element("title", words),) if self.titled and words else ()
        smallest = self.largest / 3
        if not share:
            state = "none" if share is None else "nothing"
            return element("circle", *title, class_=state, cx=x, cy=y, r=smallest)
        radius = math.sqrt(smallest**2 + share * (self.largest**2 - smallest**2))
        return element(
            "circle", *title, class_="seen", cx=x, cy=y, r=radius, fill_opacity=0.5 + 0.5 * share
        )

    def legend(self) -> Markup:
        """Draw the sizes with their meaning."""
        return group(
            element(
                "span",
                element("svg", self.draw("50%", share, 9.0, ""), width="18", height="18"),
                percent(share),
            )
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        )
