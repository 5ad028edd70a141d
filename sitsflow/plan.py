"""Everything decided about a run before a pixel is read: frozen, printable, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sitsflow.digest import digest_text
from sitsflow.errors import OutputError
from sitsflow.geo.grid import Bounds, Grid, Window
from sitsflow.io.code_snapshot import CodeSnapshot, keep_code
from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import write_whole
from sitsflow.products.scenes import Scene, Skipped
from sitsflow.products.sensors.model import Sensor
from sitsflow.radar.slices import Acquisition
from sitsflow.radar_settings import RadarSettings
from sitsflow.request import Interpolation, Request


class _Frozen(BaseModel):
    # JSON has no NaN, which may stand for no data: as null it would not be read again.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


class RadarSeries(_Frozen):
    """What the series of one direction of Sentinel-1 over one tile is made of.

    `acquisitions` stand for the scenes of the series, in their order. The `dem` of `settings` are
    the rasters that this tile needs, `covered` is the share of the tile over which they reach.
    """

    settings: RadarSettings
    acquisitions: tuple[Acquisition, ...]
    covered: float = 1.0


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
    step: int = Field(default=0, description="pixels between nodes where coordinates are exact")
    radar: RadarSeries | None = Field(
        default=None, description="of Sentinel-1, whose `grids` are all the tile's own"
    )

    @property
    def days(self) -> tuple[int, ...]:
        """Days since 1970-01-01 of the scenes, ascending, repeated for products of one day."""
        return tuple(scene.day for scene in self.scenes)

    @property
    def products(self) -> tuple[Path, ...]:
        """What the scenes are made of: of a pass of Sentinel-1 all its slices."""
        if self.radar is None:
            return tuple(scene.product for scene in self.scenes)
        return tuple(one.product for each in self.radar.acquisitions for one in each.slices)

    def interpolated_by(self, request: Request) -> Interpolation:
        """Return how the series is interpolated: Sentinel-1 has a key of its own."""
        if self.radar is None:
            return request.interpolation
        return Interpolation(method=self.radar.settings.interpolation)


class InputFile(_Frozen):
    """A file that a tile's jobs read, as it was when the run was planned."""

    path: Path
    size: int = Field(description="bytes")
    changed: int = Field(description="time of its last change, ns since 1970-01-01")
    content: str = Field(
        description="stands for the pixels in it: it stays while size and time of change do, or "
        "while all that was read of the file is still there"
    )


class Dependencies(_Frozen):
    """What the files of one step of a tile depend on."""

    fingerprint: str = Field(description="changes when any of it does")
    files: tuple[str, ...] = Field(description="names of the input files, as in `TilePlan.files`")


class TilePlan(_Frozen):
    """One tile: its grid, its series, the windows it is cut in, and what its files depend on.

    `files` are the input files by sensor label, product and place in the product: an archive
    that moves as a whole is still the same.
    """

    tile: str
    grid: Grid
    series: tuple[SeriesPlan, ...]
    chunks: tuple[Window, ...]
    pass_rows: int | None = Field(
        default=None,
        description="rows of a chunk that are computed at once, where that is not all of it",
    )
    read_rows: int | None = Field(
        default=None,
        description="rows that are read at once and kept while parts of them are computed; where "
        "each part reads what it needs, None",
    )
    room: Window | None = Field(
        default=None,
        description="the whole tile in rows and columns of `grid`, where that is only the part "
        "inside an area: padding may reach that far",
    )
    files: dict[str, InputFile] = {}
    preprocess: Dependencies
    common_mask: Dependencies
    features: Dependencies = Field(description="of its chunks and its map")

    def reads(self, index: int) -> tuple[Window, ...]:
        """Return the parts of a chunk that are read one after the other, from the top."""
        return _cut(self.chunks[index], self.read_rows or self.pass_rows)

    def passes(self, window: Window) -> tuple[Window, ...]:
        """Return the parts of a window that are computed one after the other, from the top."""
        return _cut(window, self.pass_rows)

    @property
    def read_at_once(self) -> tuple[Window, ...]:
        """The parts of all chunks that are read one after the other."""
        return tuple(part for index in range(len(self.chunks)) for part in self.reads(index))

    @property
    def dated_series(self) -> tuple[SeriesPlan, ...]:
        """The series of sensors with dates; rasters without any are a series of one scene."""
        return tuple(one for one in self.series if one.sensor.dated)

    @property
    def fingerprint(self) -> str:
        """Changes when any of the tile's files must be made again."""
        steps = (self.preprocess, self.common_mask, self.features)
        return digest_text(*(step.fingerprint for step in steps))


def _cut(window: Window, step: int | None) -> tuple[Window, ...]:
    """Cut a window into parts of `step` rows, the last one what is left.

    None has a single pixel: NumPy adds the dates of one in another order than those of many.
    """
    tops = [*range(0, window.height, step or window.height), window.height]
    if len(tops) > 2 and window.width * (tops[-1] - tops[-2]) == 1:
        del tops[-2]
    return tuple(
        window.model_copy(update={"row": window.row + top, "height": bottom - top})
        for top, bottom in pairwise(tops)
    )


