"""What functions over xarray get and return: series that are read when they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import xarray
from numpy.typing import DTypeLike, NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sitsflow.features.accessors import Accessors, accessors
from sitsflow.timeseries.series import Series

Bands = tuple[NDArray[Any], list[str] | None]


class _ReadLater(BackendArray):
    """An array that is fetched when it is indexed: xarray's interface for file formats.

    https://docs.xarray.dev/en/stable/internals/how-to-add-new-backend.html
    """

    def __init__(
        self, read: Callable[[], NDArray[Any]], shape: tuple[int, ...], dtype: DTypeLike
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._read = read

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        found: NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, support, self._part
        )
        return found

    def _part(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return np.asarray(self._read()[key])


def dataset_of(container: Accessors, label: str | None) -> xarray.Dataset:
    """Return the series of one sensor; see `over_xarray`.

    Parameters
    ----------
    container : Accessors
        What the function would take as ``self``: what is read is counted there.
    label : str or None
        None: the only sensor with dates.

    Raises
    ------
    ValueError
        If there is no such sensor, or several for None.
    """
    series = container.of_sensor(label)
    variables = dict(_variables(container, series))
    coords = _times(series) if series.plan.sensor.dated else {}
    names = container.exogeneous_data_name
    if container.has_raster:
        shape = (*series.shape, len(names))
        later = _ReadLater(lambda: _raster(container), shape, np.float32)
        variables["exogenous"] = _lazily(("y", "x", "exogenous_band"), later)
        known = [name or str(number) for number, name in enumerate(names, start=1)]
        coords["exogenous_band"] = ("exogenous_band", known)
    return xarray.Dataset(variables, coords, attrs={"sensor": series.plan.sensor.label})


def _variables(container: Accessors, series: Series) -> Iterator[tuple[str, xarray.Variable]]:
    for one in accessors({series.plan.sensor.label: series}):
        if one.alias:
            continue
        read = getattr(container, one.name)
        if not series.plan.sensor.dated:
            count = sum(band.group == one.what for band in series.plan.sensor.bands)
            dims, size = ("y", "x", f"{one.what}_band"), count
        elif one.raw:
            dims, size = ("y", "x", "raw_time"), len(series.plan.raw_days)
        else:
            dims, size = ("y", "x", "time"), len(series.interpolated_days)
        dtype = np.uint8 if one.what == "masks" else np.float32
        name = f"raw_{one.what}" if one.raw else one.what
        yield name, _lazily(dims, _ReadLater(read, (*series.shape, size), dtype))


def _lazily(dims: Sequence[str], array: _ReadLater) -> xarray.Variable:
    return xarray.Variable(dims, indexing.LazilyIndexedArray(array))


def _times(series: Series) -> dict[str, Any]:
    days = {"time": series.interpolated_days, "raw_time": series.plan.raw_days}
    return {
        name: (name, np.asarray(of, "datetime64[D]").astype("datetime64[ns]"))
        for name, of in days.items()
    }


def _raster(container: Accessors) -> NDArray[np.float32]:
    values = container.exogeneous_data_array
    assert values is not None
    return values


def bands_of(result: Any) -> Any:
    """Bring what a function over xarray returned into (array, labels); else leave it as it is.

    Raises
    ------
    ValueError
        If the dimensions are not those of a map.
    """
    labels = None
    if isinstance(result, tuple) and len(result) == 2:
        result, labels = result
        if not isinstance(result, xarray.DataArray | xarray.Dataset):
            return result, labels
    if isinstance(result, xarray.DataArray):
        values, own = _bands(result, result.name)
    elif isinstance(result, xarray.Dataset):
        values, own = _stacked([_bands(array, name) for name, array in result.items()])
    else:
        return result
    return values, own if labels is None else labels


def _bands(array: xarray.DataArray, name: Any) -> Bands:
    """Return an array as (row, col, band), with the labels of its bands, None without a name."""
    others = [dim for dim in array.dims if dim not in ("y", "x")]
    if len(others) > 1 or len(others) != array.ndim - 2:
        what = "an array" if name is None else f"{name!r}"
        raise ValueError(
            f"{what} has the dimensions {tuple(map(str, array.dims))}; (y, x) and at most one more "
            "make bands of a map"
        )
    values = array.transpose("y", "x", *others).values
    if not others:
        return values[:, :, np.newaxis], None if name is None else [str(name)]
    if others[0] in array.coords:
        coordinate = array.coords[others[0]]
        places = [_text(value) for value in coordinate.values]
        if name is None and coordinate.dtype.kind in "UO":
            return values, places
    else:
        places = [str(at) for at in range(1, values.shape[2] + 1)]
    return values, None if name is None else [f"{name}_{place}" for place in places]


def _text(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]")).replace("-", "")
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _stacked(parts: Sequence[Bands]) -> Bands:
    if not parts:
        raise ValueError("a dataset without variables makes no band")
    labels = [label for _, own in parts for label in own or ()]
    return np.concatenate([values for values, _ in parts], axis=2), labels
