"""Draw interpolation.svg: the same noisy series under each method (run it from the repository)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sitsflow.request import Interpolation
from sitsflow.timeseries.interpolation import interpolate

PICTURE = Path(__file__).with_suffix(".svg")
METHODS = (
    Interpolation(method="linear"),
    Interpolation(method="nearest"),
    Interpolation(method="spline"),
    Interpolation(method="median", median_window=45),
    Interpolation(method="savitzky_golay", savitzky_golay_window=7, savitzky_golay_degree=2),
    Interpolation(method="whittaker", whittaker_lambda=1000),
    Interpolation(method="whittaker", whittaker_lambda=100_000),
    Interpolation(method="whittaker", whittaker_lambda="v-curve"),
)
WIDTH, HEIGHT, LEFT, TOP, GAP = 400, 150, 44, 30, 34
LAST = 364
MONTHS = ((0, "Jan"), (90, "Apr"), (181, "Jul"), (273, "Oct"))
STYLE = """
text { font: 12px sans-serif; fill: #333 } .name { font-weight: bold; font-size: 13px }
.rule { stroke: #ddd } .true { stroke: #999; stroke-dasharray: 4 3; fill: none }
.line { stroke: #1b6ca8; stroke-width: 1.8; fill: none; stroke-linejoin: round }
.made { fill: #1b6ca8 } .seen { fill: none; stroke: #c2571a; stroke-width: 1.5 }
"""


def truth(days: np.ndarray) -> np.ndarray:
    """NDVI of a crop that is harvested in July, and of what grows after it."""
    spring = 0.62 / (1 + np.exp(-(days - 105) / 9)) / (1 + np.exp((days - 190) / 5))
    return 0.18 + spring + 0.25 * np.exp(-(((days - 275) / 28) ** 2))


def observations() -> tuple[np.ndarray, np.ndarray]:
    """Days and values: every fifth day, half of them cloudy, some weeks without any."""
    rng = np.random.default_rng(11)
    days = np.arange(3, LAST, 5)
    days = days[(rng.random(days.size) < 0.5) & ~((days > 118) & (days < 152))]
    values = truth(days) + rng.normal(0, 0.03, days.size)
    values[np.abs(days - 168).argmin()] = 0.31  # a cloud that no mask has
    return days, values


def draw() -> str:
    """Return the picture."""
    days, values = observations()
    parts = []
    for number, how in enumerate(METHODS):
        x, y = (number % 2) * (WIDTH + GAP), (number // 2) * (HEIGHT + TOP + GAP)
        parts.append(f'<g transform="translate({LEFT + x} {TOP + y})">')
        parts += [*panel(how, days, values), "</g>"]
    rows = (len(METHODS) + 1) // 2
    size = LEFT + 2 * WIDTH + GAP + 16, rows * (HEIGHT + TOP + GAP)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}">'
    back = f'<rect width="{size[0]}" height="{size[1]}" fill="#fff"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", back, *parts, "</svg>", ""])


def panel(how: Interpolation, days: np.ndarray, values: np.ndarray) -> list[str]:
    """Return one method's drawing."""
    shape = (days.size, 1, 1)
    targets = list(range(0, LAST + 1, 10))
    series = values.astype(np.float32).reshape(shape)
    found = interpolate(series, np.ones(shape, bool), days.tolist(), targets, how).ravel()
    every = np.arange(0, LAST + 1, 3)
    parts = [f'<text class="name" y="-10">{how.text}</text>']
    for value in (0, 0.5, 1):
        at = vertical(value)
        parts.append(f'<line class="rule" x2="{WIDTH}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="-8" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>')
    for day, name in MONTHS:
        parts.append(f'<text x="{across(day):.1f}" y="{HEIGHT + 16}">{name}</text>')
    parts.append(f'<path class="true" d="{path(every, truth(every))}"/>')
    parts.append(f'<path class="line" d="{path(targets, found)}"/>')
    parts += [circle("made", *one, 2) for one in zip(targets, found, strict=True)]
    parts += [circle("seen", *one, 3.5) for one in zip(days, values, strict=True)]
    return parts


def across(day: float) -> float:
    """Return where a day is, pixels from the left."""
    return day / LAST * WIDTH


def vertical(value: float) -> float:
    """Return where a value is, pixels from the top."""
    return HEIGHT * (1.05 - value) / 1.15


def path(days: object, values: object) -> str:
    """Return a line through points."""
    points = [f"{across(d):.1f} {vertical(v):.1f}" for d, v in zip(days, values, strict=True)]
    return f"M{'L'.join(points)}"


def circle(kind: str, day: float, value: float, radius: float) -> str:
    """Return a point."""
    return (
        f'<circle class="{kind}" cx="{across(day):.1f}" cy="{vertical(value):.1f}" r="{radius}"/>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
