"""What a sensor description may say, and the loading of the built-in and the user's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sitsflow.errors import SensorFileError
from sitsflow.yaml_text import load_yaml, yaml_problem

CommonName = Literal[
    "coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08",
    "swir1", "swir2", "vv", "vh", "hh", "hv",
]  # fmt: skip
"""Band names shared by all sensors: indices speak only these. The last four are polarisations."""


POLARISATIONS = ("vv", "vh", "hh", "hv")
"""Common names of bands of radar."""

PLACEHOLDER = re.compile(r"\{(\w+)\}")
"""In the name of a file beside a product that is a single file: a group of its pattern."""

_WORD = r"^[A-Za-z0-9_]+$"
_SAID = {
    "missing": "missing",
    "extra_forbidden": "no such key",
    "string_pattern_mismatch": "letters and digits only (in a name, `path_key` or band also _)",
}
"""What messages say of some kinds of faults, in place of pydantic's words."""
_ANY_DAY = date(2022, 11, 23)


class _Strict(BaseModel):
    # JSON has no NaN, which may stand for no data: as null it would not be read again.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Rule(_Strict):
    """Which pixel values of a mask file are meant.

    ``nonzero``: any value but 0. ``bits``: any of the bits numbered in `values` is set (bit 0 is
    the least significant). ``classes``: the value is one of `values`.
    """

    how: Literal["nonzero", "bits", "classes"]
    values: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _values_go_with_how(self) -> Self:
        if (self.how == "nonzero") == bool(self.values):
            word = "takes no" if self.how == "nonzero" else "needs"
            raise ValueError(f"'{self.how}' {word} values")
        return self


class Band(_Strict):
    """One spectral band of a product: `file` is a glob below the product's folder.

    Its values are ``number in the file x scale + offset``, or what `Metadata` says instead. Where
    a product is a single file, that file holds the band, unless `file` names one beside it by what
    the product's name tells: ``{acquisition}`` stands for that group of the pattern.
    """

    name: str = Field(pattern=_WORD)
    aliases: tuple[str, ...] = Field(default=(), description="other names that users may write")
    common: CommonName | None = None
    file: str = "*"
    index: int = Field(default=1, ge=1, description="band number in the file, from 1")
    resolution: float = Field(gt=0, description="pixel size in metres, before any resampling")
    scale: float = Field(default=1, gt=0)
    offset: float = 0
    group: str | None = Field(default=None, description="accessors give its bands together")
    id: str | None = Field(default=None, description="what the product's metadata call the band")


class Metadata(_Strict):
    """The XML file of a product that says what its numbers mean.

    Paths are those of `xml.etree.ElementTree`; ``{id}`` in those of a band stands for its id. A
    product without the file is broken if it is `required`, and has the sensor's own numbers
    otherwise; so has one whose file lacks a quantification or an offset. It is broken if the file
    lacks a scale or a constant.
    """

    file: str
    required: bool = False
    quantification: str | None = Field(
        default=None, description="path of the digital number of reflectance 1"
    )
    offset: str | None = Field(
        default=None, description="path of what is added to the numbers of a band before scaling"
    )
    scale: str | None = Field(
        default=None, description="path of the factor of a band's numbers, in place of its `scale`"
    )
    constant: str | None = Field(
        default=None, description="path of what is added after scaling, in place of its `offset`"
    )


class Mask(_Strict):
    """One mask of a product; all of a sensor's masks together decide what is valid.

    `file` and `index` are those of a `Band`.
    """

    name: str
    file: str
    index: int = Field(default=1, ge=1, description="band number in the file, from 1")
    invalid: Rule
    outside: Rule | None = Field(default=None, description="where the sensor saw nothing")


