"""The keys of a configuration that are ignored, and those of iota2 that have no effect."""

from __future__ import annotations

from collections.abc import Iterator

from blocks.checks import PATH_KEYS, differs
from blocks.names import SECTIONS
from blocks.partial_config import PartialConfig
from blocks.radar_section import Sentinel1Section
from blocks.request import METHOD_KEYS, chunk_key, make_chunking
from blocks.section import NoEffect, Section
from blocks.sensor_sections import SensorSection, UserFeatSection
from sitsflow.products.rasters import NAME, PATH_KEY
from sitsflow.radar_settings import NAME as RADAR
from sitsflow.radar_settings import PATH_KEY as RADAR_KEY

_CHUNK_KEYS = ("chunk_size_mode", "number_of_chunks", "chunk_size_x", "chunk_size_y")


def notices(partial: PartialConfig) -> Iterator[str]:
    """Yield what iota2 has and what changes nothing here."""
    for place, what in partial.old_names:
        yield f"{place} is iota2's of 2020: it {what}"
    if partial.others:
        yield f"of iota2's other builders, without effect here: {', '.join(partial.others)}"
    for name in SECTIONS:
        section = getattr(partial.configuration, name)
        yield from _without_effect(name, section)
    for name, other in partial.configuration.other_sensors.items():
        yield from _without_effect(name, other)
    yield from partial.radar.notices


def _without_effect(name: str, section: Section) -> Iterator[str]:
    for key, field in type(section).model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, NoEffect) and differs(section, key):
                yield f"{name}.{key} has no effect: {mark.reason}"


def warnings(partial: PartialConfig) -> Iterator[str]:
    """Yield what is ignored because of another key; iota2 ignores it silently."""
    yield from _unused_sensors(partial)
    for sensor in partial.enabled:
        section = partial.configuration.sensor_section(sensor.name)
        yield from _of_sensor(partial, sensor.name, section, sensor.band_names)
    yield from _method(partial)
    yield from _indices(partial)
    yield from _chunks(partial)
    yield from _native_features(partial)
    external = partial.configuration.external_features
    for key in ("module", "exogeneous_data"):
        if not external.functions and getattr(external, key) is not None:
            yield f"external_features.{key} is ignored: external_features.functions names none"


def _unused_sensors(partial: PartialConfig) -> Iterator[str]:
    used = {sensor.name for sensor in partial.enabled}
    used |= {NAME} if partial.configuration.chain.user_feat_path is not None else set()
    roots = {sensor.name: sensor.path_key for sensor in partial.sensors.values()}
    used |= {RADAR} if partial.has_radar else set()
    roots |= {NAME: PATH_KEY, RADAR: RADAR_KEY}
    sections: dict[str, Section] = {name: getattr(partial.configuration, name) for name in SECTIONS}
    sections.update(partial.configuration.other_sensors)
    for name, section in sections.items():
        kinds = SensorSection | Sentinel1Section | UserFeatSection
        if not isinstance(section, kinds) or name in used:
            continue
        if any(differs(section, key) for key in type(section).model_fields):
            key = roots.get(name)
            of = f"chain.{key}" if key else f"its path ({', '.join(PATH_KEYS)})"
            yield f"section {name} is ignored: {of} is not set"


