"""The files of an earlier run in an output folder: set aside for a new map, put back, removed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

from sitsflow.errors import OutputError
from sitsflow.io.paths import COLLECTION, OutputPaths
from sitsflow.io.record import load_record
from sitsflow.io.write import SIDECARS
from sitsflow.plan import Plan, load_plan, load_tile
from sitsflow.request import Mosaic
from sitsflow.run.jobs import Job


def written_files(paths: OutputPaths) -> list[Path]:
    """Return the files that runs wrote in an output folder, those of its hidden folder last.

    They are known by the records of finished tasks, by the plan (chunks and maps whose task was
    killed before its record), and by their place. Whatever else lies there is somebody else's.
    """
    found = [*_recorded(paths), *_planned(paths)]
    found += [paths.map, paths.item, paths.quicklook, paths.report, paths.status]
    found += [made.with_name(made.name + ending) for made in found for ending in SIDECARS]
    found += paths.logs.rglob("*.out")
    found += paths.logs.glob("run_informations.txt")
    state = [path for path in paths.state.rglob("*") if path != paths.lock]
    # The marker is the last: with it, what was set aside is whole.
    found += sorted(state, key=lambda path: path == paths.marker)
    return [path for path in dict.fromkeys(found) if path.is_symlink() or path.is_file()]


def set_aside(paths: OutputPaths, *, finished: bool) -> None:
    """Move what an earlier run wrote to the folder `previous_run`.

    Where an unfinished attempt at a new map lies before a map that was set aside already, the
    attempt is removed, and the map stays. The folders stay too, though empty: another machine may
    still see the earlier ones, and write into them what a new one of the same name would not have.

    Parameters
    ----------
    finished : bool
        Whether the run whose files lie in the folder was finished.
    """
    aside = OutputPaths(paths.previous_run)
    if aside.marker.exists():
        if not finished:
            for path in written_files(paths):
                path.unlink()
            return
        discard(paths)
    _move(written_files(paths), aside.root, source=paths.root)


def put_back(paths: OutputPaths) -> None:
    """Undo `set_aside`: the new run made nothing."""
    if not paths.previous_run.exists():
        return
    _remove(paths)
    aside = OutputPaths(paths.previous_run)
    # The marker first: what is still there after a kill is no whole run that could replace another.
    files = sorted(_files(aside.root), key=lambda path: path != aside.marker)
    _move(files, paths.root, source=aside.root)
    _remove_empty(files, aside.root)
    with contextlib.suppress(OSError):
        aside.root.rmdir()


def discard(paths: OutputPaths) -> None:
    """Remove what was set aside."""
    if paths.previous_run.exists():
        shutil.rmtree(paths.previous_run)


def map_before(paths: OutputPaths) -> Path:
    """Return where the map of the run that was set aside lies, if it does."""
    aside = OutputPaths(paths.previous_run)
    with contextlib.suppress(OutputError, OSError):
        aside = load_plan(aside.root).paths
    return aside.by_tiles if aside.mosaic == "none" else aside.map


def remove_other_maps(plan: Plan, made: Collection[Path]) -> None:
    """Remove what the last mosaic left and does not hold any more, now that `made` is there.

    A VRT of tiles that are made again, or a file beside it, would tell of other pixels, and a
    collection of items that are gone. A map of another name stays if it is a file of its own, and
    so does whatever no run recorded.
    """
    names = [replace(plan.paths, mosaic=form).map for form in get_args(Mosaic)]
    names += [plan.paths.item, plan.paths.collection]
    last = load_record(Job("mosaic").record(plan.paths), plan.paths.root)
    outputs = () if last is None else last.outputs
    folders = {plan.paths.by_tiles}
    if any(path.name.endswith(COLLECTION) for path in outputs):  # all of it leads to tiles
        folders.add(plan.paths.final)
    for path in outputs:
        if path in made or (path not in names and path.parent not in folders):
            continue
        for ending in ("", *SIDECARS):
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _recorded(paths: OutputPaths) -> Iterator[Path]:
    for record in (paths.state / "records").glob("*.json"):
        if kept := load_record(record, paths.root):
            yield from kept.outputs


def _planned(paths: OutputPaths) -> Iterator[Path]:
    with contextlib.suppress(OutputError, OSError):
        plan = load_plan(paths.root)
        yield from (plan.paths.map, plan.paths.item, plan.paths.collection)
        for tile in plan.tile_names:
            yield from (paths.tile_map(tile), paths.tile_item(tile))
            for index in range(len(load_tile(paths.root, tile).chunks)):
                yield paths.chunk(tile, index)


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_symlink() or path.is_file()]


def _remove(paths: OutputPaths) -> None:
    files = written_files(paths)
    for path in files:
        path.unlink()
    _remove_empty(files, paths.root)


def _move(files: list[Path], target: Path, *, source: Path) -> None:
    for path in files:
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, to)  # a folder may be a link to another file system


def _remove_empty(files: Iterable[Path], root: Path) -> None:
    """Remove the folders below `root` that held `files`, as far as they are empty now."""
    folders = {folder for path in files for folder in path.relative_to(root).parents}
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        with contextlib.suppress(OSError):  # not empty, a link, or gone
            if folder.parts:
                (root / folder).rmdir()