class Sensor(_Strict):
    """One sensor's products: how they are named, what they hold, what their numbers mean."""

    name: str = Field(pattern=_WORD, description="section of the configuration, as iota2 spells it")
    label: str = Field(pattern=r"^[A-Za-z0-9]+$", description="in file, band and accessor names")
    platform: str = Field(description="what reports call the sensor")
    source: str = Field(description="where the format is described")
    path_key: str = Field(
        pattern=_WORD, description="key of section `chain` that holds the root folder"
    )
    temporal_resolution: int = Field(gt=0, description="default days between interpolated dates")
    accessor: str = Field(
        default="{label}_{name}",
        description="what accessors call a band, an index or the masks, its `name`",
    )
    feature: str = Field(
        default="{label}_{name}",
        description="what output bands call it before their date; `lower` is the name so written",
    )
    dated: bool = Field(default=True, description="False: rasters that stand for no day")
    product: str = Field(
        description="pattern of a product's name, with a group date; of several products with the "
        "same groups acquisition and tile the one with the highest group version counts"
    )
    example: str | None = Field(default=None, description="name of a product, for people")
    date_format: str
    single_file: bool = Field(default=False, description="whether a product is one file")
    metadata: Metadata | None = None
    unit: str | None = Field(
        default=None, description="of the values, for people; None: reflectance x quantification"
    )
    quantification: float = Field(gt=0, description="digital number of reflectance 1")
    nodata: float = Field(description="in the files")
    missing: float | None = Field(
        default=None, description="where a raw series has no data; None: `nodata`"
    )
    drivers: tuple[str, ...] = Field(
        default=("GTiff", "COG", "JP2OpenJPEG"),
        min_length=1,
        description="names of the drivers of GDAL that may open its files",
    )
    bands: tuple[Band, ...] = Field(min_length=1)
    masks: tuple[Mask, ...] = ()

    @field_validator("product")
    @classmethod
    def _pattern_has_groups(cls, value: str) -> str:
        try:
            groups = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if "date" not in groups:
            raise ValueError("lacks the named group date")
        return value

    @field_validator("date_format")
    @classmethod
    def _format_tells_a_day(cls, value: str) -> str:
        try:
            told = datetime.strptime(_ANY_DAY.strftime(value), value).date()
        except ValueError as error:
            raise ValueError(f"{value!r} is no format of a date: {error}") from None
        if told != _ANY_DAY:
            raise ValueError(f"{value!r} does not tell year, month and day")
        return value

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        named: dict[str, list[str]] = {
            "band": [name for band in self.bands for name in (band.name, *band.aliases)],
            "common name": [band.common for band in self.bands if band.common],
            "mask": [mask.name for mask in self.masks],
        }
        for what, names in named.items():
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"{what} given twice: {', '.join(sorted(twice))}")
        return self

    @model_validator(mode="after")
    def _files_beside_a_single_one_are_told_by_its_name(self) -> Self:
        if not self.single_file:
            return self
        if self.metadata:
            raise ValueError("a product that is a single file has no metadata")
        groups = re.compile(self.product).groupindex
        files = [*(band.file for band in self.bands), *(mask.file for mask in self.masks)]
        for file in [file for file in files if file != "*"]:
            names = PLACEHOLDER.findall(file)
            if not names or not set(names) <= set(groups):
                raise ValueError(
                    f"{file}: a file beside a single one is told by groups of `product`, as in "
                    f"'{{date}}_mask.tif'; it has the groups {', '.join(groups)}"
                )
            if "/" in file:
                raise ValueError(f"{file}: a file beside a single one is in the same folder")
        return self

    @model_validator(mode="after")
    def _the_example_is_one(self) -> Self:
        if self.example is not None and not re.match(self.product, self.example):
            raise ValueError(f"example: {self.example} is not named like a product")
        return self

    @property
    def is_radar(self) -> bool:
        """Whether its bands are polarisations, so that it has indices of its own."""
        return all(band.common in POLARISATIONS for band in self.bands)

    def accessor_of(self, name: str) -> str:
        """Return what accessors call a band, an index or the masks."""
        return self.accessor.format(label=self.label, name=name)

    def feature_of(self, name: str) -> str:
        """Return what output bands call a band or an index before their date."""
        return self.feature.format(label=self.label, name=name, lower=name.lower())

    @property
    def unit_text(self) -> str:
        """What values count, for people."""
        return self.unit or f"reflectance x {self.quantification:g}"

    @property
    def raw_nodata(self) -> float:
        """What raw series have where a product has no data."""
        return self.nodata if self.missing is None else self.missing

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of all bands, in the order of the native stack."""
        return tuple(band.name for band in self.bands)

    def canonical(self, name: str) -> str:
        """Return a band's own name; a name that is no band's is returned as it is."""
        return next((band.name for band in self.bands if name in band.aliases), name)

    def band(self, name: str) -> Band:
        """Return the band called `name`."""
        return next(band for band in self.bands if band.name == name)

    def band_of(self, common: str) -> Band | None:
        """Return the band with this common name, None if the sensor has none."""
        return next((band for band in self.bands if band.common == common), None)


def read_sensor(path: Path) -> Sensor:
    """Read one description; a wrong file reports all its faults at once, with their places."""
    try:
        return Sensor.model_validate(load_yaml(text := path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise SensorFileError(f"{path}: not text in UTF-8") from None
    except yaml.YAMLError as error:
        place, problem = yaml_problem(error, text)
        raise SensorFileError(f"{path}: {place}: {problem}") from None
    except ValidationError as error:
        lines = list(_lines(error.errors(include_url=False)))
        raise SensorFileError("\n".join([f"{path}: not a sensor description", *lines])) from None


def _lines(faults: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    within = {fault["loc"][0] for fault in faults if len(fault["loc"]) > 1}
    for fault in faults:
        # A list whose items are wrong is said to be too short as well.
        if fault["type"] == "too_short" and fault["loc"][0] in within:
            continue
        where = ".".join(str(part) for part in fault["loc"]) or "(whole file)"
        message = _SAID.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        given = (
            f" (given: {fault['input']!r})" if fault["type"] == "string_pattern_mismatch" else ""
        )
        yield f"  {where}: {message}{given}"


def load_sensors(folders: Sequence[Path] = ()) -> dict[str, Sensor]:
    """Load the built-in sensors and those of the user's `folders`, by name; the last one wins.

    Raises
    ------
    SensorFileError
        Naming all files that are wrong.
    """
    builtin = Path(str(files("sitsflow.products.sensors")))
    sensors, faults = {}, []
    for folder in (builtin, *folders):
        for path in sorted(folder.glob("*.yaml")):
            try:
                sensor = read_sensor(path)
            except SensorFileError as error:
                faults.append(str(error))
            else:
                sensors[sensor.name] = sensor
    if faults:
        raise SensorFileError("\n".join(faults))
    return sensors


SENSOR_ORDER = (
    "Landsat5Old", "Landsat5", "Landsat7", "Landsat8", "Landsat8Old", "Landsat8USGS",
    "Landsat8USGSOptical", "Landsat8USGSThermal", "Landsat8USGSInfrared", "Sentinel1", "Sentinel2",
    "Sentinel2S2C", "Sentinel2L3A", "userFeatures",
)  # fmt: skip
"""The order in which iota2 concatenates sensors, by label; others follow by name.

Those that iota2 lacks, or of which its place for them is not known, stand with their likes.
"""


def in_order(sensors: Sequence[Sensor]) -> list[Sensor]:
    """Sort sensors as the native stack has them."""
    return sorted(sensors, key=lambda sensor: place_of(sensor.label))


def place_of(label: str) -> tuple[int, str]:
    """Return by what sensors are sorted in the native stack, of the label of one."""
    known = label in SENSOR_ORDER
    return (SENSOR_ORDER.index(label) if known else len(SENSOR_ORDER), label)
