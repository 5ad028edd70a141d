"""What the sections of a configuration must agree on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from blocks.chain import Chain
from blocks.draft import Draft
from blocks.section import Section
from sitsflow.bandmath import parse
from sitsflow.errors import ExpressionError, Fault
from sitsflow.request import GROUPS
from sitsflow.sensors.model import Sensor

_INDEX_BANDS = ("red", "nir", "swir1")


def cross_faults(draft: Draft) -> Iterator[Fault]:
    """Yield what is wrong between sections, as far as the values it depends on are sound."""
    yield from _sensors_in_use(draft)
    yield from _steps(draft)
    yield from _pixel_size(draft)
    for sensor in draft.enabled:
        yield from _dates(draft, sensor)
        yield from _kept_bands(draft, sensor)
        yield from _expressions(draft, sensor)
    yield from _spectral_indices(draft)
    yield from _something_to_write(draft)


def _sensors_in_use(draft: Draft) -> Iterator[Fault]:
    chain = draft.configuration.chain
    roots = {sensor.path_key for sensor in draft.sensors.values()}
    keys = [key for key in Chain.model_fields if key in PATH_KEYS]
    unsupported = [k for k in keys if k not in roots and getattr(chain, k) is not None]
    for key in unsupported:
        known = ", ".join(sorted(roots))
        yield Fault(f"chain.{key}", f"this sensor is not supported yet; supported are {known}")
    for name in chain.other_sensor_paths:
        if name not in draft.sensors:
            message = f"no sensor {name!r} is described in chain.sensor_folders"
            yield Fault("chain.other_sensor_paths", message)
        elif (key := draft.sensors[name].path_key) in Chain.model_fields:
            yield Fault("chain.other_sensor_paths", f"write the path of {name} as chain.{key}")
    at_fault = not draft.sound("chain", *(f"chain.{key}" for key in (*roots, "other_sensor_paths")))
    if not (draft.enabled or unsupported or at_fault):
        yield Fault("chain", f"no sensor is in use: give one of {', '.join(sorted(roots))}")


PATH_KEYS = (
    "s2_path", "s2_s2c_path", "s2_l3a_path", "l8_path", "l8_path_old", "l5_path_old", "s1_path",
    "user_feat_path",
)  # fmt: skip
"""The keys of `chain` by which iota2's sensors are put in use."""


def _steps(draft: Draft) -> Iterator[Fault]:
    chain = draft.configuration.chain
    if GROUPS.index(chain.first_step) > GROUPS.index(chain.last_step) and draft.sound(
        "chain.first_step", "chain.last_step"
    ):
        message = f"{chain.last_step!r} comes before first_step {chain.first_step!r}"
        yield Fault("chain.last_step", message)


def _pixel_size(draft: Draft) -> Iterator[Fault]:
    chain = draft.configuration.chain
    if chain.proj is None or chain.spatial_resolution is None:
        return
    from pyproj import CRS

    if CRS.from_user_input(chain.proj).is_geographic and max(chain.spatial_resolution) >= 1:
        x, y = chain.spatial_resolution
        message = f"[{x:g}, {y:g}] would be degrees, for {chain.proj} is not in metres"
        yield Fault("chain.spatial_resolution", message)


def _dates(draft: Draft, sensor: Sensor) -> Iterator[Fault]:
    section = draft.configuration.sensor_section(sensor.name)
    places = f"{sensor.name}.start_date", f"{sensor.name}.end_date"
    days = section.start_date, section.end_date
    if not draft.configuration.sensors_data_interpolation.auto_date:
        for place, day in zip(places, days, strict=True):
            if day is None and draft.sound(place):
                yield Fault(place, "mandatory where sensors_data_interpolation.auto_date is False")
    if days[0] and days[1] and days[1] < days[0]:
        yield Fault(places[1], f"{days[1]:%Y%m%d} is before start_date {days[0]:%Y%m%d}")


def kept_bands(draft: Draft, sensor: Sensor) -> tuple[str, ...]:
    """Return the sensor's bands that the run may use, in the sensor's order."""
    keep = draft.configuration.sensor_section(sensor.name).keep_bands
    if keep is None or not draft.configuration.iota2_feature_extraction.extract_bands:
        return sensor.band_names
    return tuple(name for name in sensor.band_names if name in keep)


def _kept_bands(draft: Draft, sensor: Sensor) -> Iterator[Fault]:
    keep = draft.configuration.sensor_section(sensor.name).keep_bands
    extraction = draft.configuration.iota2_feature_extraction
    if keep is None or not extraction.extract_bands:
        return
    place = f"{sensor.name}.keep_bands"
    if unknown := [name for name in keep if name not in sensor.band_names]:
        known = ", ".join(sensor.band_names)
        yield Fault(place, f"no band {_quoted(unknown)}; the bands are {known}")
        return
    if not keep:
        yield Fault(place, "keeps no band; leave the key out to keep all")
        return
    needed = _INDEX_BANDS if draft.indices else ("red",) if extraction.rel_refl else ()
    bands = [band.name for common in needed if (band := sensor.band_of(common))]
    if lost := [name for name in bands if name not in keep]:
        reason = "NDVI, NDWI and Brightness need" if draft.indices else "rel_refl needs"
        cure = "; or set arg_train.features to []" if draft.indices else ""
        yield Fault(place, f"lacks {_quoted(lost)}, which {reason}{cure}")


def _expressions(draft: Draft, sensor: Sensor) -> Iterator[Fault]:
    place = f"{sensor.name}.additional_features"
    if not (
        draft.configuration.sensors_data_interpolation.use_additional_features
        and draft.sound(f"{sensor.name}.keep_bands")
    ):
        return
    count = len(kept_bands(draft, sensor))
    for text in draft.configuration.sensor_section(sensor.name).additional_features:
        try:
            highest = max(parse(text).bands)
        except ExpressionError as error:
            yield Fault(place, str(error))
            continue
        if highest > count:
            yield Fault(place, f"{text!r} uses b{highest}, but a date has {count} bands")


def _spectral_indices(draft: Draft) -> Iterator[Fault]:
    names = draft.configuration.sensors_data_interpolation.spectral_indices
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


def _something_to_write(draft: Draft) -> Iterator[Fault]:
    configuration = draft.configuration
    external = configuration.external_features
    if external.functions or not draft.sound("external_features.functions"):
        return
    if not external.concat_mode:
        yield Fault(
            "external_features.functions",
            "none is named, and concat_mode False leaves the native features out: the map would "
            "have no band",
        )
    elif not _has_native_features(draft):
        yield Fault(
            "iota2_feature_extraction.copy_input",
            "False, with no indices and no functions: the map would have no band",
        )


def _has_native_features(draft: Draft) -> bool:
    configuration = draft.configuration
    interpolation = configuration.sensors_data_interpolation
    additional = interpolation.use_additional_features and any(
        configuration.sensor_section(sensor.name).additional_features for sensor in draft.enabled
    )
    return bool(
        configuration.iota2_feature_extraction.copy_input
        or draft.indices
        or interpolation.spectral_indices
        or additional
    )


def differs(section: Section, key: str) -> bool:
    """Whether a key of a section is set to something else than its default."""
    field = type(section).model_fields[key]
    return bool(getattr(section, key) != field.get_default(call_default_factory=True))


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
