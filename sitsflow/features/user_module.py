"""A user's own Python file: importing it and the modules beside it, apart from everything else."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import io
import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from sitsflow.errors import FunctionError
from sitsflow.features.labels import iota2_labels

log = logging.getLogger(__name__)

_loaded: dict[Path, UserCode] = {}


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


class UserCode:
    """A user's module, and those beside it which it imports.

    None of them can be seen by, or take the place of, a module of the same name elsewhere: a
    user's ``numpy.py`` or ``config.py`` is theirs alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside: dict[str, ModuleType] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}
        self.module = self._import()
        self._remember()

    @property
    def current(self) -> bool:
        """Whether the files are as they were when they were imported."""
        return all(_stamp(file) == stamp for file, stamp in self._stamps.items())

    @property
    def digest(self) -> str:
        """Digest of the source of the module and of those beside it imported so far."""
        files = sorted(self._stamps)
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()

    @contextmanager
    def importing(self, where: str) -> Iterator[None]:
        """Let code import modules beside the user's, and log what it prints; `where` is for it."""
        mine = _names(self._path)
        finder = _Beside(self._path.parent, mine)
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
            self._remember()
            for line in printed.getvalue().splitlines():
                log.info("%s printed: %s", where, line)

    def _remember(self) -> None:
        places = [getattr(module, "__file__", None) for module in self._beside.values()]
        for file in (self._path, *(Path(place) for place in places if place)):
            self._stamps.setdefault(file, _stamp(file))

    def _import(self) -> ModuleType:
        path = self._path
        name = f"sitsflow_user_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not path.is_file():
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
        except (Exception, SystemExit) as error:  # noqa: BLE001  (importing runs the user's code)
            frames = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
            place = f"{path}, line {line}" if line else str(path)
            raise FunctionError(f"{place}: {type(error).__name__}: {error}") from None
        return module


class _Beside:
    """Finder of the modules in a user's folder, by which they come before installed ones."""

    def __init__(self, folder: Path, names: set[str]) -> None:
        self._folder = str(folder)
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name not in self._names:
            return None
        # Its finder keeps the folder's listing: a module written just now would be overlooked.
        PathFinder.invalidate_caches()
        return PathFinder.find_spec(name, [self._folder], target)


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


def _stamp(file: Path) -> tuple[int, int]:
    try:
        about = file.stat()
    except OSError:
        return 0, 0
    return about.st_size, about.st_mtime_ns


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Leave no ``__pycache__`` in the user's folder: it would also hide a change made at once."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
