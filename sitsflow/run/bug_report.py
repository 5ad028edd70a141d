"""One archive of what explains a run: logs, plan, states, configuration; no pixels, no secrets."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sitsflow.errors import OutputError
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import load_plan
from sitsflow.run.information import all_packages, versions
from sitsflow.run.redaction import Redactor
from sitsflow.run.summary import require_marker

_FOLDER = "sitsflow-bugreport"  # in the archive
_LOG_BYTES = 2_000_000  # of a log, at its beginning and at its end; the rest is left out

_Source = tuple[str, Path, str]  # kind, file, name in the archive


@dataclass(frozen=True)
class BugReport:
    """What is in an archive: how many files of each kind, and how many secrets were masked."""

    path: Path
    files: dict[str, int] = field(default_factory=dict)
    unreadable: tuple[Path, ...] = ()
    masked: int = 0


def write_bug_report(output_path: Path, target: Path, *, with_code: bool = False) -> BugReport:
    """Pack what explains the last run in `output_path` into one zip file.

    Every text is masked: see `Redactor`.

    Parameters
    ----------
    output_path : Path
        Folder that a run made; a run may be at work in it.
    target : Path
        The zip file; must not exist.
    with_code : bool
        Whether the user's module, and the modules beside it that it imports, are packed too.

    Raises
    ------
    OutputError
        If no run made the folder, or `target` exists or cannot be written.
    """
    paths = OutputPaths(output_path.absolute())
    require_marker(paths)
    if target.exists():
        raise OutputError(f"{target} exists; choose another file with --to")
    redactor = Redactor()
    files: dict[str, int] = {}
    unreadable: list[Path] = []
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for kind, file, name in _sources(paths, with_code=with_code):
                try:
                    text, changed = _read(file), file.stat().st_mtime
                except OSError:
                    unreadable.append(file)
                    continue
                masked = redactor.json(text) if file.suffix == ".json" else redactor.text(text)
                _add(archive, redactor.text(name), masked, changed)
                files[kind] = files.get(kind, 0) + 1
            _add(archive, "versions.txt", "\n".join([*versions(), "", *all_packages(), ""]))
            files["versions of Python, GDAL and packages"] = 1
        part.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return BugReport(target, files, tuple(unreadable), redactor.masked)


def _sources(paths: OutputPaths, *, with_code: bool) -> Iterator[_Source]:
    found = [
        ("configuration", paths.logs / "run_informations.txt"),
        *(("logs", log) for log in sorted(paths.logs.rglob("*.out"))),
        *(("plan", plan) for plan in (paths.plan, *sorted(paths.state.glob("plan_*.json")))),
        ("states and records", paths.marker),
        ("states and records", paths.status),
        *(("states and records", file) for file in sorted(paths.state.glob("*/*.json"))),
    ]
    for kind, file in found:
        # A link may lead to anything.
        if file.is_file() and not file.is_symlink():
            yield kind, file, file.relative_to(paths.root).as_posix()
    if with_code:
        for name, file in _user_code(paths).items():
            yield "user code", file, f"code/{name}"


def _user_code(paths: OutputPaths) -> dict[str, Path]:
    """Return the files of the user's code, as the run had it, by their names in its snapshot."""
    try:
        code = load_plan(paths.root).code
    except OutputError:
        return {}  # the run ended before its plan was kept
    if code is None:
        return {}
    return {file.name: paths.code / code.digest / file.name for file in code.files}


def _read(file: Path) -> str:
    """Return a file's text; of a very long log only the beginning and the end, in whole lines."""
    size = file.stat().st_size
    if file.suffix != ".out" or size <= 2 * _LOG_BYTES:
        return file.read_text(encoding="utf-8", errors="replace")
    with file.open("rb") as stream:
        head = stream.read(_LOG_BYTES).rpartition(b"\n")[0]
        stream.seek(size - _LOG_BYTES)
        tail = stream.read().partition(b"\n")[2]
    left_out = f"\n... {size - len(head) - len(tail)} bytes left out ...\n"
    return left_out.join(part.decode("utf-8", errors="replace") for part in (head, tail))


def _add(archive: zipfile.ZipFile, name: str, text: str, changed: float | None = None) -> None:
    # Zip knows no year before 1980.
    when = max(time.localtime(changed)[:6], (1980, 1, 1, 0, 0, 0))
    entry = zipfile.ZipInfo(f"{_FOLDER}/{name}", when)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)
