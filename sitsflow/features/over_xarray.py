"""User functions over xarray: a decorator that gives them datasets instead of ``self``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, overload

from sitsflow.features.accessors import Accessors

Function = Callable[..., Any]


@overload
def over_xarray(function: Function, /) -> Function: ...
@overload
def over_xarray(*sensors: str) -> Callable[[Function], Function]: ...
def over_xarray(*given: Any) -> Any:
    """Let a user function take series as `xarray.Dataset`, beside iota2's ``self``.

    ``@over_xarray`` gives the dataset of the run's sensor, where it has only one with dates;
    ``@over_xarray("Sentinel2", "Landsat8")`` one for each of these labels, in their order.

    A dataset has a variable for each band and index, (y, x, time), interpolated, such as ``B4``
    and ``NDVI``; for each band as observed, (y, x, raw_time), such as ``raw_B4``; ``raw_masks``
    (0 valid, 1 cloud, edge or saturated, 2 not acquired); and ``exogenous``, (y, x,
    exogenous_band), if the run has a raster of the user's, by the descriptions of its bands, or
    their numbers as text where they have none. Values, dtypes and units are those of the
    accessors. A variable is read when its values are looked at: the run reads the bands that the
    function looked at when it was tried, and no others.

    The function returns a `xarray.DataArray` of (y, x) or with one more dimension, a dataset of
    such variables, or one of both with labels as a tuple. Without labels a band is called by the
    name of the array, with the value of the third dimension's coordinate (a date as YYYYMMDD).

    Called with something else than ``self``, such as `MapPlan.dataset`, it is the plain function.

    Parameters
    ----------
    *sensors : str
        Labels of sensors, such as ``Sentinel2``.

    Examples
    --------
    >>> from sitsflow import over_xarray
    >>> @over_xarray
    ... def ndvi_range(ds):
    ...     return (ds.NDVI.max("time") - ds.NDVI.min("time")).rename("ndvi_range")
    """
    if len(given) == 1 and callable(given[0]):
        return _wrapped(given[0], (None,))
    if not given or not all(isinstance(one, str) for one in given):
        raise TypeError(
            '@over_xarray is written alone, or with labels of sensors: @over_xarray("Sentinel2")'
        )
    return lambda function: _wrapped(function, given)


def _wrapped(function: Function, sensors: Sequence[str | None]) -> Function:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 1 or not isinstance(args[0], Accessors):
            return function(*args, **kwargs)
        # Not with this module: the command line and functions of the other kind go without it.
        from sitsflow.features.datasets import bands_of, dataset_of

        return bands_of(function(*(dataset_of(args[0], one) for one in sensors), **kwargs))

    vars(call)["__signature__"] = _signature(function, len(sensors))
    return call


def _signature(function: Function, datasets: int) -> inspect.Signature:
    """Return what the wrapped function takes: one ``self`` in the place of the datasets."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    first = parameters[:datasets]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(first) < datasets or any(one.kind not in positional for one in first):
        raise TypeError(
            f"{function.__name__}{signature} gets {datasets} dataset(s), and must take as many "
            "arguments first"
        )
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    return signature.replace(parameters=[own, *parameters[datasets:]])
