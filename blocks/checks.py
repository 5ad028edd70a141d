"""What the sections of a configuration must agree on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from blocks.chain import Chain
from blocks.partial_config import PartialConfig
from blocks.section import Section
from sitsflow.errors import ExpressionError, Fault
from sitsflow.features.bandmath import parse
from sitsflow.products.rasters import PATH_KEY
from sitsflow.products.sensors.model import Sensor
from sitsflow.radar_settings import PATH_KEY as RADAR_KEY
from sitsflow.request import GROUPS

_INDEX_BANDS = ("red", "nir", "swir1")


def cross_faults(partial: PartialConfig) -> Iterator[Fault]:
    """Yield what is wrong between sections, as far as the values it depends on are sound."""
    yield from _sensors_in_use(partial)
    yield from _steps(partial)
    yield from _pixel_size(partial)
    yield from partial.radar.faults
    for sensor in partial.enabled:
        yield from _dates(partial, sensor)
        yield from _kept_bands(partial, sensor)
        yield from _expressions(partial, sensor)
    yield from _method(partial)
    yield from _spectral_indices(partial)
    yield from _something_to_write(partial)


def _sensors_in_use(partial: PartialConfig) -> Iterator[Fault]:
    chain = partial.configuration.chain
    roots = {sensor.path_key for sensor in partial.sensors.values()} | {PATH_KEY, RADAR_KEY}
    keys = [key for key in Chain.model_fields if key in PATH_KEYS]
    unsupported = [k for k in keys if k not in roots and getattr(chain, k) is not None]
    for key in unsupported:
        known = ", ".join(sorted(roots))
        yield Fault(f"chain.{key}", f"this sensor is not supported yet; supported are {known}")
    for name in chain.other_sensor_paths:
        if name not in partial.sensors:
            message = f"no sensor {name!r} is described in chain.sensor_folders"
            yield Fault("chain.other_sensor_paths", message)
        elif (key := partial.sensors[name].path_key) in Chain.model_fields:
            yield Fault("chain.other_sensor_paths", f"write the path of {name} as chain.{key}")
    dated = partial.enabled or partial.has_radar
    if chain.user_feat_path is not None and not dated:
        message = "rasters without dates need a sensor with dates beside them, which gives the grid"
        yield Fault("chain.user_feat_path", message)
    for key in {sensor.path_key: None for sensor in partial.enabled}:
        sharing = [sensor.name for sensor in partial.enabled if sensor.path_key == key]
        if len(sharing) > 1:
            message = f"{' and '.join(sharing)} have the same path_key; give one of them another"
            yield Fault(f"chain.{key}", message)
    at_fault = not partial.sound(
        "chain", *(f"chain.{key}" for key in (*roots, "other_sensor_paths"))
    )
    if not (dated or unsupported or at_fault or chain.user_feat_path):
        yield Fault("chain", f"no sensor is in use: give one of {', '.join(sorted(roots))}")


PATH_KEYS = (
    "s2_path", "s2_s2c_path", "s2_l3a_path", "l8_path", "l8_path_old", "l7_path", "l5_path",
    "l5_path_old", "l8_usgs_path", "l8_usgs_optical_path", "l8_usgs_thermal_path",
    "l8_usgs_infrared_path", "s1_path", "user_feat_path",
)  # fmt: skip
"""The keys of `chain` by which known sensors are put in use."""


def _steps(partial: PartialConfig) -> Iterator[Fault]:
    chain = partial.configuration.chain
    if GROUPS.index(chain.first_step) > GROUPS.index(chain.last_step) and partial.sound(
        "chain.first_step", "chain.last_step"
    ):
        message = f"{chain.last_step!r} comes before first_step {chain.first_step!r}"
        yield Fault("chain.last_step", message)


def _pixel_size(partial: PartialConfig) -> Iterator[Fault]:
    chain = partial.configuration.chain
    if chain.proj is None or chain.spatial_resolution is None:
        return
    from pyproj import CRS

    if CRS.from_user_input(chain.proj).is_geographic and max(chain.spatial_resolution) >= 1:
        x, y = chain.spatial_resolution
        message = f"[{x:g}, {y:g}] would be degrees, for {chain.proj} is not in metres"
        yield Fault("chain.spatial_resolution", message)


def _dates(partial: PartialConfig, sensor: Sensor) -> Iterator[Fault]:
    section = partial.configuration.sensor_section(sensor.name)
    places = f"{sensor.name}.start_date", f"{sensor.name}.end_date"
    days = section.start_date, section.end_date
    if getattr(section, "interpolated_dates", "regular") == "input":
        return
    if not partial.configuration.sensors_data_interpolation.auto_date:
        for place, day in zip(places, days, strict=True):
            if day is None and partial.sound(place):
                yield Fault(place, "mandatory where sensors_data_interpolation.auto_date is False")
    if days[0] and days[1] and days[1] < days[0]:
        yield Fault(places[1], f"{days[1]:%Y%m%d} is before start_date {days[0]:%Y%m%d}")


def kept_bands(partial: PartialConfig, sensor: Sensor) -> tuple[str, ...]:
    """Return the sensor's bands that the run may use, in the sensor's order."""
    keep = partial.configuration.sensor_section(sensor.name).keep_bands
    if keep is None or not partial.configuration.iota2_feature_extraction.extract_bands:
        return sensor.band_names
    wanted = {sensor.canonical(name) for name in keep}
    return tuple(name for name in sensor.band_names if name in wanted)


def _kept_bands(partial: PartialConfig, sensor: Sensor) -> Iterator[Fault]:
    keep = partial.configuration.sensor_section(sensor.name).keep_bands
    extraction = partial.configuration.iota2_feature_extraction
    if keep is None or not extraction.extract_bands:
        return
    place = f"{sensor.name}.keep_bands"
    if unknown := [name for name in keep if sensor.canonical(name) not in sensor.band_names]:
        known = ", ".join(sensor.band_names)
        yield Fault(place, f"no band {_quoted(unknown)}; the bands are {known}")
        return
    if not keep:
        yield Fault(place, "keeps no band; leave the key out to keep all")
        return
    relative = extraction.rel_refl and partial.extracts
    needed = _INDEX_BANDS if partial.indices else ("red",) if relative else ()
    bands = [band.name for common in needed if (band := sensor.band_of(common))]
    if lost := [name for name in bands if name not in kept_bands(partial, sensor)]:
        reason = "NDVI, NDWI and Brightness need" if partial.indices else "rel_refl needs"
        cure = "; or set arg_train.features to []" if partial.indices else ""
        yield Fault(place, f"lacks {_quoted(lost)}, which {reason}{cure}")


def _expressions(partial: PartialConfig, sensor: Sensor) -> Iterator[Fault]:
    place = f"{sensor.name}.additional_features"
    if not (
        partial.configuration.sensors_data_interpolation.use_additional_features
        and partial.sound(f"{sensor.name}.keep_bands")
    ):
        return
    count = len(kept_bands(partial, sensor))
    for text in partial.configuration.sensor_section(sensor.name).additional_features:
        try:
            highest = max(parse(text).bands)
        except ExpressionError as error:
            yield Fault(place, str(error))
            continue
        if highest > count:
            yield Fault(place, f"{text!r} uses b{highest}, but a date has {count} bands")


def _method(partial: PartialConfig) -> Iterator[Fault]:
    section, place = (
        partial.configuration.sensors_data_interpolation,
        "sensors_data_interpolation",
    )
    if section.method != "savitzky_golay" or not section.use_gapfilling:
        return
    window, degree = section.savitzky_golay_window, section.savitzky_golay_degree
    places = f"{place}.savitzky_golay_window", f"{place}.savitzky_golay_degree"
    if degree >= window and partial.sound(*places):
        message = f"{degree} is not less than savitzky_golay_window, {window}"
        yield Fault(places[1], message)
    for sensor in partial.enabled:
        own = partial.configuration.sensor_section(sensor.name)
        if getattr(own, "interpolated_dates", "regular") == "input":
            message = (
                "savitzky_golay needs dates at equal distances, and those of "
                f"{sensor.name}.interpolated_dates 'input' have others"
            )
            yield Fault(f"{place}.method", message)


def _spectral_indices(partial: PartialConfig) -> Iterator[Fault]:
    names = partial.configuration.sensors_data_interpolation.spectral_indices
    if not names:
        return
    from spyndex import indices

    place = "sensors_data_interpolation.spectral_indices"
    for name in names:
        if name not in indices:
            known = {known.lower(): known for known in indices}
            near = get_close_matches(name.lower(), known, 1)
            hint = f"; did you mean {known[near[0]]!r}?" if near else ""
            yield Fault(place, f"spyndex knows no index {name!r}{hint}")


def _something_to_write(partial: PartialConfig) -> Iterator[Fault]:
    configuration = partial.configuration
    external = configuration.external_features
    if external.functions or not partial.sound("external_features.functions"):
        return
    if not external.concat_mode:
        yield Fault(
            "external_features.functions",
            "none is named, and concat_mode False leaves the native features out: the map would "
            "have no band",
        )


def differs(section: Section, key: str) -> bool:
    """Whether a key of a section is set to something else than its default."""
    field = type(section).model_fields[key]
    return bool(getattr(section, key) != field.get_default(call_default_factory=True))


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
