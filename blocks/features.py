"""The sections that say which features are made of the series, and how."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, field_validator

from blocks.section import OWN, FilePath, NoEffect, Section, Words
from sitsflow.request import LONGEST_SECONDS, FunctionCall, Method

_LONGEST_STEM = 200  # bytes: temporary files and sidecars have longer names

Indices = Annotated[
    tuple[Literal["NDVI", "NDWI", "Brightness"], ...],
    BeforeValidator(
        lambda value: value.split() if isinstance(value, str) else value,
        json_schema_input_type=str | list[str],
    ),
]


def _read_stem(value: Any) -> Any:
    """Return the name of a file without its ending; refuse what is a path or no name."""
    if not isinstance(value, str):
        return value
    stem = re.sub(r"\.tiff?$", "", value.strip(), flags=re.IGNORECASE)
    if not re.fullmatch(r"[\w-][\w .-]{0,99}", stem) or len(os.fsencode(stem)) > _LONGEST_STEM:
        raise ValueError(
            "not a name of a file: write up to 100 letters, digits, '_', '-', '.' and spaces, "
            "without a folder"
        )
    return stem


FileStem = Annotated[str, BeforeValidator(_read_stem, json_schema_input_type=str)]


def _read_lambda(value: Any) -> Any:
    """Read a number or the word; a union would have a message for each of both."""
    if isinstance(value, str) and value.strip() == V_CURVE:
        return V_CURVE
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    if isinstance(value, bool) or not 0 < number <= _LARGEST_LAMBDA:
        raise ValueError(f"{value!r} is neither a number from 0 to 1e12 nor '{V_CURVE}'")
    return number


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"{value} is even, and would have no middle: {value - 1} or {value + 1}")
    return value


V_CURVE = "v-curve"
_LARGEST_LAMBDA = 1e12  # a straight line through decades of days
Lambda = Annotated[float | Literal["v-curve"], BeforeValidator(_read_lambda)]


def _indices() -> Any:
    return Field(
        default=None,
        title="Indices",
        description="All of NDVI, NDWI and Brightness, whichever of them is named; [] for none, "
        "and reflectances as they are. Default: all. May stand in `arg_train` (newer, wins) or in "
        "`sensors_data_interpolation` (older).",
    )


class SensorsDataInterpolation(Section):
    """How series are brought onto regular dates, and what is made of them."""

    auto_date: bool = Field(
        default=True,
        title="Dates from the data",
        description="Whether the first and the last interpolated date are those of the data, "
        "over all tiles. False: each sensor's `start_date` and `end_date` are used.",
    )
    use_gapfilling: bool = Field(
        default=True,
        title="Interpolate",
        description="Whether series are interpolated in time. False: features are made of the "
        "raw dates.",
    )
    method: Annotated[Method, OWN] = Field(
        default="linear",
        title="How to interpolate",
        description="What joins the valid dates of a pixel: straight lines (`linear`, as iota2), "
        "the `nearest` date, a natural cubic `spline`, a smooth series (`whittaker`), straight "
        "lines smoothed by moving polynomials (`savitzky_golay`), or the `median` of a moving "
        "window. See [interpolation](interpolation.md).",
    )
    whittaker_lambda: Annotated[Lambda, OWN] = Field(
        default=1000.0,
        title="Lambda of Whittaker's smoother",
        description="Weight of the squared second differences by days: the larger, the smoother. "
        "`v-curve`: chosen for each pixel. For the method `whittaker`.",
    )
    savitzky_golay_window: Annotated[int, AfterValidator(_odd), OWN] = Field(
        default=7,
        ge=3,
        le=999,
        title="Window of the Savitzky-Golay filter",
        description="Interpolated dates in the window, odd. For the method `savitzky_golay`.",
    )
    savitzky_golay_degree: Annotated[int, OWN] = Field(
        default=2,
        ge=0,
        le=10,
        title="Degree of the Savitzky-Golay filter",
        description="Degree of its polynomials, less than the window. For the method "
        "`savitzky_golay`.",
    )
    median_window: Annotated[int, OWN] = Field(
        default=45,
        ge=1,
        le=10_000,
        title="Window of the median",
        description="Days in the window, half of them before a date. For the method `median`.",
    )
    use_additional_features: bool = Field(
        default=False,
        title="Use additional features",
        description="Whether the `additional_features` of the sensors are computed.",
    )
    write_outputs: bool = Field(
        default=False,
        title="Write the series",
        description="Whether the raw and the interpolated series, the masks and the native "
        "features are written too, to `features/<tile>/tmp`.",
    )
    features: Indices | None = _indices()
    clip_indices: Annotated[bool, OWN] = Field(
        default=True,
        title="Hold indices in their range",
        description="Whether NDVI, NDWI and relative reflectances are held within -1000 and 1000, "
        "where negative reflectances bring a sum of bands near 0. False: as iota2.",
    )
    spectral_indices: Annotated[Words, OWN] = Field(
        default=(),
        title="Spectral indices",
        description="More indices, by their names in spyndex (Awesome Spectral Indices).",
    )


class ArgTrain(Section):
    """What a features map uses of iota2's section of training."""

    features: Indices | None = _indices()


