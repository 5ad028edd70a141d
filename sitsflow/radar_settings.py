"""How Sentinel-1 is processed: what a run is asked, resolved and validated."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME, LABEL, PATH_KEY = "Sentinel_1", "Sentinel1", "s1_path"
"""Section of the configuration, beginning of labels, and key of section `chain`."""

Polarisation = Literal["vv", "vh", "hh", "hv"]
Backscatter = Literal["gamma0", "sigma0", "beta0"]
SpeckleFilter = Literal["none", "quegan", "lee", "refined_lee"]
Orbit = Literal["des", "asc"]
SeriesInterpolation = Literal["linear", "spline"]


class RadarSettings(BaseModel):
    """Where Sentinel-1 products are, and what becomes of them. Paths are absolute."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants"
    )

    products: Path = Field(description="folder that holds SAFE folders or zip archives")
    polarisations: tuple[Polarisation, ...] = Field(
        default=("vv", "vh"), min_length=1, description="those that each product must have"
    )
    orbits: tuple[Orbit, ...] = Field(
        default=("des", "asc"), min_length=1, description="in the order of the series"
    )
    relative_orbits: tuple[int, ...] = Field(default=(), description="1 to 175; none: all")
    separate_orbits: bool = Field(
        default=False, description="a series for each relative orbit, not for each direction"
    )
    references: Path | None = Field(
        default=None, description="folder of tiles, with a raster on the grid of each"
    )
    reference_pattern: str = Field(default="", description="part of the names of such rasters")

    calibration: Backscatter = "gamma0"
    thermal_noise: bool = Field(default=True, description="True: it is subtracted")
    border_threshold: float = Field(
        default=0.0011, gt=0, description="linear power of the co-polarised channel with its noise"
    )
    speckle_filter: SpeckleFilter = "quegan"
    window_radius: int = Field(
        default=2, ge=1, description="of the filter, pixels; the refined one has its own, 3"
    )

    dem: tuple[Path, ...] = Field(default=(), description="rasters of heights, or folders of them")
    geoid: Path | None = Field(
        default=None, description="None: the heights of `dem` are taken as above the ellipsoid"
    )
    ellipsoidal_heights: bool = Field(
        default=False, description="those of `dem` are known to be above the ellipsoid"
    )
    constant_height: float | None = Field(
        default=None, description="metres above the ellipsoid, in place of `dem`"
    )
    orbit_files: Path | None = Field(
        default=None,
        description="folder of precise or restituted orbits (.EOF); None: those of the products",
    )
    terrain_flattening: bool = Field(
        default=False, description="backscatter by the area that the terrain has, not a flat one"
    )

    temporal_resolution: int = Field(default=10, gt=0, description="days between dates")
    interpolation: SeriesInterpolation = Field(
        default="linear", description="between the dates of one polarisation and orbit"
    )
    decibels: bool = Field(default=False, description="series are 10 log10 of the power")
    expressions: tuple[str, ...] = Field(default=(), description="of vv and vh of one date")

    @property
    def places(self) -> tuple[Path, ...]:
        """All files and folders that are read."""
        single = (self.products, self.geoid, self.references, self.orbit_files)
        return (*(path for path in single if path is not None), *self.dem)

    @property
    def text(self) -> str:
        """What becomes of the images, in a few words, for people."""
        side = 2 * self.window_radius + 1
        filters = {
            "none": "no speckle filter",
            "quegan": f"Quegan's filter of {side} x {side} pixels over all dates",
            "lee": f"Lee's filter of {side} x {side} pixels",
            "refined_lee": "refined Lee filter",
        }
        return ", ".join((
            f"{self.calibration} in decibels" if self.decibels else self.calibration,
            "thermal noise subtracted" if self.thermal_noise else "with thermal noise",
            *(["terrain flattened"] if self.terrain_flattening else []),
            filters[self.speckle_filter],
        ))  # fmt: skip

    @model_validator(mode="after")
    def _what_belongs_together(self) -> Self:
        faults = [
            f"{name} names {', '.join(map(str, twice))} twice"
            for name in ("polarisations", "orbits", "relative_orbits")
            if (twice := _repeated(getattr(self, name)))
        ]
        if wrong := [one for one in self.relative_orbits if not 1 <= one <= 175]:
            faults.append(f"relative orbits are 1 to 175, not {', '.join(map(str, wrong))}")
        if bool(self.dem) == (self.constant_height is not None):
            given = "both are given" if self.dem else "neither is given"
            faults.append(f"heights come from dem, or are constant_height; {given}")
        if self.terrain_flattening and not self.dem:
            faults.append("terrain_flattening needs a dem")
        if self.geoid is not None and not self.dem:
            faults.append("geoid needs a dem")
        if self.ellipsoidal_heights and not self.dem:
            faults.append("ellipsoidal_heights needs a dem")
        if self.ellipsoidal_heights and self.geoid is not None:
            faults.append("heights are above the geoid, or ellipsoidal_heights; both are given")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _repeated(values: tuple[object, ...]) -> list[object]:
    return [value for at, value in enumerate(values) if value in values[:at]]
