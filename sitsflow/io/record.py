"""What a finished task says of its work, and whether its files still are as it left them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class TaskRecord(BaseModel):
    """One finished task: what it made, what it cost, and what it noticed."""

    model_config = ConfigDict(frozen=True)

    task: str = Field(description="name of the job, e.g. write_features_T31TCJ_chunk_3")
    tile: str = Field(default="", description="empty for a task of all tiles")
    outputs: tuple[Path, ...] = Field(default=(), description="files it made, absolute")
    fingerprint: str = Field(default="", description="of all that these files depend on")
    late_inputs: tuple[Path, ...] = Field(
        default=(), description="files that were read, and that the fingerprint leaves out"
    )
    task_run: str = Field(default="", description="what its engine calls it, if one ran it")
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss_mb: float = Field(default=0.0, description="of the whole process, its highest ever")
    pixels: int = Field(default=0, description="pixels computed")
    nan_counts: dict[str, int] = Field(
        default_factory=dict, description="values a function left undefined, by band"
    )
    held_counts: dict[str, int] = Field(
        default_factory=dict,
        description="of `pixels`, those of which an index was held in its range on some date, by "
        "label of sensor and index",
    )
    valid_pixels: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description="of `pixels`, those no mask spoils, by sensor label and day (YYYYMMDD)",
    )
    warnings: tuple[str, ...] = ()


class _Kept(BaseModel):
    """A record on disk, with size and time of change of each output and of each late input.

    The paths of outputs are relative to `root`.
    """

    record: TaskRecord
    files: dict[str, tuple[int, int]]
    late: dict[Path, tuple[int, int]] = {}


def save_record(path: Path, record: TaskRecord, root: Path) -> None:
    """Keep `record` at `path`, whole or not at all, its outputs relative to the folder `root`.

    Raises
    ------
    OSError
        If an output or a late input is missing, or `path` cannot be written.
    """
    files = {os.path.relpath(output, root): _stamp(output) for output in record.outputs}
    late = {late: _stamp(late) for late in record.late_inputs}
    write_whole(path, _Kept(record=record, files=files, late=late).model_dump_json(indent=1))


def load_record(path: Path, root: Path) -> TaskRecord | None:
    """Return the record kept at `path`, None where there is none that can be read."""
    kept = _load(path)
    if kept is None:
        return None
    outputs = tuple(root / name for name in kept.files)
    return kept.record.model_copy(update={"outputs": outputs})


def is_current(path: Path, fingerprint: str, root: Path) -> bool:
    """Whether the task recorded at `path` need not run again.

    That is: it ended well, with the same `fingerprint`, and each file it made is still there
    below `root` with the size and time of change it had then, and so is each late input.
    """
    kept = _load(path)
    return (
        not _lack_of(kept, path, fingerprint, root)
        and kept is not None
        and not any(_lack(*one) for one in kept.late.items())
    )


def lack_of(path: Path, fingerprint: str, root: Path) -> str:
    """Say what is not there of the task recorded at `path` and the files that it made.

    Returns
    -------
    str
        The first file that is not there, or not as the record says, and how; empty if all are.
    """
    return _lack_of(_load(path), path, fingerprint, root)


def _lack_of(kept: _Kept | None, path: Path, fingerprint: str, root: Path) -> str:
    if kept is None:
        return f"{path} is not there"
    if kept.record.fingerprint != fingerprint:
        return f"{path} is of an earlier run"
    return next(filter(None, (_lack(root / name, one) for name, one in kept.files.items())), "")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a small file so that a reader sees the old or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process's number: that of another machine may have the same.
    part = path.with_name(f".{path.name}.{secrets.randbelow(10**12)}")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def half_written(folder: Path) -> Iterator[Path]:
    """Yield what killed processes left of small files, at any depth, while no run is at work."""
    for path in folder.rglob(".*"):
        if path.suffix[1:].isdigit() and path.is_file():
            yield path


def _load(path: Path) -> _Kept | None:
    try:
        return _Kept.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None


def _lack(path: Path, wanted: tuple[int, int]) -> str:
    try:
        found = _stamp(path)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        return f"{path} is not there" if missing else f"{path}: {error.strerror}"
    if found[0] != wanted[0]:
        return f"{path} has {found[0]} bytes, and had {wanted[0]} when it was written"
    return "" if found == wanted else f"{path} was changed since it was written"


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns
