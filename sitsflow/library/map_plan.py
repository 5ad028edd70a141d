"""A map that is planned and not made: any part of it can be computed, any place looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sitsflow.errors import GridError, MissingInputError
from sitsflow.geo.grid import Window
from sitsflow.library.windows import Part, pixel_at, place_text, window_in
from sitsflow.plan import Plan, TilePlan

if TYPE_CHECKING:
    import pandas as pd
    import xarray


class MapPlan:
    """What `sitsflow.open` returns.

    Nothing is written. Pixels are read when they are asked for, in this process and this thread.
    Products, dates and the user's functions are those of the moment at which it was opened.

    Attributes
    ----------
    plan : Plan
        All that was decided about the map.
    tiles : mapping of str to TilePlan
        Its tiles by name: ``tiles["T31TCJ"].grid`` says where one lies.
    notices : tuple of str
        What is ignored, missing or unusual: what `sitsflow check` prints.
    """

    def __init__(
        self, plan: Plan, tiles: Mapping[str, TilePlan], notices: Sequence[str] = ()
    ) -> None:
        self.plan = plan
        self.tiles = dict(tiles)
        self.notices = tuple(notices)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the map's bands, in order."""
        return self.plan.labels

    @property
    def crs(self) -> str:
        """The map's coordinate reference system."""
        return self.plan.mosaic_grid.crs

    def compute(
        self, tile: str | None = None, window: Part | None = None, *, masked: bool = False
    ) -> xarray.DataArray:
        """Compute the features of a part of a tile: the pixels that a run writes there.

        Parameters
        ----------
        tile : str, optional
            May be left out where the map has only one.
        window : Window, tuple of two slices or tuple of four float, optional
            Rows and columns of the tile, or bounds west, south, east, north in the map's
            reference system (widened to whole pixels). Default: the whole tile.
        masked : bool
            True: NaN where there is no data. False: the no-data value, as in the map's file.

        Returns
        -------
        xarray.DataArray of float32, dimensions (band, y, x)
            ``band`` holds the labels, ``y`` and ``x`` the centres of pixels, ``spatial_ref`` the
            reference system. The no-data value is the attribute ``_FillValue`` (with `masked` an
            encoding), as in rioxarray, whose accessor ``.rio`` works on it.

        Raises
        ------
        GridError
            If there is no such part of the tile.
        FunctionError, ReadError
            As in a run.
        """
        from sitsflow.library.features import feature_array

        plan = self._tile(tile)
        return feature_array(self.plan, plan, self._window(plan, window), masked=masked)

    def dataset(
        self, tile: str | None = None, window: Part | None = None, sensor: str | None = None
    ) -> xarray.Dataset:
        """Return the series of a sensor over a part of a tile; each is read when looked at.

        It is what a function made by `sitsflow.over_xarray` gets, with ``y`` and ``x`` besides.

        Parameters
        ----------
        tile, window
            See `compute`.
        sensor : str, optional
            Label of the sensor, such as ``Sentinel2``; may be left out where there is only one.

        Returns
        -------
        xarray.Dataset
            See `sitsflow.over_xarray`.
        """
        from sitsflow.library.features import series_dataset

        plan = self._tile(tile)
        return series_dataset(self.plan, plan, self._window(plan, window), sensor)

    def series(
        self, tile: str | None, x: float, y: float, names: Sequence[str] = ()
    ) -> pd.DataFrame:
        """Return the series of the pixel at a place: as observed and as interpolated.

        Parameters
        ----------
        tile : str or None
            None: the first tile that the place lies in.
        x, y : float
            In the map's reference system.
        names : sequence of str, optional
            Bands and indices. Default: the bands that the run reads, and the indices that can be
            made of them.

        Returns
        -------
        pandas.DataFrame
            One row a date of a band or index of a sensor, sorted by these: ``sensor``, ``band``,
            ``date``, ``raw`` (as observed, clouds and all; NaN on dates of the interpolated
            series on which nothing was observed), ``valid`` (whether masks let it be used; NA
            where nothing was observed) and ``interpolated`` (NaN on other dates than those of
            the interpolated series, and where there is no valid date). Units are those of the
            accessors of user functions. Two products of one day are two rows.

        Raises
        ------
        GridError
            If the place lies outside.
        MissingInputError
            If no sensor has a band or index of that name.
        """
        from sitsflow.library.place import place_table

        found = self._tile(tile) if tile is not None else self._tile_at(x, y)
        pixel = pixel_at(found.grid, x, y, f"tile {found.tile}")
        return place_table(self.plan, found, pixel, names)

    def _tile(self, name: str | None) -> TilePlan:
        if name is None and len(self.tiles) == 1:
            return next(iter(self.tiles.values()))
        if name not in self.tiles:
            what = "which tile? The map has" if name is None else f"no tile {name!r}; there are"
            raise MissingInputError(f"{what} {', '.join(self.tiles)}")
        return self.tiles[name]

    def _tile_at(self, x: float, y: float) -> TilePlan:
        for tile in self.tiles.values():
            if tile.grid.pixel_at(x, y) is not None:
                return tile
        raise GridError(f"{place_text(x, y)} ({self.crs}) lies in none of {', '.join(self.tiles)}")

    def _window(self, tile: TilePlan, part: Part | None) -> Window:
        return window_in(tile.grid, part, f"tile {tile.tile}")

    def __repr__(self) -> str:
        tiles = ", ".join(
            f"{name} ({tile.grid.height} x {tile.grid.width})" for name, tile in self.tiles.items()
        )
        return (
            f"MapPlan of {len(self.labels)} band(s) in {self.plan.mosaic_grid.system}, "
            f"{self.plan.first_day} to {self.plan.last_day}\n  tiles: {tiles}\n"
            f"  bands: {_shortened(self.labels)}"
        )


_SHOWN = 6


def _shortened(labels: Sequence[str]) -> str:
    if len(labels) <= _SHOWN:
        return ", ".join(labels)
    return f"{', '.join(labels[: _SHOWN - 1])}, ..., {labels[-1]}"
