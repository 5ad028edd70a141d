"""A picture of the map: one panel a feature, colours by percentiles, a legend each."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from sitsflow.errors import OutputError
from sitsflow.io.opening import reading
from sitsflow.io.write import atomic
from sitsflow.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 9
_DPI = 120
_LONGEST_IN = {1: 7.0, 2: 5.0, 3: 4.2, 4: 4.2}  # longer side of a map, by number of panels
_SMALL_IN = 3.4
_NO_DATA = "#cdcdcd"
_INK = "#222222"


@dataclass(frozen=True)
class _Panels:
    """The first bands of a map, decimated: (band, row, col) float32, NaN without a value."""

    values: NDArray[np.float32]
    labels: tuple[str, ...]
    n_bands: int
    pixel_m: float | None
    """Metres a column of `values`, None where the map is not in metres."""


def title_of(plan: Plan) -> str:
    """Return a title for the whole run: its sensors, dates and tiles."""
    names = [each.sensor.replace("Sentinel_", "Sentinel-") for each in plan.request.sensors]
    sensors = " + ".join(names).replace("_", " ")
    count = len(plan.tile_names)
    tiles = ", ".join(plan.tile_names) if count <= 4 else f"{count} tiles"
    return f"{sensors}, {plan.first_day} to {plan.last_day}, {tiles}"


def write_quicklook(map_path: Path, out_png: Path, title: str) -> None:
    """Draw a map's features, up to nine, to a PNG.

    Colours run from the 2nd to the 98th percentile of each feature: viridis, or blue and red
    around zero where both signs matter. Pixels without a value are light grey. The map is read
    through its overviews, never at full resolution where it is large.

    Parameters
    ----------
    map_path : Path
        The feature map; its band descriptions become the titles of the panels.
    out_png : Path
        The picture, written whole or not at all.
    title : str
        Stands above all panels, as from `title_of`.

    Raises
    ------
    OutputError
        If the map cannot be read.
    """
    panels = _read(map_path)
    figure = _draw(panels, title)
    with atomic(out_png) as temporary:
        figure.savefig(temporary, dpi=_DPI, facecolor="white")


def _read(map_path: Path) -> _Panels:
    try:
        with reading(), rasterio.open(map_path) as dataset:
            n_panels = min(dataset.count, MOST_PANELS)
            longest = _LONGEST_IN.get(n_panels, _SMALL_IN) * _DPI
            factor = max(1.0, max(dataset.shape) / longest)
            shape = tuple(max(1, round(size / factor)) for size in dataset.shape)
            masked = dataset.read(
                list(range(1, n_panels + 1)),
                out_shape=(n_panels, *shape),
                masked=True,
                resampling=Resampling.average,
            )
            labels = tuple(
                name or f"band {number}"
                for number, name in enumerate(dataset.descriptions[:n_panels], start=1)
            )
            pixel_m = None
            if dataset.crs and dataset.crs.is_projected:
                metres = dataset.crs.linear_units_factor[1]
                pixel_m = dataset.transform.a * dataset.width / shape[1] * metres
            values = masked.astype(np.float32).filled(np.nan)
            return _Panels(values, labels, dataset.count, pixel_m)
    except RasterioError as error:
        raise OutputError(f"{map_path}: cannot be read ({error}); run the mosaic again") from error


def _draw(panels: _Panels, title: str) -> Figure:
    # Matplotlib takes a second to import, and logs that it makes its font cache: only the task
    # that draws should pay for it, without the log.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    n_panels, height, width = panels.values.shape
    longest = _LONGEST_IN.get(n_panels, _SMALL_IN)
    map_h, map_w = (longest * max(size / max(height, width), 0.12) for size in (height, width))
    beside = height >= 0.6 * width
    cell_w = max(map_w, 1.9) + (0.95 if beside else 0.25)
    cell_h = max(map_h, 1.0) + (0.45 if beside else 0.8)
    n_rows, n_cols = _arrangement(n_panels, cell_w, cell_h)
    size = max(n_cols * cell_w + 0.3, 6.0), n_rows * cell_h + 0.75
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1, wspace=0.02, hspace=0.03)
    figure = Figure(figsize=size, layout=layout)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=13, fontweight="bold", color=_INK, wrap=True)
    axes = figure.subplots(n_rows, n_cols, squeeze=False).ravel()
    for index, panel in enumerate(axes):
        if index < n_panels:
            _draw_panel(figure, panel, panels, index, beside)
        else:
            panel.set_axis_off()
    if panels.pixel_m:
        _draw_scale(axes[0], panels.pixel_m, width)
    _draw_note(figure, panels)
    return figure


def _arrangement(n_panels: int, cell_w: float, cell_h: float) -> tuple[int, int]:
    """Rows and columns that bring the figure nearest to 4:3, empty places counted against."""

    def cost(n_cols: int) -> float:
        n_rows = math.ceil(n_panels / n_cols)
        shape = abs(math.log(n_cols * cell_w / (n_rows * cell_h) * 3 / 4))
        return shape + 0.9 * (n_rows * n_cols - n_panels)

    n_cols = min(range(1, n_panels + 1), key=cost)
    return math.ceil(n_panels / n_cols), n_cols


def _draw_panel(figure: Figure, panel: Axes, panels: _Panels, index: int, beside: bool) -> None:
    values = panels.values[index]
    height, width = values.shape
    label = panels.labels[index]
    panel.set_title(
        label if len(label) <= 38 else f"{label[:24]}…{label[-12:]}",
        fontsize=10.5,
        color=_INK,
        parse_math=False,
    )
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_facecolor(_NO_DATA)
    for spine in panel.spines.values():
        spine.set(color="#999999", linewidth=0.6)
    colours, low, high = _stretch(values)
    image = panel.imshow(values, cmap=colours, vmin=low, vmax=high)
    if not np.isfinite(values).any():
        panel.text(0.5, 0.5, "no value", transform=panel.transAxes, ha="center", va="center")
        return
    tall = max(1.0, height / width)
    bar = figure.colorbar(
        image,
        ax=panel,
        location="right" if beside else "bottom",
        extend="both",
        extendfrac=0.03,
        fraction=min(0.06 * tall, 0.2),
        pad=0.02,
        aspect=26 * math.sqrt(tall) if beside else 34,
    )
    _style_bar(bar)


def _style_bar(bar: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    bar.locator = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10])
    # No factor common to all ticks: it would lie over the titles.
    bar.formatter = FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}"))
    bar.update_ticks()
    bar.ax.tick_params(labelsize=8.5, colors=_INK, length=2.5, width=0.6)
    bar.outline.set_linewidth(0.5)


def _stretch(values: NDArray[np.float32]) -> tuple[str, float, float]:
    """Colour map, and the values at its ends."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "viridis", 0.0, 1.0
    low, lower, upper, high = (float(value) for value in np.percentile(finite, (2, 20, 80, 98)))
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        margin = 0.5 * abs(low) or 0.5
        return "viridis", low - margin, high + margin
    if lower < 0 < upper:  # a few lakes below zero do not make a map of NDVI two-sided
        end = max(-low, high)
        return "RdBu_r", -end, end
    return "viridis", low, high


