"""Everything decided about a run before a pixel is read: frozen, printable, kept as JSON."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sitsflow.grid import Bounds, Grid, Window
from sitsflow.request import Request
from sitsflow.scenes import Scene
from sitsflow.sensors.model import Sensor
from sitsflow.tree import Tree


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SeriesPlan(_Frozen):
    """One sensor over one tile: what is there, and on which dates it is wanted.

    `scenes` are sorted by day, products of one day in the order of their names. `grids` gives
    the grid of each band and mask, the same in all scenes. `target_days` are the days of the
    interpolated series (those of the scenes where nothing is interpolated).
    """

    sensor: Sensor
    scenes: tuple[Scene, ...]
    grids: dict[str, Grid]
    target_days: tuple[int, ...]
    bands: tuple[str, ...] = Field(description="native bands that the run may use, in order")
    read: tuple[str, ...] = Field(description="bands that will be read, a part of `bands`")
    raw_days: tuple[int, ...] = Field(description="days of the raw series user functions see")

    @property
    def days(self) -> tuple[int, ...]:
        """Days since 1970-01-01 of the scenes, ascending, repeated for products of one day."""
        return tuple(scene.day for scene in self.scenes)


class TilePlan(_Frozen):
    """One tile: its grid, its series, and the windows it is cut in."""

    tile: str
    grid: Grid
    series: tuple[SeriesPlan, ...]
    chunks: tuple[Window, ...]
    step: int = Field(description="pixels between nodes where coordinates are exact")
    fingerprint: str = Field(description="changes when anything that its pixels depend on does")


class FunctionPlan(_Frozen):
    """What probing one user function found."""

    name: str
    labels: tuple[str, ...] = Field(description="names of the bands it makes, in order")
    series: tuple[str, ...] = Field(description="labels of the sensors it read")


class Skipped(_Frozen):
    """A product left out because it is broken."""

    tile: str
    sensor: str
    product: Path
    reason: str


class Plan(_Frozen):
    """A whole run. `tile_names` are those with something to compute, in the order of the run."""

    version: str
    request: Request
    tile_names: tuple[str, ...]
    labels: tuple[str, ...] = Field(description="names of the output bands, in order")
    functions: tuple[FunctionPlan, ...]
    mosaic_grid: Grid
    area: Bounds | None = Field(default=None, description="bounds of the area of interest")
    skipped: tuple[Skipped, ...] = ()
    notices: tuple[str, ...] = ()
    chunk_ram_gb: float = Field(description="estimated peak memory of a chunk's task")
    bytes_to_read: int
    bytes_to_write: int
    first_day: date
    last_day: date
    fingerprint: str

    @property
    def tree(self) -> Tree:
        """Where the run's files lie."""
        return Tree(self.request.output_path)
