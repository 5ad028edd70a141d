"""The section of Sentinel-1, which iota2 has in an INI file of its own."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from blocks.section import Day, FilePath, Section, is_off
from sitsflow.features.bandmath import split
from sitsflow.radar_settings import (
    Backscatter,
    Orbit,
    Polarisation,
    RadarSettings,
    SeriesInterpolation,
    SpeckleFilter,
)

_ORBITS = {"descending": "des", "ascending": "asc"}
_FIELDS = RadarSettings.model_fields


def _small_words(value: Any) -> Any:
    """Split words at spaces or commas, and write them in small letters."""
    words = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(words, list | tuple):
        return words
    return [word.lower() if isinstance(word, str) else word for word in words]


def _orbits(value: Any) -> Any:
    words = _small_words(value)
    if not isinstance(words, list):
        return words
    return [_ORBITS.get(word, word) if isinstance(word, str) else word for word in words]


def _numbers(value: Any) -> Any:
    if is_off(value):
        return []
    return [value] if isinstance(value, int | float) else _small_words(value)


def _paths(value: Any) -> Any:
    return [] if is_off(value) else [value] if isinstance(value, str) else value


def _expressions(value: Any) -> Any:
    return [] if is_off(value) else split(value) if isinstance(value, str) else value


def _word(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else "none" if value is None else value


class Sentinel1Section(Section):
    """Sentinel-1 IW GRDH: what becomes of its images, and which of them count."""

    polarisations: Annotated[
        tuple[Polarisation, ...],
        BeforeValidator(_small_words, json_schema_input_type=str | list[Polarisation]),
    ] = Field(
        default=_FIELDS["polarisations"].default,
        min_length=1,
        title="Polarisations",
        description="Polarisations of the series, in this order. Each product must have them.",
    )
    orbits: Annotated[
        tuple[Orbit, ...], BeforeValidator(_orbits, json_schema_input_type=str | list[Orbit])
    ] = Field(
        default=_FIELDS["orbits"].default,
        min_length=1,
        title="Orbits",
        description="Directions of orbits, a series each, in this order. One of which there is no "
        "product at all is left out.",
    )
    relative_orbits: Annotated[
        tuple[int, ...], BeforeValidator(_numbers, json_schema_input_type=str | int | list[int])
    ] = Field(
        default=(),
        title="Relative orbits",
        description="Numbers, 1 to 175, of the relative orbits that count. Default: all.",
    )
    separate_orbits: bool = Field(
        default=False,
        title="Separate orbits",
        description="Whether each relative orbit has a series of its own, called after its number, "
        "as a place looks different from each.",
    )
    references: FilePath | None = Field(
        default=None,
        title="References of tiles",
        description="Folder that holds one folder a tile, with a raster on its grid (iota2's "
        "`ReferencesFolder`). It says where a tile lies of which no other sensor has products, and "
        "whose name is not that of an MGRS tile such as T31TCJ.",
    )
    reference_pattern: str = Field(
        default="",
        title="Pattern of references",
        description="Part of the names of such rasters (iota2's `RasterPattern`). Default: the "
        "first .tif counts.",
    )
    calibration: Annotated[
        Backscatter, BeforeValidator(_word, json_schema_input_type=Backscatter)
    ] = Field(
        default=_FIELDS["calibration"].default,
        title="Calibration",
        description="Which backscatter coefficient the series are: `gamma0`, as in iota2, "
        "`sigma0` or `beta0`.",
    )
    thermal_noise: bool = Field(
        default=True,
        title="Subtract thermal noise",
        description="Whether the thermal noise is subtracted; iota2 keeps it.",
    )
    border_threshold: float = Field(
        default=_FIELDS["border_threshold"].default,
        gt=0,
        title="Threshold of borders",
        description="Linear power of the co-polarised channel below which a pixel may belong to "
        "the border of an image (iota2's `BorderThreshold`).",
    )
    speckle_filter: Annotated[
        SpeckleFilter, BeforeValidator(_word, json_schema_input_type=SpeckleFilter)
    ] = Field(
        default=_FIELDS["speckle_filter"].default,
        title="Speckle filter",
        description="`quegan`: over all dates of an orbit, as in iota2. `lee` and `refined_lee`: "
        "within each date. `none`: no filter.",
    )
    window_radius: int = Field(
        default=_FIELDS["window_radius"].default,
        ge=1,
        title="Radius of the filter",
        description="Pixels; 2 is a window of 5 x 5 (iota2's `Window_radius`). The refined Lee "
        "filter has its own, 3.",
    )
    dem: Annotated[
        tuple[FilePath, ...], BeforeValidator(_paths, json_schema_input_type=str | list[str])
    ] = Field(
        default=(),
        title="Elevation",
        description="Rasters of heights in metres, or folders of them. Mandatory without "
        "`constant_height`.",
    )
    geoid: FilePath | None = Field(
        default=None,
        title="Geoid",
        description="Raster of the heights of the geoid above the ellipsoid, where those of `dem` "
        "are above the geoid (the sea), as those of SRTM and Copernicus are. Default: they are "
        "taken as above the ellipsoid, with a notice.",
    )
    ellipsoidal_heights: bool = Field(
        default=False,
        title="Heights above the ellipsoid",
        description="Whether the heights of `dem` are above the ellipsoid (WGS 84), so that no "
        "`geoid` is missing: there is no notice then.",
    )
    constant_height: float | None = Field(
        default=None,
        title="Constant height",
        description="Metres above the ellipsoid, of flat land, in place of `dem`.",
    )
    orbit_files: FilePath | None = Field(
        default=None,
        title="Orbit files",
        description="Folder of precise or restituted orbits of ESA (.EOF). Default: those that the "
        "products hold.",
    )
    terrain_flattening: bool = Field(
        default=False,
        title="Flatten the terrain",
        description="Whether backscatter is that of the area which the terrain shows the sensor, "
        "so that slopes look alike. Needs `dem`.",
    )
    temporal_resolution: int = Field(
        default=_FIELDS["temporal_resolution"].default,
        gt=0,
        title="Days between dates",
        description="Days between two interpolated dates.",
    )
    start_date: Day | None = Field(
        default=None,
        title="First date",
        description="First interpolated date, YYYYMMDD. Default: the latest of the tiles' first "
        "dates, as in iota2. Used whatever `sensors_data_interpolation.auto_date` says.",
    )
    end_date: Day | None = Field(
        default=None,
        title="Last date",
        description="Last possible interpolated date, YYYYMMDD. Default: the earliest of the "
        "tiles' last dates.",
    )
    interpolation: Annotated[
        SeriesInterpolation, BeforeValidator(_word, json_schema_input_type=SeriesInterpolation)
    ] = Field(
        default=_FIELDS["interpolation"].default,
        title="Interpolation",
        description="How series are interpolated, whatever `sensors_data_interpolation.method` "
        "says.",
    )
    decibels: bool = Field(
        default=False,
        title="Decibels",
        description="Whether series are 10 log10 of the power. They are interpolated before, and "
        "indices and expressions are of the power.",
    )
    expressions: tuple[str, ...] = Field(
        default=(),
        title="Expressions",
        description="Expressions of the polarisations vv and vh of one date, separated by commas, "
        "e.g. 'vh/vv, (vv+vh)/2'.",
    )

    @field_validator("expressions", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        return _expressions(value)

    @field_validator("reference_pattern", mode="before", json_schema_input_type=str)
    @classmethod
    def _any_name(cls, value: Any) -> Any:
        return "" if is_off(value) else value

    @field_validator("polarisations", "orbits", "relative_orbits")
    @classmethod
    def _given_once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if twice := sorted({one for one in value if value.count(one) > 1}):
            raise ValueError(f"given twice: {', '.join(map(str, twice))}")
        return value

    @field_validator("polarisations")
    @classmethod
    def _of_one_mode(cls, value: tuple[Polarisation, ...]) -> tuple[Polarisation, ...]:
        if len({one[0] for one in value}) > 1:
            raise ValueError("no product has both; they have vv and vh, or hh and hv")
        return value

    @field_validator("relative_orbits")
    @classmethod
    def _there_are_175(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [number for number in value if not 1 <= number <= 175]:
            raise ValueError(f"relative orbits are 1 to 175, not {', '.join(map(str, wrong))}")
        return value
