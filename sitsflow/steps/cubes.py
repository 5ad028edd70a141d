"""The cubes of `write_outputs`: what a tile's series look like before and after interpolation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from rasterio.windows import Window as RasterioWindow

from sitsflow.dates import stamp
from sitsflow.features.labels import series_labels
from sitsflow.features.native import indices_of, native_features
from sitsflow.features.probe import native_labels
from sitsflow.geo.grid import Window
from sitsflow.io.opening import reading_for
from sitsflow.io.write import create
from sitsflow.plan import Plan, SeriesPlan, TilePlan
from sitsflow.planning.cube_windows import CUBE_BLOCK, cube_windows
from sitsflow.steps.tags import file_tags
from sitsflow.timeseries.observations import ObservationSource
from sitsflow.timeseries.observing import observe
from sitsflow.timeseries.series import NOT_ACQUIRED, Series

_INT16 = np.iinfo(np.int16)
_COARSE = 100  # digital numbers a reflectance of 1 under which whole numbers say too little


class _Cube(NamedTuple):
    path: Path
    labels: Sequence[str]
    dtype: DTypeLike
    nodata: float


def write_cubes(plan: Plan, tile_plan: TilePlan) -> list[Path]:
    """Write each sensor's raw stack, masks, gap-filled stack and features, and all features.

    Reflectances are int16, truncated toward zero as iota2 writes them (float32 where a sensor's
    are not counted in thousandths); features are float32. Where a run has no native features
    there is no file of them.
    """
    series = tile_plan.dated_series
    cubes = [cube for one in series for cube in _of_sensor(plan, tile_plan, one)]
    path = plan.paths.features(tile_plan.tile) / f"{tile_plan.tile}_Features.tif"
    cubes.append(_features_cube(plan, path, tile_plan.series))
    _fill(plan, tile_plan, cubes)
    return [cube.path for cube in cubes if cube.labels]


def _of_sensor(plan: Plan, tile_plan: TilePlan, series: SeriesPlan) -> list[_Cube]:
    label, dtype = series.sensor.label, _dtype(series)
    # A nodata value that int16 cannot hold is given its lowest number.
    nodata = series.sensor.raw_nodata if _fits(series.sensor.raw_nodata, dtype) else _INT16.min

    def path(what: str) -> Path:
        return plan.paths.of_series(tile_plan.tile, label, what)

    raw, filled = series.raw_days, series.target_days
    return [
        _Cube(path("TS.tif"), _dated(series, raw), dtype, nodata),
        _Cube(path("MASKS.tif"), series_labels(series.sensor, "mask", raw), np.uint8, NOT_ACQUIRED),
        _Cube(path("TSG.tif"), _dated(series, filled), dtype, nodata),
        _features_cube(plan, path("Features.tif"), [series]),
    ]


def _features_cube(plan: Plan, path: Path, series: Sequence[SeriesPlan]) -> _Cube:
    return _Cube(path, native_labels(series, plan.request), np.float32, plan.request.no_data_value)


def _dtype(series: SeriesPlan) -> DTypeLike:
    return np.float32 if series.sensor.quantification < _COARSE else np.int16


def _fits(value: float, dtype: DTypeLike) -> bool:
    return dtype is not np.int16 or (_INT16.min <= value <= _INT16.max and value.is_integer())


def _dated(series: SeriesPlan, days: Sequence[int]) -> list[str]:
    return [
        f"{series.sensor.feature_of(band)}_{stamp(day)}" for day in days for band in series.bands
    ]


def _fill(plan: Plan, tile_plan: TilePlan, cubes: Sequence[_Cube]) -> None:
    """Write cubes part by part, so that no whole cube is ever in memory."""
    tags = file_tags(plan, [tile_plan], tile_plan.preprocess.fingerprint)
    with ExitStack() as stack:
        files = [
            stack.enter_context(
                create(
                    cube.path, tile_plan.grid, dtype=cube.dtype, nodata=cube.nodata,
                    descriptions=cube.labels, tags=tags, compression=plan.request.compression,
                    **_blocks(tile_plan.grid.shape),
                )
            )
            if cube.labels else None
            for cube in cubes
        ]  # fmt: skip
        windows = cube_windows(plan.request, tile_plan)
        for read in windows.reads:
            with reading_for(plan.request):
                sources = _observed(plan, tile_plan, read)
                for part in windows.parts(read):
                    place = RasterioWindow(part.col, part.row, part.width, part.height)
                    series = _series(plan, tile_plan, part, sources)
                    for number, bands, values in _layers(plan, series):
                        file = files[number]
                        if file is not None:
                            file.write(_coded(values, cubes[number]), bands, window=place)


def _blocks(shape: tuple[int, int]) -> dict[str, int]:
    """Return GDAL's options for the blocks of cubes; of a smaller tile the usual ones will do."""
    sizes = zip(("blockysize", "blockxsize"), shape, strict=True)
    return {key: CUBE_BLOCK for key, size in sizes if size > CUBE_BLOCK}


def _observed(
    plan: Plan, tile_plan: TilePlan, window: Window, within: Sequence[ObservationSource] = ()
) -> list[ObservationSource]:
    return [
        observe(one, tile_plan.grid, window, plan.request.resampling, whole)
        for one, whole in zip_longest(tile_plan.series, within)
    ]


def _series(
    plan: Plan, tile_plan: TilePlan, window: Window, within: Sequence[ObservationSource]
) -> list[Series]:
    return [
        Series(
            one,
            observed,
            indices_of(one.sensor, one.bands, plan.request),
            gapfilling=plan.request.use_gapfilling,
            interpolation=plan.request.interpolation,
        )
        for one, observed in zip(
            tile_plan.series, _observed(plan, tile_plan, window, within), strict=True
        )
    ]


def _layers(
    plan: Plan, series: Sequence[Series]
) -> Iterator[tuple[int, Sequence[int], NDArray[Any]]]:
    """Yield layers of all cubes: number of the cube, bands of its file, (band, row, col).

    Only interpolated series are kept in memory, for the indices that are made of them.
    """
    raw, masks, filled, features = range(4)
    for one in (one for one in series if one.plan.sensor.dated):
        for at, band in enumerate(one.plan.bands, start=1):
            step = len(one.plan.bands)  # a cube has all bands of a date, then those of the next
            values = _raw(one, band)
            yield raw, range(at, step * len(values) + 1, step), values
            values = one.interpolated(band)
            yield filled, range(at, step * len(values) + 1, step), values
            one.forget_raw(band)
        states = one.masks()
        yield masks, range(1, len(states) + 1), states
        for at, feature in enumerate(native_features([one], plan.request), start=1):
            yield features, [at], feature.values[np.newaxis]
        raw, masks, filled, features = (number + 4 for number in (raw, masks, filled, features))
    for at, feature in enumerate(native_features(series, plan.request), start=1):
        yield raw, [at], feature.values[np.newaxis]


def _raw(series: Series, band: str) -> NDArray[np.float32]:
    values, nodata = series.raw(band), series.plan.sensor.raw_nodata
    if not _fits(nodata, _dtype(series.plan)):
        values[values == np.float32(nodata)] = np.nan
    return values


def _coded(values: NDArray[Any], cube: _Cube) -> NDArray[Any]:
    if np.dtype(cube.dtype) != np.int16:
        return np.asarray(np.where(np.isfinite(values), values, cube.nodata), cube.dtype)
    kept = np.nan_to_num(values, nan=cube.nodata).clip(_INT16.min, _INT16.max)
    return np.asarray(kept, np.int16)
