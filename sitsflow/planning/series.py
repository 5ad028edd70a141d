"""The sensors of a run, and what their series of each tile are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sitsflow.dates import merged_days, regular_days, to_day
from sitsflow.errors import ConfigError, Fault, SensorFileError
from sitsflow.geo.grid import Grid
from sitsflow.io.read import Header
from sitsflow.plan import SeriesPlan
from sitsflow.planning.inventory import Inventory
from sitsflow.planning.radar_series import first_and_last_day, radar_series
from sitsflow.planning.radar_tracks import RadarTrack, radar_tracks
from sitsflow.planning.rasters import NO_DAY, describe_rasters
from sitsflow.products.sensors.model import Sensor, load_sensors
from sitsflow.request import Request, SensorRequest


class RunSensors(NamedTuple):
    """The sensors of a run; of Sentinel-1 one for each direction."""

    wanted: list[tuple[Sensor, SensorRequest]]
    tracks: dict[str, RadarTrack]
    """Those of Sentinel-1, and the products that they have, by the label of their sensor."""


def run_sensors(request: Request) -> RunSensors:
    """Return the sensors of a run, and the products of Sentinel-1.

    Raises
    ------
    SensorFileError
        If two sensors have one label.
    MissingInputError, ProductError
        If Sentinel-1 has no product, or none that can be used.
    """
    known = load_sensors(request.sensor_folders)
    sensors: list[tuple[Sensor, SensorRequest]] = []
    tracks: dict[str, RadarTrack] = {}
    for one in request.sensors:
        if one.radar is not None:
            its = radar_tracks(one)
            sensors += [(track.sensor, one) for track in its]
            tracks |= {track.sensor.label: track for track in its}
        else:
            described = describe_rasters(one, request.tiles) if one.patterns else known[one.sensor]
            sensors.append((described, one))
    labels: dict[str, str] = {}
    for sensor, _ in sensors:
        other = labels.setdefault(sensor.label, sensor.name)
        if other != sensor.name:
            raise SensorFileError(
                f"sensors {other} and {sensor.name} have the same label, {sensor.label}: give one "
                "of them another in its file, for files and functions are named by it"
            )
    return RunSensors(sensors, tracks)


def all_series(
    request: Request,
    sensors: Sequence[tuple[Sensor, SensorRequest]],
    inventory: Inventory,
    first: Mapping[tuple[str, str], Mapping[str, Header]],
    grids: Mapping[str, Grid],
) -> tuple[dict[str, list[SeriesPlan]], tuple[str, ...]]:
    """Return the series of each tile, and what should be known of those of Sentinel-1."""
    found, notices = {}, []
    for tile, grid in grids.items():
        plans = _series(request, sensors, inventory, first, tile)
        for at, (plan, (_, wanted)) in enumerate(zip(plans, sensors, strict=True)):
            if wanted.radar is not None:
                passes = [inventory.passes[tile, scene.product] for scene in plan.scenes]
                radar, about = radar_series(wanted, passes, tile, grid)
                notices += about
                its_grids = dict.fromkeys(plan.grids, grid)
                plans[at] = plan.model_copy(update={"radar": radar, "grids": its_grids})
        found[tile] = plans
    return found, tuple(dict.fromkeys(notices))


def _series(
    request: Request,
    sensors: Sequence[tuple[Sensor, SensorRequest]],
    inventory: Inventory,
    first: Mapping[tuple[str, str], Mapping[str, Header]],
    tile: str,
) -> list[SeriesPlan]:
    plans = []
    for sensor, wanted in sensors:
        scenes = inventory.scenes[tile, sensor.label]
        days = tuple(scene.day for scene in scenes)
        everywhere = [
            tuple(scene.day for scene in found)
            for (_, label), found in inventory.scenes.items()
            if label == sensor.label
        ]
        targets = _target_days(request, wanted, everywhere, days, sensor.label)
        _check_window(request, sensor, targets)
        plans.append(
            SeriesPlan(
                sensor=sensor,
                scenes=tuple(scenes),
                grids={name: one.grid for name, one in first[tile, sensor.label].items()},
                target_days=targets,
                bands=_bands(sensor, wanted),
                read=(),
                raw_days=merged_days(everywhere) if request.fill_missing_dates else days,
            )
        )
    return plans


def _check_window(request: Request, sensor: Sensor, targets: Sequence[int]) -> None:
    """Refuse a moving window of more dates than there are."""
    how = request.interpolation
    used = request.use_gapfilling and how.method == "savitzky_golay" and sensor.dated
    used = used and not sensor.is_radar  # which has a key of its own
    if used and len(targets) < how.savitzky_golay_window:
        message = (
            f"{how.savitzky_golay_window} dates, but {sensor.label} has {len(targets)} "
            f"interpolated date(s): lower it, or {sensor.name}.temporal_resolution"
        )
        raise ConfigError([Fault("sensors_data_interpolation.savitzky_golay_window", message)])


def _bands(sensor: Sensor, wanted: SensorRequest) -> tuple[str, ...]:
    if wanted.keep_bands is None:
        return sensor.band_names
    return tuple(name for name in sensor.band_names if name in wanted.keep_bands)


def _target_days(
    request: Request,
    wanted: SensorRequest,
    everywhere: Sequence[tuple[int, ...]],
    days: tuple[int, ...],
    label: str,
) -> tuple[int, ...]:
    """Return the dates of the interpolated series, the same for all tiles (reference B.7)."""
    if days == (NO_DAY,):
        return days
    if not request.use_gapfilling:
        return merged_days(everywhere) if request.fill_missing_dates else days
    if wanted.interpolated_dates == "input":
        return tuple(sorted({day for one in everywhere for day in one}))
    if wanted.radar is not None:
        start, end = first_and_last_day(wanted, everywhere, label)
    elif request.auto_date or wanted.start is None or wanted.end is None:
        start, end = min(min(one) for one in everywhere), max(max(one) for one in everywhere)
    else:
        start, end = to_day(wanted.start), to_day(wanted.end)
    return regular_days(start, end, wanted.temporal_resolution)
