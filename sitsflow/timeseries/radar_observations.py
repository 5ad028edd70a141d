"""What Sentinel-1 saw of one window of a tile: its passes on the tile's grid, without speckle."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sitsflow.geo.grid import Grid, Window
from sitsflow.geo.resampling import Method
from sitsflow.plan import RadarSeries, SeriesPlan
from sitsflow.radar.border_noise import MARGIN, RADIUS, border_mask
from sitsflow.radar.geocoded import geocode, ground_of, shows
from sitsflow.radar.lee import REFINED_RADIUS, lee, refined_lee
from sitsflow.radar.multilook import geocode_multilooked, looks_on, multilook_factors
from sitsflow.radar.multitemporal_filter import filter_dates
from sitsflow.radar_settings import Polarisation, RadarSettings
from sitsflow.request import Resampling

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class RadarObservations:
    """Passes of one direction over one window of a tile, computed when asked for.

    A pixel has the same values in every window: more of the passes is computed around the window,
    as far as filter and border reach, also beyond the tile.

    Parameters
    ----------
    plan : SeriesPlan
        A series with `radar`.
    tile_grid : Grid
        The whole grid of the tile.
    window : Window
        The pixels wanted, in `tile_grid`.
    method : {"bicubic", "bilinear", "nearest", "average"}
        How images are resampled; "average" stands for bicubic. Pixels that are larger than the
        image's have the mean of many places, with each of them.
    within : RadarObservations, optional
        Those of a window that holds this one, which are computed once for all parts of it.
    """

    def __init__(
        self,
        plan: SeriesPlan,
        tile_grid: Grid,
        window: Window,
        method: Resampling,
        within: RadarObservations | None = None,
    ) -> None:
        assert plan.radar is not None, "a series of radar"
        self._plan = plan
        self._radar: RadarSeries = plan.radar
        self._tile_grid = tile_grid
        self._window = window
        self._method: Method = "bicubic" if method == "average" else method
        self._within = within
        self._kept: dict[str, Floats] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; no file is read to know them."""
        return self._window.shape

    @cached_property
    def valid(self) -> Bools:
        """Where each pass shows the ground, not its border; (date, row, col)."""
        values = [self._of(name) for name in self._plan.read or self._plan.bands]
        valid = ~np.isnan(values[0])
        for more in values[1:]:
            valid &= ~np.isnan(more)
        return valid

    def footprint(self) -> Bools:
        """Tell where the images of some date reach; (row, col)."""
        settings = self._radar.settings.model_copy(update={"terrain_flattening": False})
        ground = ground_of(settings, self._tile_grid, self._window)
        seen = np.zeros(self._window.shape, bool)
        for acquisition in self._radar.acquisitions:
            seen |= shows(acquisition, settings, ground)
            if seen.all():  # most often the first date says it all
                break
        return seen

    def band(self, name: str, *, clouded: bool = False) -> Floats:
        """Return the linear power of a polarisation, NaN where a pass shows nothing."""
        del clouded  # waves pass through clouds
        return self._of(name).copy()

    def _of(self, name: str) -> Floats:
        """Return the power of a polarisation; not the caller's own."""
        if self._within is not None:
            rows, cols = self._window.relative_to(self._within._window).slices
            return self._within._of(name)[:, rows, cols]
        if name not in self._kept:
            wanted = [band for band in self._plan.read if band not in self._kept]
            names = wanted if name in wanted else [name]
            found = self._computed([_polarisation(one) for one in names])
            self._kept.update(zip(names, found, strict=True))
        return self._kept[name]

    def _computed(self, polarisations: list[Polarisation]) -> Floats:
        """Geocode and filter all passes; (polarisation, date, row, col)."""
        settings = self._radar.settings
        reach = _reach(settings)
        inner = self._window.relative_to(self._window.grown(reach))
        shape = (len(self._radar.acquisitions), *self._window.grown(reach).shape)
        power = np.empty((len(polarisations), *shape), np.float32)
        window = self._window.grown(margin_around(settings))
        for at, found in enumerate(self._passes(polarisations, window)):
            power[:, at] = self._clean(found)
        rows, cols = inner.slices
        looks = looks_on(self._tile_grid)
        return np.stack([_filtered(one, settings, looks)[:, rows, cols] for one in power])

    def _passes(self, polarisations: list[Polarisation], window: Window) -> Iterator[Floats]:
        """Yield the passes over a window as `geocode` gives them, (1 + polarisation, row, col)."""
        settings, acquisitions = self._radar.settings, self._radar.acquisitions
        if multilook_factors(self._tile_grid) != (1, 1):
            yield from geocode_multilooked(
                acquisitions, settings, polarisations, self._tile_grid, window, self._method
            )
            return
        ground = ground_of(settings, self._tile_grid, window)
        for acquisition in acquisitions:
            yield geocode(acquisition, settings, polarisations, ground, self._method)

    def _clean(self, found: Floats) -> Floats:
        """Return what is wanted of a pass as `geocode` gives it, NaN in its border."""
        m = MARGIN
        inner = (slice(m, found.shape[1] - m), slice(m, found.shape[2] - m))
        border = border_mask(found[0], self._radar.settings.border_threshold, RADIUS)[inner]
        power = found[1:, *inner].copy()
        power[:, border] = np.nan
        return power


def margin_around(settings: RadarSettings) -> int:
    """Return how many pixels around a window of the map are computed with it, on every side."""
    return _reach(settings) + MARGIN


def _reach(settings: RadarSettings) -> int:
    """How many pixels around a pixel its filter looks at."""
    if settings.speckle_filter == "none":
        return 0
    return REFINED_RADIUS if settings.speckle_filter == "refined_lee" else settings.window_radius


def _filtered(power: Floats, settings: RadarSettings, looks: float) -> Floats:
    """Filter the dates of a polarisation, whose pixels have so many looks."""
    if settings.speckle_filter == "quegan":
        return filter_dates(power, settings.window_radius)
    if settings.speckle_filter == "lee":
        return lee(power, settings.window_radius, looks)
    return refined_lee(power, looks) if settings.speckle_filter == "refined_lee" else power


def _polarisation(band: str) -> Polarisation:
    found: Polarisation = band.lower()  # type: ignore[assignment]
    return found
