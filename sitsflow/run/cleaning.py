"""Removing what a run needs no more: chunks that are merged, and leftovers of killed processes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from sitsflow.errors import OutputError
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import load_plan, load_tile
from sitsflow.run.jobs import Job, is_done
from sitsflow.run.output_folder import in_use, leftovers, locked
from sitsflow.run.summary import require_marker


@dataclass(frozen=True)
class Temporary:
    """Temporary files and folders of a run by path, with their size in bytes."""

    files: dict[Path, int] = field(default_factory=dict)
    kept: int = 0
    """Chunks that are left alone: their tile has no map yet."""


def temporary(output_path: Path, *, unmerged: bool = False) -> Temporary:
    """Return what may be removed from a run's folder; nothing is touched.

    Parameters
    ----------
    output_path : Path
        Folder of a run that is not under way.
    unmerged : bool
        Take chunks of tiles without a map too: a resumed run computes them again.

    Raises
    ------
    OutputError
        If no run made the folder, or one is at work in it.
    """
    paths = OutputPaths(output_path.absolute())
    require_marker(paths)
    if in_use(paths):
        raise OutputError(f"a run is at work in {paths.root}; wait for its end")
    plan = load_plan(paths.root)
    tiles = {name: load_tile(paths.root, name) for name in plan.tile_names}
    merged = {name for name in tiles if is_done(Job("merge_tile", name), plan, tiles)}
    needed = {
        paths.chunk(name, index)
        for name, tile in tiles.items()
        if name not in merged and not unmerged
        for index in range(len(tile.chunks))
    }
    chunks = set(paths.chunks.glob("*_chunk_*.tif"))
    found = [*chunks - needed, *leftovers(paths)]
    return Temporary({path: _size(path) for path in sorted(found)}, len(chunks & needed))


def remove(output_path: Path, found: Temporary) -> None:
    """Remove what `temporary` found, unless a run has begun since.

    Raises
    ------
    OutputError
        If a run is at work in the folder.
    """
    paths = OutputPaths(output_path.absolute())
    with locked(paths):
        for path in found.files:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(part.lstat().st_size for part in path.rglob("*") if not part.is_dir())
    return path.lstat().st_size
