"""A user's own Python file: importing it and the modules beside it, apart from everything else."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import inspect
import io
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from sitsflow.errors import FunctionError
from sitsflow.features.labels import iota2_labels
from sitsflow.features.user_import import FinderBeside, Sources
from sitsflow.io.code_snapshot import CodeSnapshot, PublicFunction, digest_code, read_code

log = logging.getLogger(__name__)

_loaded: dict[Path, UserCode] = {}
_snapshots: dict[tuple[str, Path, Path], UserCode] = {}
_MOST_SNAPSHOTS = 8  # of several runs on one cluster


def load_user_code(path: Path) -> UserCode:
    """Return the module at `path`, imported once a process for as long as its files do not change.

    Raises
    ------
    FunctionError
        If it does not import.
    """
    known = _loaded.get(path)
    if known is None or not known.current:
        # Importing may leave compiled functions behind, which cost seconds: never once a chunk.
        _loaded[path] = known = UserCode(path)
    return known


def load_snapshot(code: CodeSnapshot, folder: Path) -> UserCode:
    """Return the module of a snapshot, imported once a process; its files are not looked at.

    Parameters
    ----------
    folder : Path
        Where `keep_code` wrote it. Not needed while the snapshot has its contents.

    Raises
    ------
    FunctionError
        If it does not import.
    OutputError
        If the snapshot is gone or was changed.
    """
    key = (code.digest, code.path, folder)  # a copy of a module may have other files beside it
    known = _snapshots.get(key)
    if known is None:
        whole = code if code.contents else read_code(code, folder)
        place = folder / code.digest
        known = UserCode(code.path, whole, place if place.is_dir() else None)
        while len(_snapshots) >= _MOST_SNAPSHOTS:
            del _snapshots[next(iter(_snapshots))]
        _snapshots[key] = known
    return known


class UserCode:
    """A user's module, and those beside it which it imports.

    None of them can be seen by, or take the place of, a module of the same name elsewhere: a
    user's ``numpy.py`` or ``config.py`` is theirs alone.
    """

    def __init__(
        self, path: Path, snapshot: CodeSnapshot | None = None, folder: Path | None = None
    ) -> None:
        self._path = path
        self._beside: dict[str, ModuleType] = {}
        self._sources = Sources(path, snapshot, folder)
        self.module = self._import()

    @property
    def current(self) -> bool:
        """Whether the files are as they were when they were imported."""
        return self._sources.current

    def snapshot(self) -> CodeSnapshot:
        """Return the module and those beside it imported so far, as they were then."""
        files, contents = tuple(self._sources.files.values()), dict(self._sources.contents)
        return CodeSnapshot(
            files=files,
            digest=digest_code(files, contents),
            beside=tuple(sorted(self._names())),
            functions=tuple(public_functions(self.module)),
            contents=contents,
        )

    def line(self, place: str, number: int | None) -> str | None:
        """Return a line of one of its files as it was when it was imported."""
        return self._sources.line(place, number)

    @contextmanager
    def importing(self, where: str) -> Iterator[None]:
        """Let code import modules beside the user's, and log what it prints; `where` is for it."""
        mine = self._names()
        finder = FinderBeside(self._sources, mine)
        foreign = _taken_out(mine, self._path.parent)
        before = {name for name in sys.modules if _top(name) in mine}
        sys.modules.update(self._beside)
        sys.meta_path.insert(0, finder)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed), iota2_labels(), _no_bytecode():
                yield
        finally:
            sys.meta_path.remove(finder)
            for name in [n for n in sys.modules if _top(n) in mine and n not in before]:
                self._beside[name] = sys.modules.pop(name)
            sys.modules.update(foreign)
            for line in printed.getvalue().splitlines():
                log.info("%s printed: %s", where, line)

    def _names(self) -> set[str]:
        known = self._sources.snapshot
        return _names(self._path) if known is None else set(known.beside)

    def _import(self) -> ModuleType:
        path = self._path
        try:
            self._sources.add("", path)
        except OSError:
            raise FunctionError(f"{path}: not a Python file") from None
        known = self._sources.snapshot
        whose = hashlib.sha256(f"{path}{known.digest if known else ''}".encode()).hexdigest()
        name = f"sitsflow_user_{whose[:8]}"
        spec = self._sources.spec("", name)
        if spec is None or spec.loader is None:
            raise FunctionError(f"{path}: not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up there
        try:
            with self.importing(str(path)):
                spec.loader.exec_module(module)
        except SyntaxError as error:
            raise FunctionError(
                f"{error.filename}, line {error.lineno}: {error.msg}\n"
                f"    {(error.text or '').strip()}"
            ) from None
        except BaseException as error:
            if is_interruption(error):
                raise
            frames = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
            place = f"{path}, line {line}" if line else str(path)
            raise FunctionError(f"{place}: {type(error).__name__}: {error}") from None
        return module


def is_interruption(error: BaseException) -> bool:
    """Whether an error of the user's code is Ctrl-C; only the main thread is interrupted by it.

    An exception that is no `Exception` would end more than its job: it passes all handlers.
    """
    main = threading.current_thread() is threading.main_thread()
    return isinstance(error, KeyboardInterrupt) and main


def public_functions(module: ModuleType) -> Iterator[PublicFunction]:
    """Yield the functions that a module defines, in its order."""
    for name, value in vars(module).items():
        own = inspect.isfunction(value) and value.__module__ == module.__name__
        if own and not name.startswith("_"):
            about = (inspect.getdoc(value) or "").partition("\n")[0]
            yield PublicFunction(name=name, about=about)


def _names(path: Path) -> set[str]:
    """Return the modules and packages beside a user's module, by name; not its own name."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    found = set()
    for entry in path.parent.iterdir():
        name = entry.name.partition(".")[0]
        if name.isidentifier() and (entry.name.endswith(suffixes) or _is_package(entry)):
            found.add(name)
    return found - {path.stem}


def _is_package(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("*.py"))


def _taken_out(names: set[str], folder: Path) -> dict[str, ModuleType]:
    """Take modules that only share a name with the user's out of `sys.modules`; return them.

    What was loaded from the user's folder by others, as when it is the folder of this very
    program, stays: a second copy of a module would not know the first one's classes.
    """
    shared = {
        name
        for name in names
        if name in sys.modules and not _lies_in(sys.modules[name], folder)
    }  # fmt: skip
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _top(name) in shared}


def _lies_in(module: ModuleType, folder: Path) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(Path(place).is_relative_to(folder) for place in places if place)


def _top(name: str) -> str:
    return name.partition(".")[0]


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Leave no ``__pycache__`` in the user's folder: it would also hide a change made at once."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