def _draw_scale(panel: Axes, pixel_m: float, width: int) -> None:
    """Draw a bar of a round length, about a quarter of the first map's width."""
    from matplotlib.patheffects import withStroke

    longest = 0.35 * width * pixel_m
    power = 10.0 ** math.floor(math.log10(longest))
    length = max(step * power for step in (1, 2, 5) if step * power <= longest)
    name = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    x, y = 0.04, 0.05
    end = x + length / pixel_m / width
    halo = [withStroke(linewidth=3, foreground="white")]
    panel.plot(
        [x, end], [y, y], transform=panel.transAxes, color=_INK, linewidth=2.2,
        solid_capstyle="butt", path_effects=[withStroke(linewidth=4.2, foreground="white")],
    )  # fmt: skip
    panel.annotate(
        name, ((x + end) / 2, y), xycoords="axes fraction", xytext=(0, 3),
        textcoords="offset points", ha="center", va="bottom", fontsize=8.5, color=_INK,
        path_effects=halo,
    )  # fmt: skip


def _draw_note(figure: Figure, panels: _Panels) -> None:
    notes = []
    if panels.n_bands > len(panels.labels):
        notes.append(f"The first {len(panels.labels)} of {panels.n_bands} features.")
    notes.append("Colours from the 2nd to the 98th percentile.")
    if not np.isfinite(panels.values).all():
        notes.append("Grey: no data.")
    figure.supxlabel("  ".join(notes), fontsize=8.5, color="#666666")
