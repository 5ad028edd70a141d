"""Section `chain`: what is mapped, from which folders, onto which grid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from blocks.section import OWN, FilePath, NoEffect, Resolution, Section, Words, is_off
from sitsflow.request import MOST_CONCURRENT_READS, Mosaic, Resampling

Group = Literal["init", "writing", "mosaic"]
_NO_STACKS = NoEffect("no stack of a date is ever written, products are read where they lie")


def _root(title: str) -> Any:
    return Field(
        default=None,
        title=title,
        description=f"{title}: folder that holds one folder a tile. If it is set, the sensor is "
        "used.",
    )


def _stacks(title: str) -> Any:
    return Field(default=None, title=title, description="Where iota2 writes a stack a date.")


class Chain(Section):
    """What is mapped, from which folders, onto which grid."""

    output_path: FilePath = Field(
        title="Output folder",
        description="Folder of the results, made if absent; one folder a run.",
    )
    remove_output_path: bool = Field(
        default=True,
        title="Make the map anew",
        description="Whether the map is made anew: what an earlier, finished run left in the "
        "output folder is removed when the new map is whole. A folder that no run made, and that "
        "is not empty, is never touched.",
    )
    list_tile: Words = Field(
        min_length=1,
        title="Tiles",
        description="Names of the tiles, separated by spaces or as a list. Where tiles overlap, "
        "the first in this list that has a value wins.",
    )
    s2_path: FilePath | None = _root("Sentinel-2 products of THEIA, level 2A")
    s2_s2c_path: FilePath | None = _root("Sentinel-2 products of Sen2Cor, level 2A")
    s2_l3a_path: FilePath | None = _root("Sentinel-2 monthly syntheses of THEIA, level 3A")
    l8_path: FilePath | None = _root("Landsat 8 products of THEIA")
    l8_path_old: FilePath | None = _root("Landsat 8 products of THEIA, format until 2017")
    l5_path_old: FilePath | None = _root("Landsat 5 products of THEIA, format until 2017")
    l7_path: Annotated[FilePath | None, OWN] = _root("Landsat 7 products of THEIA")
    l5_path: Annotated[FilePath | None, OWN] = _root("Landsat 5 products of THEIA")
    l8_usgs_path: FilePath | None = _root("Landsat 8 and 9 products of the USGS, level 2")
    l8_usgs_optical_path: FilePath | None = _root(
        "Landsat 8 and 9 products of the USGS, level 2, for reflectances"
    )
    l8_usgs_thermal_path: FilePath | None = _root(
        "Landsat 8 and 9 products of the USGS, level 2, for temperatures"
    )
    l8_usgs_infrared_path: FilePath | None = _root(
        "Landsat 8 and 9 products of the USGS, level 1, for thermal radiances"
    )
    s1_path: FilePath | None = Field(
        default=None,
        title="Sentinel-1 products",
        description="Sentinel-1 IW GRDH products, SAFE folders or zip archives of them: the folder "
        "that holds those of all tiles, or iota2's INI file, which names it. If it is set, the "
        "sensor is used; see section `Sentinel_1`.",
    )
    user_feat_path: FilePath | None = _root("Rasters of the user, without dates")
    other_sensor_paths: Annotated[Mapping[str, FilePath], OWN] = Field(
        default_factory=dict,
        title="Products of other sensors",
        description="Folder that holds one folder a tile, by the name of a sensor that one of "
        "`sensor_folders` describes. Writing the sensor's own `path_key` into this section "
        "does the same.",
    )
    sensor_folders: Annotated[tuple[FilePath, ...], OWN] = Field(
        default=(),
        title="Folders of sensor descriptions",
        description="Folders of YAML files, one a sensor, that add to the built-in sensors and "
        "win over those of the same name.",
    )
    first_step: Group = Field(
        default="init", title="First group of steps", description="Group of steps to start with."
    )
    last_step: Group = Field(
        default="mosaic", title="Last group of steps", description="Group of steps to end with."
    )
    mosaic: Annotated[Mosaic, OWN] = Field(
        default="file",
        title="Map of all tiles",
        description="What the maps of tiles are put together to. `file`: one GeoTIFF, a copy of "
        "all of them. `vrt`: a small VRT of GDAL with the same pixels, which refers to the maps of "
        "the tiles. `none`: nothing, the maps of the tiles are all. With the last two these are "
        "Cloud Optimized GeoTIFFs, described as a STAC collection.",
    )
    spatial_resolution: Resolution = Field(
        default=None,
        title="Pixel size",
        description="Output pixel size in the units of `proj`: one number, or [x, y]. Default: "
        "that of the products.",
    )
    proj: str | None = Field(
        default=None,
        title="Coordinate reference system",
        description="Output coordinate reference system, as EPSG:n. Default: that of the products.",
    )
    area_of_interest: Annotated[FilePath | None, OWN] = Field(
        default=None,
        title="Area of interest",
        description="Vector file; only pixels inside its polygons are computed, and only what "
        "they need is read.",
    )
    resampling: Annotated[Resampling, OWN] = Field(
        default="bicubic",
        title="Resampling of bands",
        description="How bands are brought onto the output grid: `bicubic`, `bilinear` and "
        "`nearest` at the centres of its pixels (masks: always nearest). `average`: the mean, "
        "weighted by area, of the valid pixels under each pixel of a coarser grid; a date counts "
        "where masks leave at least half of a pixel.",
    )
    grid_alignment: Annotated[bool, OWN] = Field(
        default=True,
        title="Align the grids of tiles",
        description="Whether the grids of all tiles share their pixel edges, so that the mosaic "
        "resamples nothing. False: each tile's grid is as iota2 has it, off by fractions of a "
        "pixel.",
    )
    skip_broken_products: Annotated[bool, OWN] = Field(
        default=False,
        title="Skip broken products",
        description="Whether a product with a missing or unreadable file is left out with a "
        "warning, instead of being an error.",
    )
    missing_sensor_tile: Annotated[Literal["error", "skip"], OWN] = Field(
        default="error",
        title="Tiles that a sensor lacks",
        description="What becomes of a tile of which one of several sensors has no product: an "
        "error, or left out with a warning (skip).",
    )
    allow_remote: Annotated[bool, OWN] = Field(
        default=False,
        title="Allow files on the network",
        description="Whether rasters may refer to files on the network, as a VRT of the exogenous "
        "data can. Otherwise GDAL's network file systems (/vsicurl, /vsis3 and so on) are off.",
    )
    concurrent_reads: Annotated[int, OWN] = Field(
        default=1,
        ge=1,
        le=MOST_CONCURRENT_READS,
        title="Files read at once",
        description="How many of the products' files a task reads at the same time, and the check "
        "before the run. 4 to 8 where each read waits for a slow or remote disk; on a fast one "
        "more than 1 costs CPU that other tasks could use.",
    )
    minimum_required_dates: int = Field(
        default=2,
        ge=1,
        title="Least number of dates",
        description="A tile with fewer dates of a sensor is an error.",
    )
    logger_level: Literal["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"] = Field(
        default="INFO",
        title="Level of the logs",
        description="The least serious of what tasks write to their log files, and show in the "
        "terminal and the UI (there from INFO on). DEBUG: the time of each function too.",
    )
    compression_algorithm: Literal["ZSTD", "DEFLATE", "LZW", "NONE"] = Field(
        default="ZSTD", title="Compression", description="Compression of the rasters written."
    )
    compression_predictor: Annotated[
        int, NoEffect("the predictor follows the type of the numbers: 3 for float32")
    ] = Field(default=2, ge=1, le=3, title="Predictor", description="Predictor of the compression.")
    check_inputs: Annotated[bool, NoEffect("inputs are always checked before a run")] = Field(
        default=True, title="Check the inputs", description="Verify the inputs before the run."
    )
    cloud_threshold: Annotated[int, NoEffect("features maps have no validity step")] = Field(
        default=0, ge=0, title="Cloud threshold", description="Least number of clear dates."
    )
    force_standard_labels: Annotated[
        bool, NoEffect("bands of the map keep the labels that tell what they are")
    ] = Field(
        default=False, title="Standard labels", description="Call features value_0, value_1, ..."
    )
    s2_output_path: Annotated[FilePath | None, _NO_STACKS] = _stacks("Stacks of s2_path")
    s2_s2c_output_path: Annotated[FilePath | None, _NO_STACKS] = _stacks("Stacks of s2_s2c_path")
    s2_l3a_output_path: Annotated[FilePath | None, _NO_STACKS] = _stacks("Stacks of s2_l3a_path")
    l8_output_path: Annotated[FilePath | None, _NO_STACKS] = _stacks("Stacks of l8_path")
    l8_old_output_path: Annotated[FilePath | None, _NO_STACKS] = _stacks("Stacks of l8_path_old")
    l5_old_output_path: Annotated[FilePath | None, _NO_STACKS] = _stacks("Stacks of l5_path_old")

    @field_validator("list_tile")
    @classmethod
    def _tiles_are_names_given_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({tile for tile in value if value.count(tile) > 1}):
            raise ValueError(f"tile given twice: {', '.join(twice)}")
        # A tile names folders and files: it must not lead out of them.
        if bad := [tile for tile in value if not re.fullmatch(r"\w[\w.-]*", tile)]:
            raise ValueError(f"not a tile's name: {', '.join(map(repr, bad))}")
        return value

    @field_validator("sensor_folders", mode="before")
    @classmethod
    def _one_folder_is_a_list(cls, value: Any) -> Any:
        if is_off(value):
            return []
        return [value] if isinstance(value, str) else value

    @field_validator("logger_level", "compression_algorithm", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return "NONE" if value is None else value.upper() if isinstance(value, str) else value

    @field_validator("mosaic", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: Any) -> Any:
        return "none" if value is None else value.lower() if isinstance(value, str) else value

    @field_validator("proj", mode="before")
    @classmethod
    def _proj_is_text(cls, value: object) -> object:
        # YAML reads 2154 as a number.
        return str(value) if isinstance(value, int) else value

    @field_validator("proj")
    @classmethod
    def _system_exists(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not (match := re.fullmatch(r"(?i)epsg:\s*(\d{1,9})", value)):
            raise ValueError("not of the form EPSG:n, e.g. 'EPSG:2154'")
        # Imported here: it costs more than all the rest of a check.
        from pyproj import CRS
        from pyproj.exceptions import CRSError

        try:
            crs = CRS.from_epsg(int(match[1]))
        except CRSError:
            raise ValueError("no such coordinate reference system") from None
        if not (crs.is_projected or (crs.is_geographic and len(crs.axis_info) == 2)):
            raise ValueError(f"not a system of map coordinates but {crs.type_name}: {crs.name}")
        return f"EPSG:{int(match[1])}"
