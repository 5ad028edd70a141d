"""The output directory of a run: when it may be wiped, when it is resumed, and whose it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from sitsflow.errors import OutputError
from sitsflow.plan import Plan
from sitsflow.record import write_whole
from sitsflow.tree import Tree
from sitsflow.write import clear_leftovers


class Marker(BaseModel):
    """What makes a directory ours: which configuration it serves, and whether it was finished."""

    version: str
    fingerprint: str
    started: datetime
    finished: datetime | None = None
    run: str = ""


@contextlib.contextmanager
def workspace(
    plan: Plan, *, remove: bool = False, fresh: bool = False, run: str = ""
) -> Iterator[str]:
    """Hold the run's output directory, ready to be written, and say what was done to it.

    Parameters
    ----------
    remove : bool
        iota2's ``remove_output_path``: start from an empty directory. An unfinished run of the
        same configuration is resumed all the same.
    fresh : bool
        Start over in any case.
    run : str
        Identifier of the run, kept in the marker.

    Yields
    ------
    str
        A sentence for the log, empty for a new directory.

    Raises
    ------
    OutputError
        If the directory is not ours, is in use by another run, or holds an input.
    """
    tree = plan.tree
    said = _open(plan, remove=remove, fresh=fresh)
    with locked(tree):
        if said.wipe:
            _wipe(tree)
        clear_leftovers(*written_folders(tree))
        marker = Marker(
            version=plan.version,
            fingerprint=plan.fingerprint,
            started=datetime.now(UTC),
            run=run,
        )
        _write(tree, marker)
        yield said.sentence


def refuse_foreign(plan: Plan, *, remove: bool = False, fresh: bool = False) -> None:
    """Refuse an output directory that `workspace` would refuse, and leave it untouched.

    Raises
    ------
    OutputError
        If the directory is not ours, or holds an input.
    """
    _open(plan, remove=remove, fresh=fresh)


def finish(plan: Plan) -> None:
    """Mark the run as finished: all that it was asked for is there."""
    marker = read_marker(plan.tree)
    if marker is not None:
        _write(plan.tree, marker.model_copy(update={"finished": datetime.now(UTC)}))


def read_marker(tree: Tree) -> Marker | None:
    """Return the marker of an output directory, None where it has none that can be read."""
    try:
        return Marker.model_validate_json(tree.marker.read_bytes())
    except (OSError, ValidationError):
        return None


def written_folders(tree: Tree) -> list[Path]:
    """Return the folders that a run writes rasters to."""
    return [tree.by_tiles, tree.chunks, tree.final, *sorted(tree.root.glob("features/*/tmp"))]


def in_use(tree: Tree) -> bool:
    """Whether a run is at work in the directory."""
    try:
        handle = os.open(_lock_path(tree), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


class _Opening(BaseModel):
    wipe: bool
    sentence: str


def _open(plan: Plan, *, remove: bool, fresh: bool) -> _Opening:
    """Decide what happens to the directory, without touching it."""
    tree, root = plan.tree, plan.tree.root
    if root.exists() and not root.is_dir():
        raise OutputError(f"{root} is a file; chain.output_path must be a directory")
    # The hidden folder alone: a wipe, or a first start, that was killed half-way.
    if not root.exists() or not any(path for path in root.iterdir() if path != tree.state):
        return _Opening(wipe=False, sentence="")
    if not tree.marker.exists():
        raise OutputError(
            f"{root} holds files and no marker of a former run ({tree.marker.relative_to(root)}): "
            "it is left as it is; choose another chain.output_path, or empty it yourself"
        )
    marker = read_marker(tree)
    same = marker is not None and marker.fingerprint == plan.fingerprint
    if fresh:
        if plan.request.first_step != "init":
            raise OutputError(
                f"starting over needs chain.first_step: init, not {plan.request.first_step}, "
                f"which goes on from what is in {root}"
            )
        _refuse_inputs(plan)
        return _Opening(wipe=True, sentence=f"starting over: what a former run left in {root} goes")
    if plan.request.first_step != "init":
        return _Opening(wipe=False, sentence=f"going on from what a former run left in {root}")
    if same and marker is not None and marker.finished is None:
        sentence = f"resuming the unfinished run of the same configuration in {root}"
        return _Opening(wipe=False, sentence=sentence)
    if remove:
        _refuse_inputs(plan)
        return _Opening(wipe=True, sentence=f"remove_output_path: a former run in {root} goes")
    return _Opening(wipe=False, sentence=f"keeping what still holds of a former run in {root}")


def _refuse_inputs(plan: Plan) -> None:
    """Refuse to wipe a directory that holds something the run reads."""
    request, root = plan.request, plan.tree.root.resolve()
    single = (request.module, request.exogenous, request.area_of_interest)
    inputs = [
        *(sensor.root for sensor in request.sensors),
        *request.sensor_folders,
        *(path for path in single if path is not None),
    ]
    for path in inputs:
        if path.resolve() == root or path.resolve().is_relative_to(root):
            raise OutputError(
                f"{root} would be wiped, but the input {path} lies in it; "
                "move the input, or choose another chain.output_path"
            )


def _wipe(tree: Tree) -> None:
    """Remove what runs write, and nothing else that somebody may have put beside it."""
    lock = _lock_path(tree)
    for folder in (tree.by_tiles, tree.chunks, tree.root / "features", tree.final, tree.logs):
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
    tree.status.unlink(missing_ok=True)
    for entry in sorted(tree.state.iterdir()):
        if entry == lock:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextlib.contextmanager
def locked(tree: Tree) -> Iterator[None]:
    """Hold the directory against a second run; the lock dies with the process.

    Raises
    ------
    OutputError
        If a run holds it.
    """
    try:
        tree.state.mkdir(parents=True, exist_ok=True)
        handle = os.open(_lock_path(tree), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"cannot write in {tree.root}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"another run is at work in {tree.root}; wait for its end") from error
        yield
    finally:
        os.close(handle)


def _lock_path(tree: Tree) -> Path:
    return tree.state / "lock"


def _write(tree: Tree, marker: Marker) -> None:
    write_whole(tree.marker, json.dumps(marker.model_dump(mode="json"), indent=1))
