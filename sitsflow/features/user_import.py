"""Importing a user's modules: from their files, whose bytes are kept, or from a snapshot."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from sitsflow.io.code_snapshot import CodeFile, CodeSnapshot

Stamp = tuple[int, int]
_SOURCE = tuple(importlib.machinery.SOURCE_SUFFIXES)


class Sources:
    """The files of a user's modules, each read once: the bytes that run are those that are kept.

    Parameters
    ----------
    path : Path
        The user's module.
    snapshot : CodeSnapshot, optional
        Where the bytes come from, and no others; by default from the files themselves.
    folder : Path, optional
        Where the snapshot's files lie: compiled modules can only be loaded from a file.
    """

    def __init__(
        self, path: Path, snapshot: CodeSnapshot | None = None, folder: Path | None = None
    ) -> None:
        self.path = path
        self.snapshot = snapshot
        self._folder = folder
        self.files: dict[str, CodeFile] = {}
        self.contents: dict[str, bytes] = {}
        self._stamps: dict[Path, Stamp] = {}
        if snapshot is not None:
            self.files = {file.module: file for file in snapshot.files}
            self.contents = dict(snapshot.contents)

    @property
    def current(self) -> bool:
        """Whether the files are as they were when they were read."""
        return all(_stamp(file) == stamp for file, stamp in self._stamps.items())

    def add(self, module: str, origin: Path) -> None:
        """Read a file, unless it is there: a module that is imported again is still the same."""
        if module in self.files:
            return
        stamp = _stamp(origin)
        content = origin.read_bytes()
        folder = self.path.parent
        # A package may look for its modules elsewhere.
        inside = origin.is_relative_to(folder)
        name = origin.relative_to(folder).as_posix() if inside else f"{module}{origin.suffix}"
        self.files[module] = CodeFile(module=module, origin=origin, name=name)
        self.contents[name] = content
        self._stamps[origin] = stamp

    def spec(self, module: str, name: str) -> ModuleSpec | None:
        """Return how the file of `module`, which is known, is loaded as `name`."""
        file = self.files[module]
        if file.name.endswith(_SOURCE):
            loader = _Loader(name, file.origin, self.contents[file.name])
            return importlib.util.spec_from_file_location(name, file.origin, loader=loader)
        place = file.origin if self._folder is None else self._folder / file.name
        return importlib.util.spec_from_file_location(name, place)

    def line(self, place: str, number: int | None) -> str | None:
        """Return a line, from 1, of the file that was read at `place`, None where there is none."""
        for file in self.files.values():
            if str(file.origin) == place and file.name.endswith(_SOURCE):
                lines = importlib.util.decode_source(self.contents[file.name]).splitlines()
                if number is not None and 1 <= number <= len(lines):
                    return lines[number - 1].strip()
        return None


class _Loader(SourceFileLoader):
    """Runs bytes in the name of the file they were read from: `__file__` and tracebacks are its."""

    def __init__(self, name: str, origin: Path, content: bytes) -> None:
        super().__init__(name, str(origin))
        self._content = content

    def get_data(self, path: str) -> bytes:
        """Return the bytes of the module; of any other file, those on disk."""
        return self._content if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> CodeType:
        """Compile the bytes, past any ``__pycache__``: it may hold other code."""
        return compile(self._content, self.path, "exec", dont_inherit=True)


class FinderBeside:
    """Finder of the modules in a user's folder, by which they come before installed ones."""

    def __init__(self, sources: Sources, names: set[str]) -> None:
        self._sources = sources
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module beside the user's, or in a package beside it."""
        if name.partition(".")[0] not in self._names:
            return None
        if self._sources.snapshot is not None:
            return self._in_snapshot(name, path)
        # Its finder keeps the folder's listing: a module written just now would be overlooked.
        PathFinder.invalidate_caches()
        folder = str(self._sources.path.parent)
        spec = PathFinder.find_spec(name, [folder] if path is None else path, target)
        if spec is None or not spec.has_location or spec.origin is None:
            return spec
        self._sources.add(name, Path(spec.origin))
        return self._sources.spec(name, name)

    def _in_snapshot(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        files = self._sources.files
        if name in files:
            return self._sources.spec(name, name)
        parts = name.split(".")
        if any(module.startswith(f"{name}.") for module in files):  # a folder without __init__.py
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [str(self._sources.path.parent.joinpath(*parts))]
            return spec
        if path is not None and not any(module.startswith(f"{parts[0]}.") for module in files):
            return None  # in a package of that name that is not the user's
        raise ModuleNotFoundError(
            f"{name} was not imported when the functions were tried, so the run has no copy of "
            f"it: import it at the top of {self._sources.path}",
            name=name,
        )


def _stamp(file: Path) -> Stamp:
    try:
        about = file.stat()
    except OSError:
        return 0, 0
    return about.st_size, about.st_mtime_ns
