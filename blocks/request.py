"""From the sections of a configuration to the one request that the science knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.checks import kept_bands
from blocks.configuration import Configuration
from blocks.partial_config import PartialConfig
from sitsflow.products.rasters import NAME
from sitsflow.products.sensors.model import Sensor, place_of
from sitsflow.radar_settings import LABEL as RADAR_LABEL
from sitsflow.radar_settings import NAME as RADAR
from sitsflow.request import (
    MAP_NAME,
    Chunking,
    Interpolation,
    Method,
    Request,
    SensorRequest,
)


def make_request(partial: PartialConfig) -> Request:
    """Return what a configuration without faults asks for."""
    configuration = partial.configuration
    chain = configuration.chain
    interpolation = configuration.sensors_data_interpolation
    external = configuration.external_features
    managing = configuration.python_data_managing
    extraction = configuration.iota2_feature_extraction
    return Request(
        output_path=chain.output_path,
        output_name=external.output_name or MAP_NAME,
        tiles=chain.list_tile,
        sensors=(*_dated_sensors(partial), *_rasters(configuration)),
        sensor_folders=chain.sensor_folders,
        first_step=chain.first_step,
        last_step=chain.last_step,
        mosaic=chain.mosaic,
        crs=chain.proj,
        resolution=chain.spatial_resolution,
        resampling=chain.resampling,
        grid_alignment=chain.grid_alignment,
        area_of_interest=chain.area_of_interest,
        skip_broken_products=chain.skip_broken_products,
        missing_sensor_tile=chain.missing_sensor_tile,
        allow_remote=chain.allow_remote,
        minimum_required_dates=chain.minimum_required_dates,
        use_gapfilling=interpolation.use_gapfilling,
        interpolation=make_interpolation(configuration),
        auto_date=interpolation.auto_date,
        write_outputs=interpolation.write_outputs,
        indices=partial.indices,
        clip_indices=interpolation.clip_indices,
        spectral_indices=interpolation.spectral_indices,
        acor_feat=extraction.acor_feat,
        copy_input=extraction.copy_input,
        rel_refl=extraction.rel_refl,
        keep_duplicates=extraction.keep_duplicates,
        module=external.module,
        functions=external.functions,
        concat_mode=external.concat_mode,
        no_data_value=external.no_data_value,
        strict=external.strict,
        probe_seconds=external.probe_seconds,
        timeout=external.timeout,
        whole_chunk=external.whole_chunk,
        exogenous=external.exogeneous_data,
        fill_missing_dates=managing.fill_missing_dates,
        padding=(managing.padding_size_x, managing.padding_size_y),
        chunking=make_chunking(configuration),
        logger_level=chain.logger_level,
        maximum_ram=configuration.task_retry_limits.maximum_ram,
        concurrent_reads=chain.concurrent_reads,
        compression=chain.compression_algorithm,
    )


def _dated_sensors(partial: PartialConfig) -> list[SensorRequest]:
    """Return what is asked of the sensors with dates, in the order of the native stack."""
    found = [(sensor.label, _sensor_request(partial, sensor)) for sensor in partial.enabled]
    found += [(RADAR_LABEL, one) for one in _radar(partial)]
    return [one for _, one in sorted(found, key=lambda pair: place_of(pair[0]))]


def _radar(partial: PartialConfig) -> Iterator[SensorRequest]:
    """Yield what is asked of Sentinel-1, if it is in use."""
    settings, section = partial.radar.settings, partial.configuration.Sentinel_1
    if settings is not None:
        yield SensorRequest(
            sensor=RADAR,
            root=settings.products,
            start=section.start_date,
            end=section.end_date,
            temporal_resolution=settings.temporal_resolution,
            radar=settings,
        )


def _rasters(configuration: Configuration) -> Iterator[SensorRequest]:
    """Yield what is asked of the user's rasters, if any are; they stand last, as in iota2."""
    root = configuration.chain.user_feat_path
    if root is not None:
        patterns = configuration.userFeat.patterns
        yield SensorRequest(sensor=NAME, root=root, temporal_resolution=1, patterns=patterns)


def _sensor_request(partial: PartialConfig, sensor: Sensor) -> SensorRequest:
    configuration = partial.configuration
    section = configuration.sensor_section(sensor.name)
    interpolation = configuration.sensors_data_interpolation
    root = partial.root(sensor)
    assert root is not None
    bands = kept_bands(partial, sensor)
    return SensorRequest(
        sensor=sensor.name,
        root=root,
        start=None if interpolation.auto_date else section.start_date,
        end=None if interpolation.auto_date else section.end_date,
        temporal_resolution=getattr(section, "temporal_resolution", None)
        or sensor.temporal_resolution,
        interpolated_dates=getattr(section, "interpolated_dates", "regular"),
        keep_bands=None if bands == sensor.band_names else bands,
        additional_features=section.additional_features
        if interpolation.use_additional_features
        else (),
    )


METHOD_KEYS: Mapping[Method, tuple[str, ...]] = {
    "whittaker": ("whittaker_lambda",),
    "savitzky_golay": ("savitzky_golay_window", "savitzky_golay_degree"),
    "median": ("median_window",),
}
"""Keys of `sensors_data_interpolation` that a method takes."""


def make_interpolation(configuration: Configuration) -> Interpolation:
    """Return how series are interpolated, with the keys that the method takes."""
    section = configuration.sensors_data_interpolation
    keys = METHOD_KEYS.get(section.method, ())
    # What the method does not take stays at its default: it must not make two requests differ.
    return Interpolation(method=section.method, **{key: getattr(section, key) for key in keys})


def chunk_key(configuration: Configuration, key: str) -> Any:
    """Return a key of chunking from where it stands; `python_data_managing`, the newer, wins."""
    newer = getattr(configuration.python_data_managing, key)
    return newer if newer is not None else getattr(configuration.external_features, key)


def make_chunking(configuration: Configuration) -> Chunking:
    """Return how tiles are cut; without a mode, by the keys that are given."""
    number = chunk_key(configuration, "number_of_chunks")
    size_x = chunk_key(configuration, "chunk_size_x")
    size_y = chunk_key(configuration, "chunk_size_y")
    mode = chunk_key(configuration, "chunk_size_mode")
    if mode is None:
        mode = "split_number" if number else "user_fixed" if size_x or size_y else "auto"
    # What the mode does not use stays at its default: it must not make two requests differ.
    if mode == "split_number":
        return Chunking(mode=mode, number=number or 50)
    if mode == "user_fixed":
        return Chunking(mode=mode, size_x=size_x or 50, size_y=size_y or 50)
    return Chunking()