class Iota2FeatureExtraction(Section):
    """Which native features there are."""

    copy_input: bool = Field(
        default=True,
        title="Keep the reflectances",
        description="Whether reflectances are among the native features. They always are where "
        "no index is wanted.",
    )
    acor_feat: bool = Field(
        default=False,
        title="Corrected indices",
        description="Whether NDVI and NDWI have 0.05 taken from the numerator and added to the "
        "denominator, for what the atmosphere adds to dark surfaces; in digital numbers, as iota2 "
        "has it: no more than 0.2 of x 1000 where the bands' sum is 500.",
    )
    rel_refl: bool = Field(
        default=False,
        title="Relative reflectances",
        description="Replace each band but red by 1000 x (band - red) / (band + red), in the "
        "native features; functions see reflectances.",
    )
    keep_duplicates: bool = Field(
        default=True,
        title="Keep duplicates",
        description="With `rel_refl`, whether NDVI stays, which equals the relative near infrared.",
    )
    extract_bands: bool = Field(
        default=False,
        title="Extract bands",
        description="Whether only the `keep_bands` of the sensors are used.",
    )


def _read_functions(value: Any) -> Any:
    if isinstance(value, str):
        value = value.split()
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise ValueError("neither names separated by spaces nor a list")  # noqa: TRY004 (Pydantic)
    return [_read_call(call) for call in value]


def _read_call(value: Any) -> Any:
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list | tuple):
        if not 1 <= len(value) <= 2 or not isinstance(value[0], str):
            raise ValueError("a function is a name, or a name and its arguments: ['f', {'a': 1}]")
        value = {"name": value[0], "kwargs": value[1] if len(value) == 2 else {}}
    if isinstance(value, dict):
        arguments = value.get("kwargs") or {}
        if not isinstance(arguments, dict):
            message = f"{arguments!r} are no arguments; write them as {{'a': 1}}"
            raise ValueError(message)  # noqa: TRY004 (Pydantic)
        names = [value.get("name"), *arguments]
        if bad := [n for n in names if not (isinstance(n, str) and n.strip().isidentifier())]:
            raise ValueError(f"{bad[0]!r} cannot be the name of a function or argument")
    return value


def _write_call(call: FunctionCall) -> str | list[Any]:
    return [call.name, dict(call.kwargs)] if call.kwargs else call.name


Call = Annotated[FunctionCall, PlainSerializer(_write_call, when_used="json")]


