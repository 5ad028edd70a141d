"""What a run is asked to do, resolved and validated: the science's only input besides files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sitsflow.radar_settings import RadarSettings

Mosaic = Literal["file", "vrt", "none"]
"""What becomes of the maps of tiles: one file, a VRT that refers to them, or nothing more."""
Resampling = Literal["bicubic", "bilinear", "nearest", "average"]
Method = Literal["linear", "nearest", "spline", "whittaker", "savitzky_golay", "median"]
METHODS: tuple[Method, ...] = get_args(Method)
"""How series are interpolated in time."""
STEPS = (
    ("init", "Sensors pre-processing"),
    ("init", "Generate a common masks for each sensors"),
    ("writing", "Write features by chunk"),
    ("writing", "Merge features chunks per tile"),
    ("mosaic", "Merge features tiles into a mosaic"),
)
"""Group and title of each step, in order, numbered from 1, in the words iota2 prints."""

MAP_NAME = "features_map"
"""Of the map's file, without its ending, if a run gives it no other."""

GROUPS = ("init", "writing", "mosaic")
LONGEST_SECONDS = 1e6
"""Eleven days; timers of the system cannot count for ever."""
MOST_CONCURRENT_READS = 64


class _Frozen(BaseModel):
    # JSON has no NaN, which may stand for no data: as null it would not be read again.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class SensorRequest(_Frozen):
    """One sensor of a run: where its products are and which of them count."""

    sensor: str = Field(description="name of the sensor description, e.g. Sentinel_2")
    root: Path = Field(description="folder that holds one folder a tile")
    start: date | None = Field(default=None, description="first interpolated date, None: guess")
    end: date | None = Field(default=None, description="last possible interpolated date")
    temporal_resolution: int = Field(gt=0, description="days between interpolated dates")
    interpolated_dates: Literal["regular", "input"] = Field(
        default="regular", description="input: those of the products of all tiles"
    )
    keep_bands: tuple[str, ...] | None = Field(default=None, description="None: all bands")
    additional_features: tuple[str, ...] = Field(default=(), description="band-math expressions")
    patterns: tuple[str, ...] = Field(
        default=(), description="parts of the names of rasters without dates; none: products"
    )
    radar: RadarSettings | None = Field(default=None, description="of Sentinel-1 alone")

    @property
    def radar_settings(self) -> RadarSettings:
        """Its settings, of a sensor that is Sentinel-1."""
        assert self.radar is not None, "a sensor of radar"
        return self.radar


class Interpolation(_Frozen):
    """How series are brought onto regular dates. What a method does not use has its default."""

    method: Method = "linear"
    whittaker_lambda: Annotated[float, Field(gt=0)] | Literal["v-curve"] = Field(
        default=1000.0, description="weight of squared second differences by days; or chosen"
    )
    savitzky_golay_window: int = Field(default=7, ge=3, description="interpolated dates, odd")
    savitzky_golay_degree: int = Field(default=2, ge=0, description="less than the window")
    median_window: float = Field(default=45.0, gt=0, description="days")

    @model_validator(mode="after")
    def _the_window_decides_the_polynomial(self) -> Self:
        window, degree = self.savitzky_golay_window, self.savitzky_golay_degree
        if window % 2 == 0 or degree >= window:
            raise ValueError(f"a window of {window} dates for degree {degree}: odd, and larger")
        return self

    @property
    def text(self) -> str:
        """The method and its parameters in a few words, for people."""
        smoothing = self.whittaker_lambda
        chosen = "by V-curve" if isinstance(smoothing, str) else f"{smoothing:g}"
        words = {
            "nearest": "nearest date",
            "spline": "natural cubic spline",
            "whittaker": f"Whittaker, lambda {chosen}",
            "savitzky_golay": f"Savitzky-Golay, {self.savitzky_golay_window} dates, degree "
            f"{self.savitzky_golay_degree}",
            "median": f"median of {self.median_window:g} days",
        }
        return words.get(self.method, self.method)


