"""Draw the pictures of sentinel-1.md (``python docs/radar_pictures.py``), by the code that maps.

They show simulated products, made anew in a temporary folder; it takes a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from numpy.typing import NDArray
from PIL import Image

from sitsflow.geo.grid import Grid
from sitsflow.plan import SeriesPlan
from sitsflow.planning.planner import make_plan
from sitsflow.radar.calibration import decibels
from sitsflow.radar.image import open_image
from sitsflow.radar.terrain_flattening import flatten, flattening_margin
from sitsflow.radar_settings import RadarSettings
from sitsflow.request import Request, SensorRequest
from sitsflow.simulate import RadarOptions, simulate
from sitsflow.timeseries.radar_observations import RadarObservations

FOLDER = Path(__file__).parent / "pictures"
TILE, SIZE, SEED = "T31TCJ", 170, 38
_STEEP_M, _WIDTH_M = 700.0, 230.0  # a ridge that casts shadows and is laid over
_LAYOVER, _SHADOW = (0.81, 0.13, 0.18), (0.03, 0.41, 0.85)
Floats = NDArray[np.float32]
Limits = tuple[float, float]


class Series(NamedTuple):
    """Series of one tile, by their labels, and its grid."""

    plans: dict[str, SeriesPlan]
    grid: Grid

    def power(self, label: str, band: str, speckle_filter: str) -> Floats:
        """Return the linear power of a band of the whole tile; shape (date, row, col)."""
        plan = self.plans[label]
        assert plan.radar is not None
        settings = plan.radar.settings.model_copy(update={"speckle_filter": speckle_filter})
        radar = plan.radar.model_copy(update={"settings": settings})
        plan = plan.model_copy(update={"radar": radar, "read": plan.bands})
        return RadarObservations(plan, self.grid, self.grid.whole, "bicubic").band(band)


def simulated(out: Path) -> Series:
    """Simulate ten dates of both orbits over a ridge, and plan their map."""
    products = out / "products"
    days = date(2018, 1, 1), date(2018, 12, 1)
    simulate(
        products, "Sentinel_1", [TILE], *days, 36, SIZE, SEED, radar=RadarOptions(relief="ridge")
    )
    settings = RadarSettings(
        products=products, dem=(products / "elevation.tif",), references=products / "references"
    )
    sensor = SensorRequest(
        sensor="Sentinel_1", root=products, temporal_resolution=36, radar=settings
    )
    _, tiles = make_plan(Request(output_path=out / "map", tiles=(TILE,), sensors=(sensor,)))
    tile = tiles[TILE]
    return Series({one.sensor.label: one for one in tile.series}, tile.grid)


def speckle(series: Series) -> Figure:
    """Draw one date before and after the filter."""
    images = [
        decibels(series.power("Sentinel1DES", "VV", speckle_filter)[4])
        for speckle_filter in ("none", "quegan")
    ]
    titles = "VV of one date, dB", "the same, filtered over ten dates"
    return _panels(images, titles, ((-17.0, -5.0),) * 2, "gray")


def polarisations(series: Series) -> Figure:
    """Draw the means of both polarisations, and their ratio."""
    labels = "Sentinel1DES", "Sentinel1ASC"
    vv, vh = (
        np.concatenate([series.power(label, band, "quegan") for label in labels]).mean(axis=0)
        for band in ("VV", "VH")
    )
    images = decibels(vv), decibels(vh), decibels(vh / vv)
    titles = "VV, dB", "VH, dB", "VH / VV, dB"
    return _panels(images, titles, ((-13.0, -7.0), (-20.0, -13.0), (-9.0, -4.5)), "viridis")


def distortions(series: Series) -> Figure:
    """Draw what flattens a steep ridge, seen from both orbits, with its layover and shadow."""
    titles = "descending: seen from the east", "ascending: seen from the west"
    figure, row = _figure(2)
    for axes, title, label in zip(row, titles, ("Sentinel1DES", "Sentinel1ASC"), strict=True):
        _draw(axes, _flattened_ridge(series.plans[label], series.grid), title)
    legend = [Patch(color=_LAYOVER, label="layover"), Patch(color=_SHADOW, label="shadow")]
    figure.legend(handles=legend, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _flattened_ridge(plan: SeriesPlan, grid: Grid) -> Floats:
    """Colours of a ridge that rises northwards: grey as bright as the image has it."""
    assert plan.radar is not None
    settings = plan.radar.settings
    product = plan.radar.acquisitions[0].slices[0]
    geometry = open_image(product, settings, settings.polarisations).geometry
    margin = flattening_margin(grid, 0.0, _STEEP_M)
    rows, cols = np.ogrid[-margin : grid.height + margin, -margin : grid.width + margin]
    crest = _STEEP_M * (1 - rows / grid.height).clip(0, 1)
    aside = (cols - grid.width / 2) * grid.xres / _WIDTH_M
    heights = (180 + crest * np.exp(-0.5 * aside**2)).astype(np.float32)
    found = flatten(geometry, grid, grid.whole, heights, margin)
    grey = np.clip(0.45 - decibels(np.nan_to_num(found.factor, nan=1.0)) / 25, 0, 1)
    colours = np.repeat(grey[..., None], 3, axis=-1)
    colours[np.isnan(found.factor)] = _SHADOW  # with what is seen at a glance only
    colours[found.layover] = _LAYOVER
    return colours


def _panels(
    images: Sequence[Floats], titles: Sequence[str], limits: Sequence[Limits], colours: str
) -> Figure:
    """Draw images beside each other, each with a bar of its values."""
    figure, row = _figure(len(images))
    for axes, image, title, (low, high) in zip(row, images, titles, limits, strict=True):
        shown = _draw(axes, image, title, cmap=colours, vmin=low, vmax=high)
        bar = figure.colorbar(shown, ax=axes, location="bottom", extend="both", pad=0.03)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_linewidth(0.5)
    return figure


def _figure(count: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(7.6, 7.6 / count + 0.9), layout="constrained")
    return figure, figure.subplots(1, count)


def _draw(axes: Axes, image: Floats, title: str, **colours: Any) -> AxesImage:
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    return axes.imshow(image, interpolation="nearest", **colours)


def main() -> None:
    """Write all pictures."""
    with TemporaryDirectory() as folder:
        series = simulated(Path(folder))
        for name, draw in (
            ("radar_filter", speckle),
            ("radar_polarisations", polarisations),
            ("radar_distortions", distortions),
        ):
            path = FOLDER / f"{name}.png"
            draw(series).savefig(path, dpi=100, facecolor="white")
            with Image.open(path) as picture:
                few = picture.convert("RGB").quantize(128)  # half of the bytes
            few.save(path, optimize=True)


if __name__ == "__main__":
    main()