class ChunkKeys(Section):
    """How a tile is cut."""

    chunk_size_mode: Literal["auto", "split_number", "user_fixed"] | None = Field(
        default=None,
        title="How tiles are cut",
        description="`split_number`: into `number_of_chunks` strips. `user_fixed`: into blocks of "
        "`chunk_size_x` by `chunk_size_y`. `auto` (sitsflow's own): along the blocks of the "
        "source files, and of the map where that costs nothing, as large as the memory of a task "
        "allows. Default: split_number or user_fixed if their keys are given, else auto.",
    )
    number_of_chunks: int | None = Field(
        default=None, gt=0, title="Number of chunks", description="Strips a tile; 50 if not given."
    )
    chunk_size_x: int | None = Field(
        default=None, gt=0, title="Chunk width", description="Columns a block; 50 if not given."
    )
    chunk_size_y: int | None = Field(
        default=None, gt=0, title="Chunk height", description="Rows a block; 50 if not given."
    )


class ExternalFeatures(ChunkKeys):
    """The user's functions, and what becomes of their results."""

    module: FilePath | None = Field(
        default=None,
        title="Module",
        description="Python file of the user's functions. Default: the built-in functions.",
    )
    functions: tuple[Call, ...] = Field(
        default=(),
        title="Functions",
        description="Names separated by spaces, or a list of names and of [name, {argument: "
        "value}]: functions of the module, or metrics such as `ndvi_p90`, which need none (see "
        "metrics.md). None, with `concat_mode` True: the native features alone.",
    )
    concat_mode: bool = Field(
        default=True,
        title="Native features too",
        description="Whether the map holds the native features, then those of the functions. "
        "False: only those of the functions.",
    )
    no_data_value: float = Field(
        default=-10000,
        title="No-data value",
        description="Value of a pixel without data.",
    )
    exogeneous_data: FilePath | None = Field(
        default=None,
        title="Exogenous data",
        description="Raster given to the functions; $TILE in its path stands for the tile.",
    )
    strict: Annotated[bool, OWN] = Field(
        default=False,
        title="Refuse NaN",
        description="Whether a NaN or an infinity made by a function is an error, instead of "
        "becoming no-data with a count in the log.",
    )
    probe_seconds: Annotated[float, OWN] = Field(
        default=60,
        gt=0,
        le=LONGEST_SECONDS,
        title="Time limit of the trial",
        description="Seconds that importing the module, and each function on made-up pixels, may "
        "take before a run. What takes longer is refused.",
    )
    timeout: Annotated[float | None, OWN] = Field(
        default=None,
        gt=0,
        le=LONGEST_SECONDS,
        title="Time limit of a chunk",
        description="Seconds that the functions may take together on a chunk, reading included; "
        "the chunk fails then. Default: any time.",
    )
    whole_chunk: Annotated[bool, OWN] = Field(
        default=False,
        title="Whole chunks",
        description="Whether functions are called once a chunk, with all of it. Otherwise once "
        "for each of the parts that a chunk is computed in, which takes less memory.",
    )
    output_name: FileStem | None = Field(
        default=None,
        title="Output name",
        description="Name of the map in `final`, with or without `.tif`. Default: `features_map`.",
    )
    external_features_flag: Annotated[
        bool, NoEffect("iota2 itself sets it; here the functions that are named are run")
    ] = Field(default=False, title="External features flag", description="Internal to iota2.")

    @field_validator("functions", mode="before", json_schema_input_type=str | list[Any])
    @classmethod
    def _in_any_form(cls, value: Any) -> Any:
        return _read_functions(value)


class PythonDataManaging(ChunkKeys):
    """How data are handed to the functions."""

    padding_size_x: int = Field(
        default=0, ge=0, title="Padding, columns", description="Extra columns on either side."
    )
    padding_size_y: int = Field(
        default=0, ge=0, title="Padding, rows", description="Extra rows on either side."
    )
    fill_missing_dates: bool = Field(
        default=False,
        title="Fill missing dates",
        description="Whether raw series have the dates of all tiles, with no-data where a tile "
        "lacks one.",
    )
    data_mode_access: Annotated[
        Literal["gapfilled", "raw", "both"],
        NoEffect("functions may always read both, and only what they read is computed"),
    ] = Field(default="gapfilled", title="Data access", description="Which series may be read.")
    max_nn_inference_size: Annotated[
        int | None, NoEffect("features maps run no neural network")
    ] = Field(default=None, gt=0, title="Inference size", description="Pixels an inference.")