class _OfPlan(BaseModel):
    """What the file of a tile's plan says besides it: a digest of the plan's own file."""

    plan: str = ""


class _SavedTile(TilePlan, _OfPlan):
    """The file of a tile's plan."""


class _Files(BaseModel):
    """The part of a tile's plan that is read before the next one is made."""

    files: dict[str, InputFile]


class FunctionPlan(_Frozen):
    """What probing one user function found."""

    name: str
    labels: tuple[str, ...] = Field(description="names of the bands it makes, in order")
    series: tuple[str, ...] = Field(description="labels of the sensors it read")
    metric: bool = Field(default=False, description="made by sitsflow's metrics")


class Plan(_Frozen):
    """A whole run. `tile_names` are those with something to compute, in the order of the run."""

    version: str
    request: Request
    tile_names: tuple[str, ...]
    labels: tuple[str, ...] = Field(description="names of the output bands, in order")
    functions: tuple[FunctionPlan, ...]
    code: CodeSnapshot | None = Field(default=None, description="the user's; None: built-in")
    mosaic_grid: Grid
    area: Bounds | None = Field(default=None, description="bounds of the area of interest")
    skipped: tuple[Skipped, ...] = ()
    notices: tuple[str, ...] = ()
    chunk_ram_gb: float = Field(description="estimated peak memory of a chunk's task")
    cubes_ram_gb: float = Field(
        default=0.0, description="that of a tile's first task, where it writes cubes"
    )
    bytes_to_read: int
    bytes_to_write: int
    times_decoded: float = Field(
        default=1.0, description="how often a block of the products is decoded, on average"
    )
    first_day: date
    last_day: date
    fingerprint: str = Field(description="of the configuration")
    map_fingerprint: str = Field(description="changes when the map must be made again")

    @property
    def paths(self) -> OutputPaths:
        """Where the run's files lie."""
        request = self.request
        return OutputPaths(request.output_path, request.output_name, request.mosaic)


def save_plan(plan: Plan, tiles: Mapping[str, TilePlan]) -> None:
    """Keep a plan in its output directory: a file for the run, one a tile, the user's code."""
    if plan.code is not None:
        keep_code(plan.code, plan.paths.code)
    text = plan.model_dump_json(indent=1)
    digest = digest_text(text)
    for tile, part in tiles.items():
        saved = _SavedTile.model_construct(plan=digest, **dict(part))
        write_whole(plan.paths.tile_plan(tile), saved.model_dump_json())
    write_whole(plan.paths.plan, text)


def load_plan(output_path: Path) -> Plan:
    """Load the plan kept in an output directory.

    Raises
    ------
    OutputError
        If there is none, or another version wrote it.
    """
    path = OutputPaths(output_path).plan
    plan = cast("Plan", _load(Plan, str(path), _changed(path)))
    if plan.request.output_path == output_path:
        return plan
    # The folder was moved or copied since: its files are where it is now.
    request = plan.request.model_copy(update={"output_path": output_path})
    return plan.model_copy(update={"request": request})


def load_tile(output_path: Path, tile: str) -> TilePlan:
    """Load one tile's part of the plan kept in an output directory."""
    path = OutputPaths(output_path).tile_plan(tile)
    return cast("TilePlan", _load(TilePlan, str(path), _changed(path)))


def saved_together(output_path: Path, tile: str) -> bool:
    """Whether a tile's part of the plan and the plan itself, as they are seen now, are of one run.

    Raises
    ------
    OutputError, OSError
        If one of them is not there.
    """
    paths = OutputPaths(output_path)
    path, whole = paths.tile_plan(tile), paths.plan
    saved = cast("_OfPlan", _load(_OfPlan, str(path), _changed(path)))
    return saved.plan == _digest(str(whole), _changed(whole))


def load_files(output_path: Path, tile: str) -> dict[str, InputFile]:
    """Load the input files of a tile as the plan kept in an output directory knew them.

    Nothing where there is no plan that can be read: then no file is known.
    """
    try:
        kept = OutputPaths(output_path).tile_plan(tile).read_bytes()
        return _Files.model_validate_json(kept).files
    except (OSError, ValidationError):
        return {}


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        raise OutputError(
            f"{path}: no plan there. Run the whole chain first, or check output_path"
        ) from None


@lru_cache(maxsize=1)
def _digest(path: str, changed: int) -> str:
    del changed
    return digest_text(Path(path).read_text(encoding="utf-8"))


def _load(model: type[BaseModel], path: str, changed: int) -> BaseModel:
    """Return what is kept at `path`, read once: a plan that was written again is read again."""
    newest = _newest(model, path)
    if changed not in newest:
        newest.clear()
        try:
            newest[changed] = model.model_validate_json(Path(path).read_bytes())
        except ValidationError:
            raise OutputError(f"{path}: not a plan of this version; run with --fresh") from None
    return newest[changed]


# A worker does many chunks of the same few tiles, and run after run: the plan of a tile of a
# hundred dates is megabytes.
@lru_cache(maxsize=16)
def _newest(model: type[BaseModel], path: str) -> dict[int, BaseModel]:
    """Return what `_load` has read last of a file, by time of change."""
    del model, path
    return {}