def _of_sensor(
    partial: PartialConfig, name: str, section: SensorSection, bands: tuple[str, ...]
) -> Iterator[str]:
    interpolation = partial.configuration.sensors_data_interpolation
    own_dates = getattr(section, "interpolated_dates", "regular") == "input"
    for key in ("start_date", "end_date", "temporal_resolution") if own_dates else ():
        if key in section.model_fields_set:
            yield f"{name}.{key} is ignored: {name}.interpolated_dates is 'input'"
    if own_dates and not interpolation.use_gapfilling:
        yield (
            f"{name}.interpolated_dates is ignored: sensors_data_interpolation.use_gapfilling is "
            "False"
        )
    for key in () if own_dates else ("start_date", "end_date"):
        if interpolation.auto_date and getattr(section, key) is not None:
            yield (
                f"{name}.{key} is ignored: sensors_data_interpolation.auto_date is True, so dates "
                "are those of the data"
            )
    extract = partial.configuration.iota2_feature_extraction.extract_bands
    if section.keep_bands is not None and not extract and set(section.keep_bands) != set(bands):
        yield f"{name}.keep_bands is ignored: iota2_feature_extraction.extract_bands is False"
    if section.additional_features and not interpolation.use_additional_features:
        yield (
            f"{name}.additional_features is ignored: "
            "sensors_data_interpolation.use_additional_features is False"
        )


def _method(partial: PartialConfig) -> Iterator[str]:
    section = partial.configuration.sensors_data_interpolation
    place = "sensors_data_interpolation"
    if not section.use_gapfilling and differs(section, "method"):
        yield f"{place}.method is ignored: {place}.use_gapfilling is False"
    elif partial.has_radar and differs(section, "method"):
        of_others = "" if partial.enabled else ", the only sensor in use"
        yield (
            f"{place}.method is not that of Sentinel-1{of_others}: Sentinel_1.interpolation says "
            "how its series are interpolated"
        )
    for method, keys in METHOD_KEYS.items():
        for key in keys if method != section.method else ():
            if differs(section, key):
                yield (
                    f"{place}.{key} is ignored: it is for the method '{method}', and "
                    f"{place}.method is '{section.method}'"
                )


def _indices(partial: PartialConfig) -> Iterator[str]:
    older = partial.configuration.sensors_data_interpolation.features
    newer = partial.configuration.arg_train.features
    if older is not None and newer is not None:
        yield "sensors_data_interpolation.features is ignored: arg_train.features is given too"
    chosen = newer if newer is not None else older
    if chosen and len(set(chosen)) < 3:
        named = ", ".join(chosen)
        yield f"features names only {named}, but NDVI, NDWI and Brightness come together"


def _chunks(partial: PartialConfig) -> Iterator[str]:
    configuration = partial.configuration
    for key in _CHUNK_KEYS:
        if (
            getattr(configuration.external_features, key) is not None
            and getattr(configuration.python_data_managing, key) is not None
        ):
            yield f"external_features.{key} is ignored: python_data_managing.{key} is given too"
    mode = make_chunking(configuration).mode
    used = {"split_number": ("number_of_chunks",), "user_fixed": ("chunk_size_x", "chunk_size_y")}
    for key in _CHUNK_KEYS[1:]:
        if key not in used.get(mode, ()) and chunk_key(configuration, key) is not None:
            yield f"{key} is ignored: tiles are cut by chunk_size_mode '{mode}'"


def _native_features(partial: PartialConfig) -> Iterator[str]:
    configuration = partial.configuration
    extraction = configuration.iota2_feature_extraction
    if not partial.extracts and configuration.external_features.concat_mode:
        for key in ("copy_input", "rel_refl"):
            if differs(extraction, key):
                yield (
                    f"iota2_feature_extraction.{key} is ignored: features is [], so reflectances "
                    "are written as they are"
                )
    if not extraction.keep_duplicates and not extraction.rel_refl:
        yield (
            "iota2_feature_extraction.keep_duplicates is ignored: "
            "iota2_feature_extraction.rel_refl is False"
        )
    if not configuration.external_features.concat_mode:
        for key in ("copy_input", "rel_refl"):
            if differs(extraction, key):
                yield (
                    f"iota2_feature_extraction.{key} is ignored: external_features.concat_mode is "
                    "False, so native features are not written"
                )
    if configuration.sensors_data_interpolation.use_additional_features and not any(
        configuration.sensor_section(sensor.name).additional_features for sensor in partial.enabled
    ):
        yield (
            "sensors_data_interpolation.use_additional_features changes nothing: no sensor in use "
            "has additional_features"
        )
