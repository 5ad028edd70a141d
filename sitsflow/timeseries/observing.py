"""Which observations a series is made of: those of products on a map, or of radar images."""

from __future__ import annotations

from sitsflow.geo.grid import Grid, Window
from sitsflow.plan import SeriesPlan
from sitsflow.request import Resampling
from sitsflow.timeseries.observations import Observations, ObservationSource
from sitsflow.timeseries.radar_observations import RadarObservations


def observe(
    plan: SeriesPlan,
    tile_grid: Grid,
    window: Window,
    method: Resampling,
    within: ObservationSource | None = None,
) -> Observations | RadarObservations:
    """Return the observations of a series over one window of a tile.

    Parameters
    ----------
    plan : SeriesPlan
    tile_grid : Grid
        The whole grid of the tile.
    window : Window
        The pixels wanted, in `tile_grid`.
    method : str
        How they are brought onto the grid.
    within : observations of the same series, optional
        Those of a window that holds this one, whose pixels are read once for all parts of it.
    """
    if plan.radar is not None:
        assert within is None or isinstance(within, RadarObservations)
        return RadarObservations(plan, tile_grid, window, method, within)
    assert within is None or isinstance(within, Observations)
    return Observations(plan, tile_grid, window, method, within)
