"""Features and series of a window as labelled arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray
from numpy.typing import NDArray

from sitsflow.features.accessors import Accessors
from sitsflow.features.datasets import dataset_of
from sitsflow.features.exogenous import read_exogenous
from sitsflow.features.native import indices_of
from sitsflow.geo.grid import Grid, Window
from sitsflow.io.opening import reading_for
from sitsflow.library.coordinates import SPATIAL_REF, map_coordinates
from sitsflow.library.windows import pieces
from sitsflow.plan import Plan, TilePlan
from sitsflow.request import Request
from sitsflow.steps.chunk import compute_window
from sitsflow.timeseries.observations import Bools, Floats, ObservationSource
from sitsflow.timeseries.observing import observe
from sitsflow.timeseries.series import Series


def feature_array(plan: Plan, tile: TilePlan, window: Window, *, masked: bool) -> xarray.DataArray:
    """Compute a window of a tile; see `MapPlan.compute`."""
    values = np.empty((len(plan.labels), *window.shape), np.float32)
    for piece in pieces(window, tile.read_at_once):  # no more memory at a time than a run takes
        values[:, *piece.relative_to(window).slices] = _computed(plan, tile, piece)
    nodata = np.float32(plan.request.no_data_value)
    array = xarray.DataArray(
        np.where(values == nodata, np.float32(np.nan), values) if masked else values,
        dims=("band", "y", "x"),
        coords={"band": list(plan.labels), **map_coordinates(tile.grid, window)},
        name="features",
        attrs={"long_name": plan.labels},
    )
    (array.encoding if masked else array.attrs)["_FillValue"] = nodata
    array.encoding["grid_mapping"] = SPATIAL_REF
    return array


def _computed(plan: Plan, tile: TilePlan, piece: Window) -> NDArray[np.float32]:
    """Compute a piece as a run does, to the bit.

    NumPy adds the dates of a single pixel in another order than those of many (pairwise), so that
    one pixel is never computed alone.
    """
    grown = _with_a_neighbour(piece, tile.grid)
    name = f"rows {piece.row} to {piece.row + piece.height - 1}, columns {piece.col} to "
    name += f"{piece.col + piece.width - 1}"
    values = compute_window(plan, tile, grown, name).values
    rows, cols = piece.relative_to(grown).slices
    return values[:, rows, cols]


def _with_a_neighbour(piece: Window, grid: Grid) -> Window:
    if piece.height * piece.width > 1:
        return piece
    if grid.width > 1:
        return Window(row=piece.row, col=min(piece.col, grid.width - 2), height=1, width=2)
    return Window(row=min(piece.row, max(0, grid.height - 2)), col=0,
                  height=min(2, grid.height), width=1)  # fmt: skip


def series_dataset(
    plan: Plan, tile: TilePlan, window: Window, sensor: str | None
) -> xarray.Dataset:
    """Return the series of a sensor over a window of a tile; see `MapPlan.dataset`."""
    series = dict(_series(plan, tile, window))
    raster = read_exogenous(plan.request, tile.tile, tile.grid, window)
    dataset = dataset_of(Accessors(series, raster), sensor)
    return dataset.assign_coords(map_coordinates(tile.grid, window))


def _series(plan: Plan, tile: TilePlan, window: Window) -> Iterator[tuple[str, Series]]:
    request = plan.request
    for one in tile.series:
        observed = _Opened(observe(one, tile.grid, window, request.resampling), request)
        indices = indices_of(one.sensor, one.bands, request)
        yield (
            one.sensor.label,
            Series(
                one,
                observed,
                indices,
                gapfilling=request.use_gapfilling,
                interpolation=request.interpolation,
            ),
        )


class _Opened:
    """Observations that are read later, when no one has set GDAL up any more."""

    def __init__(self, observed: ObservationSource, request: Request) -> None:
        self.shape = observed.shape
        self._observed = observed
        self._request = request

    @property
    def valid(self) -> Bools:
        """Where each date may be used; (date, row, col)."""
        with reading_for(self._request):
            return self._observed.valid

    def band(self, name: str, *, clouded: bool = False) -> Floats:
        """Return one band; (date, row, col)."""
        with reading_for(self._request):
            return self._observed.band(name, clouded=clouded)
