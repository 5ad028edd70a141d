"""The sections of single sensors, called as iota2 calls the sensors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from blocks.section import OWN, Day, NoEffect, Section, Words
from sitsflow.features.bandmath import split
from sitsflow.products.rasters import as_word


def _days(default: int) -> Any:
    return Field(
        default=default,
        gt=0,
        title="Days between dates",
        description="Days between two interpolated dates.",
    )


class SensorSection(Section):
    """Which dates and bands of a sensor count."""

    start_date: Day | None = Field(
        default=None,
        title="First date",
        description="First interpolated date, YYYYMMDD. Used, and then mandatory, where "
        "`sensors_data_interpolation.auto_date` is False.",
    )
    end_date: Day | None = Field(
        default=None,
        title="Last date",
        description="Last possible interpolated date, YYYYMMDD; used as `start_date` is.",
    )
    keep_bands: Words | None = Field(
        default=None,
        title="Bands to keep",
        description="Names of the bands to keep, used where "
        "`iota2_feature_extraction.extract_bands` is True. Default: all bands of the sensor.",
    )
    additional_features: tuple[str, ...] = Field(
        default=(),
        title="Additional features",
        description="Expressions of the bands b1, b2, ... of one date, separated by commas, "
        "e.g. '(b1+b2)/2, b3/b1'. Used where "
        "`sensors_data_interpolation.use_additional_features` is True.",
    )
    write_reproject_resampled_input_dates_stack: Annotated[
        bool, NoEffect("no stack of a date is ever written, products are read where they lie")
    ] = Field(default=True, title="Write stacks", description="Write a stack and a mask a date.")

    @field_validator("additional_features", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        return split(value) if isinstance(value, str) else [] if value is None else value


class Landsat5OldSection(SensorSection):
    """Landsat 5, THEIA's format until 2017."""

    temporal_resolution: int = _days(16)


class Landsat5Section(SensorSection):
    """Landsat 5 of THEIA."""

    temporal_resolution: int = _days(16)


class Landsat7Section(SensorSection):
    """Landsat 7 of THEIA."""

    temporal_resolution: int = _days(16)


class Landsat8Section(SensorSection):
    """Landsat 8 of THEIA."""

    temporal_resolution: int = _days(16)


class Landsat8OldSection(SensorSection):
    """Landsat 8, THEIA's format until 2017."""

    temporal_resolution: int = _days(16)


class Landsat8UsgsSection(SensorSection):
    """Landsat 8 and 9 of the USGS: the two together see a place every 8 days."""

    temporal_resolution: int = _days(8)


class Sentinel2Section(SensorSection):
    """Sentinel-2 level 2A of THEIA."""

    temporal_resolution: int = _days(10)


class Sentinel2S2CSection(SensorSection):
    """Sentinel-2 level 2A of Sen2Cor."""

    temporal_resolution: int = _days(10)


class Sentinel2L3ASection(SensorSection):
    """Sentinel-2 monthly syntheses (level 3A) of THEIA."""

    temporal_resolution: int = _days(10)
    interpolated_dates: Annotated[Literal["regular", "input"], OWN] = Field(
        default="regular",
        title="Interpolated dates",
        description="Which dates interpolated series have: every `temporal_resolution` days, or "
        "those of the products of all tiles (input), as in iota2's code.",
    )


class OtherSensorSection(SensorSection):
    """A sensor that the user describes."""

    temporal_resolution: int | None = Field(
        default=None,
        gt=0,
        title="Days between dates",
        description="Days between two interpolated dates. Default: what the description says.",
    )


class UserFeatSection(Section):
    """Rasters of the user, without dates."""

    arbo: Annotated[str, NoEffect("files are searched in all folders of a tile")] = Field(
        default="/*", title="Folders", description="Where files lie below a tile's folder."
    )
    patterns: tuple[str, ...] = Field(
        default=("ALT", "ASP", "SLP"),
        min_length=1,
        title="Patterns",
        description="Parts of file names, separated by commas: one raster each.",
    )

    @field_validator("patterns", mode="before")
    @classmethod
    def _patterns_stand_between_commas(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("patterns")
    @classmethod
    def _patterns_are_given_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value):
            raise ValueError("an empty pattern is in the name of every file")
        words = [as_word(pattern) for pattern in value]
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"pattern given twice: {', '.join(twice)}")
        return value
