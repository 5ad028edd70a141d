"""Where everything lies below an output directory: iota2's tree, and one hidden folder of ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sitsflow.request import MAP_NAME, Mosaic

COLLECTION = "_collection.json"
"""How the name of a STAC collection ends: the map's stands before it."""


@dataclass(frozen=True)
class OutputPaths:
    """The paths of one run, by meaning. Nothing is created by asking."""

    root: Path
    name: str = MAP_NAME
    """Of the map's file, without its ending; what a run's plan says."""
    mosaic: Mosaic = "file"
    """What the map of all tiles is; what a run's plan says."""

    @property
    def by_tiles(self) -> Path:
        """Folder of the maps of single tiles."""
        return self.root / "by_tiles"

    @property
    def chunks(self) -> Path:
        """Folder of the chunk files."""
        return self.root / "customF"

    @property
    def final(self) -> Path:
        """Folder of what the user asked for."""
        return self.root / "final"

    @property
    def logs(self) -> Path:
        """Folder of one text file a task."""
        return self.root / "logs"

    @property
    def state(self) -> Path:
        """Folder of the plan, the marker and the records of finished tasks."""
        return self.root / ".sitsflow"

    @property
    def marker(self) -> Path:
        """File by which a directory is known as a run's own, and what its run was asked."""
        return self.state / "run.json"

    @property
    def lock(self) -> Path:
        """File that a run at work has locked."""
        return self.state / "lock"

    @property
    def previous_run(self) -> Path:
        """Folder that keeps what an earlier run made until the new map is whole."""
        return self.root / "previous_run"

    @property
    def plan(self) -> Path:
        """The plan without its tiles."""
        return self.state / "plan.json"

    @property
    def code(self) -> Path:
        """Folder of the snapshot of the user's code, which jobs run."""
        return self.state / "code"

    @property
    def status(self) -> Path:
        """Readable table of all tasks."""
        return self.root / "IOTA2_tasks_status.txt"

    @property
    def map(self) -> Path:
        """The feature map of all tiles.

        Where a run makes none, that is a VRT in the hidden folder, for its pictures and its report.
        """
        if self.mosaic == "none":
            return self.state / "map.vrt"
        return self.final / f"{self.name}{'.vrt' if self.mosaic == 'vrt' else '.tif'}"

    @property
    def item(self) -> Path:
        """STAC item of the map."""
        return self.final / f"{self.name}.json"

    @property
    def collection(self) -> Path:
        """STAC collection of the maps of tiles."""
        return self.final / f"{self.name}{COLLECTION}"

    @property
    def description(self) -> Path:
        """What says of the map which bands it has, with their statistics, in STAC."""
        return self.collection if self.mosaic == "none" else self.item

    @property
    def quicklook(self) -> Path:
        """Picture of the map."""
        return self.final / "quicklook.png"

    @property
    def report(self) -> Path:
        """The run's report, a page for a browser."""
        return self.final / "report.html"

    @property
    def results(self) -> dict[str, Path]:
        """What readers look for after a run, by its name for them; only what is there."""
        places = {
            "map": self.map,
            "quicklook": self.quicklook,
            "report": self.report,
            "STAC item": self.item,
            "STAC collection": self.collection,
            "tile maps": self.by_tiles,
            "tasks": self.status,
            "logs": self.logs,
        }
        if self.mosaic == "none":
            del places["map"]
        return {name: path for name, path in places.items() if path.exists()}

    def tile_plan(self, tile: str) -> Path:
        """Return the path of one tile's part of the plan."""
        return self.state / f"plan_{tile}.json"

    def record(self, task: str) -> Path:
        """Return the path of what a finished task says of its result."""
        return self.state / "records" / f"{task}.json"

    def reads(self, tile: str) -> Path:
        """Return the folder of what each job of a tile read of its input files."""
        return self.state / "reads" / tile

    def tile_map(self, tile: str) -> Path:
        """Return the path of one tile's map."""
        return self.by_tiles / f"{tile}.tif"

    def tile_item(self, tile: str) -> Path:
        """Return the path of the STAC item of one tile's map."""
        return self.by_tiles / f"{tile}.json"

    def chunk(self, tile: str, index: int) -> Path:
        """Return the path of one chunk's file."""
        return self.chunks / f"{tile}_chunk_{index}.tif"

    def features(self, tile: str) -> Path:
        """Return the folder of a tile's masks, dates, reference grid and cubes."""
        return self.root / "features" / tile / "tmp"

    def common_mask(self, tile: str) -> Path:
        """Return the path of a tile's common mask; the vector lies beside it as .shp."""
        return self.features(tile) / "MaskCommunSL.tif"

    def of_series(self, tile: str, label: str, what: str) -> Path:
        """Return the path of a sensor's file for a tile, e.g. ``input_dates.txt``."""
        return self.features(tile) / f"{label}_{tile}_{what}"

    def log(self, *parts: str) -> Path:
        """Return the path of a task's log, e.g. ``log("CommonMasks", "common_mask_T31TCJ")``."""
        return self.logs.joinpath(*parts[:-1], f"{parts[-1]}.out")


def relative_way(path: Path, folder: Path) -> str:
    """Return the path of a file from a folder on, with forward slashes, wherever both lie."""
    # A folder of a run may be a link to another file system, which `..` would lead out of.
    target = path.parent.resolve() / path.name
    return Path(os.path.relpath(target, folder.resolve())).as_posix()
