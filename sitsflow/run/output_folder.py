"""The output directory of a run: when it may be wiped, when it is resumed, and whose it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from sitsflow.errors import OutputError
from sitsflow.io.paths import OutputPaths
from sitsflow.io.record import half_written, write_whole
from sitsflow.io.write import temporary_folders
from sitsflow.plan import Plan, TilePlan, save_plan
from sitsflow.run.previous_run import discard, put_back, set_aside


class RunMarker(BaseModel):
    """What makes a directory ours: which configuration it serves, and whether it was finished."""

    version: str
    fingerprint: str
    started: datetime
    finished: datetime | None = None
    run: str = ""


@contextlib.contextmanager
def output_folder(
    plan: Plan, *, remove: bool = False, fresh: bool = False, run: str = ""
) -> Iterator[str]:
    """Hold the run's output directory, ready to be written, and say what was done to it.

    Parameters
    ----------
    remove : bool
        iota2's ``remove_output_path``: make all anew, and set aside what an earlier run left until
        `finish`. An unfinished run of the same configuration is resumed all the same.
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
    paths = plan.paths
    said = _decide(plan, remove=remove, fresh=fresh)
    with locked(paths):
        if said.anew:
            earlier = read_marker(paths)
            set_aside(paths, finished=earlier is not None and earlier.finished is not None)
        _clear_leftovers(paths)
        marker = RunMarker(
            version=plan.version,
            fingerprint=plan.fingerprint,
            started=datetime.now(UTC),
            run=run,
        )
        _write(paths, marker)
        try:
            yield said.sentence
        except BaseException:
            if said.anew and not any(paths.state.glob("records/*.json")):
                put_back(paths)
            raise
        _clear_leftovers(paths)  # of workers that were killed in this run


def check_output_folder(plan: Plan, *, remove: bool = False, fresh: bool = False) -> bool:
    """Refuse an output directory that `output_folder` would refuse, and leave it untouched.

    Returns
    -------
    bool
        Whether all would be made anew, whatever is there.

    Raises
    ------
    OutputError
        If the directory is not ours, is in use by another run, or holds an input.
    """
    decision = _decide(plan, remove=remove, fresh=fresh)
    if in_use(plan.paths):
        raise _used(plan.paths)
    return decision.anew


def finish(plan: Plan) -> None:
    """Mark the run as finished: all that it was asked for is there, and nothing earlier counts."""
    marker = read_marker(plan.paths)
    if marker is not None:
        _write(plan.paths, marker.model_copy(update={"finished": datetime.now(UTC)}))
    discard(plan.paths)


def keep_plan(plan: Plan, tiles: Mapping[str, TilePlan]) -> None:
    """Keep the plan of a run that has nothing to do, unless a run is at work in the folder.

    Input files with a new time of change need not be compared again then.
    """
    with contextlib.suppress(OutputError), locked(plan.paths):
        save_plan(plan, tiles)


def read_marker(paths: OutputPaths) -> RunMarker | None:
    """Return the marker of an output directory, None where it has none that can be read."""
    try:
        return RunMarker.model_validate_json(paths.marker.read_bytes())
    except (OSError, ValidationError):
        return None


def leftovers(paths: OutputPaths) -> list[Path]:
    """Return the files and folders that killed processes left half written, or empty.

    Only while no run is at work: they are where its processes write, too.
    """
    features = paths.root.glob("features/*/tmp")
    return [
        *temporary_folders(paths.by_tiles, paths.chunks, paths.final, paths.state, *features),
        *half_written(paths.state),
        *half_written(paths.logs),
        *paths.root.glob(f".{paths.status.name}.*"),
    ]


def _clear_leftovers(paths: OutputPaths) -> None:
    for left in leftovers(paths):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def in_use(paths: OutputPaths) -> bool:
    """Whether a run is at work in the directory."""
    try:
        handle = os.open(paths.lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


class _Decision(BaseModel):
    anew: bool
    sentence: str


def _decide(plan: Plan, *, remove: bool, fresh: bool) -> _Decision:
    """Decide what happens to the directory, without touching it."""
    paths, root = plan.paths, plan.paths.root
    if root.exists() and not root.is_dir():
        raise OutputError(f"{root} is a file; chain.output_path must be a directory")
    # The hidden folder alone: a first start that was killed half-way.
    if not root.exists() or not any(path for path in root.iterdir() if path != paths.state):
        return _Decision(anew=False, sentence="")
    # Without its own marker: killed after it had set the earlier run aside.
    known = paths.marker.exists() or OutputPaths(paths.previous_run).marker.exists()
    # Somebody removed the folder under a run at work, which went on to write in it.
    if not known and any(paths.state.glob("records/*.json")):
        sentence = f"taking over what a run left in {root}, whose folder was removed meanwhile"
        return _Decision(anew=False, sentence=sentence)
    if not known:
        raise OutputError(
            f"{root} holds files and no marker of an earlier run "
            f"({paths.marker.relative_to(root)}): it is left as it is; choose another "
            "chain.output_path, or empty it yourself"
        )
    marker = read_marker(paths)
    same = marker is not None and marker.fingerprint == plan.fingerprint
    if fresh:
        if plan.request.first_step != "init":
            raise OutputError(
                f"starting over needs chain.first_step: init, not {plan.request.first_step}, "
                f"which continues from what is in {root}"
            )
        _refuse_inputs(plan)
        return _Decision(
            anew=True,
            sentence=f"starting over: what an earlier run left in {root} is removed as soon as "
            "workers are there",
        )
    if plan.request.first_step != "init":
        return _Decision(anew=False, sentence=f"continuing from what an earlier run left in {root}")
    if same and marker is not None and marker.finished is None:
        sentence = f"resuming the unfinished run of the same configuration in {root}"
        return _Decision(anew=False, sentence=sentence)
    if remove:
        _refuse_inputs(plan)
        return _Decision(
            anew=True,
            sentence=f"remove_output_path: what an earlier run left in {root} is kept in "
            f"{paths.previous_run.name} until the new map is whole",
        )
    return _Decision(
        anew=False, sentence=f"keeping what is still valid of an earlier run in {root}"
    )


def _refuse_inputs(plan: Plan) -> None:
    """Refuse to wipe a directory that holds something the run reads."""
    request, root = plan.request, plan.paths.root.resolve()
    single = (request.module, request.exogenous, request.area_of_interest)
    inputs = [
        *(sensor.root for sensor in request.sensors),
        *(path for one in request.sensors if one.radar for path in one.radar.places),
        *request.sensor_folders,
        *(path for path in single if path is not None),
    ]
    for path in inputs:
        if path.resolve() == root or path.resolve().is_relative_to(root):
            raise OutputError(
                f"{root} would be wiped, but the input {path} lies in it; "
                "move the input, or choose another chain.output_path"
            )


@contextlib.contextmanager
def locked(paths: OutputPaths) -> Iterator[None]:
    """Hold the directory against a second run; the lock dies with the process.

    Raises
    ------
    OutputError
        If a run holds it.
    """
    try:
        paths.state.mkdir(parents=True, exist_ok=True)
        handle = os.open(paths.lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"cannot write in {paths.root}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _used(paths) from error
        yield
    finally:
        os.close(handle)


def _used(paths: OutputPaths) -> OutputError:
    return OutputError(f"another run is at work in {paths.root}; wait for its end")


def _write(paths: OutputPaths, marker: RunMarker) -> None:
    write_whole(paths.marker, json.dumps(marker.model_dump(mode="json"), indent=1))
