"""The cubes of `write_outputs`: what a tile's series look like before and after interpolation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from rasterio.windows import Window as RasterioWindow

from sitsflow.dates import stamp
from sitsflow.grid import Window
from sitsflow.labels import series_labels
from sitsflow.native import indices_of, native_features
from sitsflow.observations import Observations
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.probe import native_labels
from sitsflow.read import reading
from sitsflow.series import NOT_ACQUIRED, Series
from sitsflow.write import create, run_tags

_INT16 = np.iinfo(np.int16)


class _Cube(NamedTuple):
    path: Path
    labels: Sequence[str]
    dtype: DTypeLike
    nodata: float


def write_cubes(plan: Plan, tile_plan: TilePlan) -> list[Path]:
    """Write each sensor's raw stack, masks, gap-filled stack and features, and all features.

    Reflectances are int16, truncated toward zero as iota2 writes them; features are float32.
    """
    paths = []
    for number in range(len(tile_plan.series)):
        paths += _write(plan, tile_plan, tile_plan.series[number : number + 1])
    whole = _Cube(
        plan.tree.features(tile_plan.tile) / f"{tile_plan.tile}_Features.tif",
        _feature_labels(plan, tile_plan.series),
        np.float32,
        plan.request.no_data_value,
    )
    _fill(plan, tile_plan, tile_plan.series, [whole], _features)
    return [*paths, whole.path]


def _write(plan: Plan, tile_plan: TilePlan, one: Sequence[SeriesPlan]) -> list[Path]:
    (series,) = one
    label, nodata = series.sensor.label, series.sensor.nodata

    def path(what: str) -> Path:
        return plan.tree.of_series(tile_plan.tile, label, what)

    raw, filled = series.raw_days, series.target_days
    cubes = [
        _Cube(path("TS.tif"), _dated(series, raw), np.int16, nodata),
        _Cube(path("MASKS.tif"), series_labels(label, "mask", raw), np.uint8, NOT_ACQUIRED),
        _Cube(path("TSG.tif"), _dated(series, filled), np.int16, nodata),
        _Cube(path("Features.tif"), _feature_labels(plan, one), np.float32,
              plan.request.no_data_value),
    ]  # fmt: skip
    _fill(plan, tile_plan, one, cubes, _all)
    return [cube.path for cube in cubes]


def _dated(series: SeriesPlan, days: Sequence[int]) -> list[str]:
    return [f"{series.sensor.label}_{band}_{stamp(day)}" for day in days for band in series.bands]


def _feature_labels(plan: Plan, series: Sequence[SeriesPlan]) -> list[str]:
    return list(native_labels(series, plan.request))


def _fill(
    plan: Plan,
    tile_plan: TilePlan,
    series: Sequence[SeriesPlan],
    cubes: Sequence[_Cube],
    values_of: Any,
) -> None:
    """Write cubes chunk by chunk, so that no whole cube is ever in memory."""
    with ExitStack() as stack:
        files = [
            stack.enter_context(
                create(
                    cube.path, tile_plan.grid, dtype=cube.dtype, nodata=cube.nodata,
                    descriptions=cube.labels, tags=run_tags(plan),
                    compression=plan.request.compression,
                )
            )
            for cube in cubes
        ]  # fmt: skip
        for window in tile_plan.chunks:
            with reading():
                parts = list(values_of(plan, _series(plan, tile_plan, series, window)))
            place = RasterioWindow(window.col, window.row, window.width, window.height)
            for file, cube, part in zip(files, cubes, parts, strict=True):
                file.write(_coded(part, cube), window=place)


def _series(
    plan: Plan, tile_plan: TilePlan, series: Sequence[SeriesPlan], window: Window
) -> list[Series]:
    return [
        Series(
            one,
            Observations(one, tile_plan.grid, window, plan.request.resampling),
            indices_of(one.sensor, one.bands, plan.request),
            gapfilling=plan.request.use_gapfilling,
        )
        for one in series
    ]


def _all(plan: Plan, series: Sequence[Series]) -> Iterator[NDArray[Any]]:
    (one,) = series
    yield _interleaved([one.raw(band) for band in one.plan.bands])
    yield one.masks()
    yield _interleaved([one.interpolated(band) for band in one.plan.bands])
    yield from _features(plan, series)


def _features(plan: Plan, series: Sequence[Series]) -> Iterator[NDArray[Any]]:
    yield np.stack([feature.values for feature in native_features(series, plan.request)])


def _interleaved(bands: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Bring bands of (date, row, col) into one stack, date by date."""
    stack = np.stack(bands, axis=1)
    return stack.reshape(-1, *stack.shape[2:])


def _coded(values: NDArray[Any], cube: _Cube) -> NDArray[Any]:
    if np.dtype(cube.dtype) != np.int16:
        return np.asarray(np.where(np.isfinite(values), values, cube.nodata), cube.dtype)
    kept = np.nan_to_num(values, nan=cube.nodata).clip(_INT16.min, _INT16.max)
    return np.asarray(kept, np.int16)