class FunctionCall(_Frozen):
    """One user function and its keyword arguments."""

    name: str
    kwargs: Mapping[str, Any] = Field(default_factory=dict)


class Chunking(_Frozen):
    """How a tile is cut: by rule, into `number` strips, or in blocks of `size_y` x `size_x`."""

    mode: Literal["auto", "split_number", "user_fixed"] = "auto"
    number: int = Field(default=50, gt=0)
    size_x: int = Field(default=50, gt=0)
    size_y: int = Field(default=50, gt=0)


class Request(_Frozen):
    """A whole run. Paths are absolute; sensors stand in the order of the native stack."""

    output_path: Path
    output_name: str = Field(default=MAP_NAME, description="of the map's file, without ending")
    tiles: tuple[str, ...] = Field(min_length=1)
    sensors: tuple[SensorRequest, ...] = Field(min_length=1)
    sensor_folders: tuple[Path, ...] = ()
    first_step: Literal["init", "writing", "mosaic"] = "init"
    last_step: Literal["init", "writing", "mosaic"] = "mosaic"
    mosaic: Mosaic = "file"

    crs: str | None = Field(default=None, description="EPSG:n, None: that of the products")
    resolution: tuple[float, float] | None = Field(default=None, description="x, y; None: native")
    resampling: Resampling = "bicubic"
    grid_alignment: bool = True
    area_of_interest: Path | None = None
    skip_broken_products: bool = False
    missing_sensor_tile: Literal["error", "skip"] = Field(
        default="error", description="what becomes of a tile that one of several sensors lacks"
    )
    allow_remote: bool = Field(default=False, description="rasters may refer to the network")
    minimum_required_dates: int = Field(default=2, ge=1)

    use_gapfilling: bool = True
    interpolation: Interpolation = Interpolation()
    auto_date: bool = True
    write_outputs: bool = False
    indices: bool = Field(default=True, description="NDVI, NDWI and Brightness, all or none")
    clip_indices: bool = Field(default=True, description="NDVI and NDWI within -1000 and 1000")
    spectral_indices: tuple[str, ...] = Field(default=(), description="names known to spyndex")
    acor_feat: bool = Field(default=False, description="NDVI and NDWI corrected for haze")
    copy_input: bool = Field(default=True, description="reflectances among native features")
    rel_refl: bool = False
    keep_duplicates: bool = True

    module: Path | None = Field(default=None, description="None: the built-in functions")
    functions: tuple[FunctionCall, ...] = ()
    concat_mode: bool = True
    no_data_value: float = -10000
    strict: bool = Field(default=False, description="a NaN from a function is an error")
    probe_seconds: float = Field(
        default=60, gt=0, le=LONGEST_SECONDS, description="that a function may take when tried"
    )
    timeout: float | None = Field(
        default=None,
        gt=0,
        le=LONGEST_SECONDS,
        description="seconds that the functions may take on a chunk",
    )
    whole_chunk: bool = Field(
        default=False, description="functions see a chunk as a whole, not parts of it"
    )
    exogenous: Path | None = Field(default=None, description="raster; may contain $TILE")
    fill_missing_dates: bool = False
    padding: tuple[int, int] = Field(default=(0, 0), description="x, y")
    chunking: Chunking = Chunking()

    logger_level: Literal["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"] = "INFO"
    maximum_ram: float = Field(default=16.0, gt=0, description="GB a task may use at most")
    concurrent_reads: int = Field(
        default=1, ge=1, le=MOST_CONCURRENT_READS, description="files that are read at once"
    )
    compression: Literal["ZSTD", "DEFLATE", "LZW", "NONE"] = "ZSTD"

    @property
    def tiles_are_read(self) -> bool:
        """Whether the maps of tiles are read as they are: then they have overviews of their own."""
        return self.mosaic != "file"
