"""A folder that several machines share, each of which sees late what the others do.

Each machine has a view, a folder of its own. What happens in one view is done in the others some
seconds later, as with clients of NFS that keep names and attributes for a while. Files appear
whole, with their times of change.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import random
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_LOOK_SECONDS = 0.05
_FOLDER = (-1, -1, -1)

State = tuple[int, int, int]
"""Size, time of change and number of a file."""


class Change(NamedTuple):
    """A change in one view that another one does not show yet."""

    due: float
    number: int
    source: Path
    target: Path
    name: str
    gone: bool


class LateFolder:
    """Carries changes between views until the block ends.

    Parameters
    ----------
    views : mapping of Path to (float, float)
        The views, and the shortest and longest time after which others show what is done there.
    """

    def __init__(
        self, views: Mapping[Path, tuple[float, float]], rng: random.Random, staging: Path
    ) -> None:
        self._delays, self._rng, self._staging = dict(views), rng, staging
        self._known: dict[Path, dict[str, State]] = {view: {} for view in views}
        self._changed: dict[tuple[Path, str], int] = {}
        self._due: list[Change] = []
        self._latest = dict.fromkeys(views, 0.0)
        self._number = 0
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._work, name="late folder")
        self.late = 0
        """Files that were shown late, until now."""

    def __enter__(self) -> LateFolder:
        for view in self._known:
            view.mkdir(parents=True)
        self._staging.mkdir()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def settled(self) -> bool:
        """Whether all views show the same."""
        names = [{name: state[:2] for name, state in _look(view).items()} for view in self._known]
        return all(one == names[0] for one in names)

    def _work(self) -> None:
        while not self._left.wait(_LOOK_SECONDS):
            for view in self._known:
                self._note(view)
            now = time.monotonic()
            while self._due and self._due[0].due <= now:
                self._show(heapq.heappop(self._due))

    def _note(self, view: Path) -> None:
        """Note what was done in a view since the last look."""
        known, found = self._known[view], _look(view)
        self._known[view] = found
        new = sorted(name for name, state in found.items() if known.get(name) != state)
        gone = sorted(known.keys() - found.keys(), reverse=True)
        due = time.monotonic() + self._rng.uniform(*self._delays[view])
        # A folder is there before the files in it.
        due = self._latest[view] = max(due, self._latest[view])
        for name in (*new, *gone):
            self._number += 1
            self._changed[view, name] = self._number
            for other in self._known:
                if other != view:
                    change = Change(due, self._number, view, other, name, name not in found)
                    heapq.heappush(self._due, change)

    def _show(self, change: Change) -> None:
        """Do in a view what was done in another one, unless something newer was done there."""
        if self._changed.get((change.target, change.name), 0) > change.number:
            return
        known, path = self._known[change.target], change.target / change.name
        # Whatever is not as it was there or here a moment ago comes with a later change.
        with contextlib.suppress(OSError):
            if change.gone:
                known.pop(change.name, None)
                path.rmdir() if path.is_dir() else path.unlink()
                return
            source = change.source / change.name
            if source.is_dir():
                path.mkdir(exist_ok=True)
                known[change.name] = _FOLDER
                return
            staged = self._staging / str(change.number)
            shutil.copy2(source, staged)
            staged.replace(path)
            known[change.name] = _state(path)
            self.late += 1


def _look(view: Path) -> dict[str, State]:
    return dict(_entries(view, view))


def _entries(folder: Path, view: Path) -> Iterator[tuple[str, State]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            name = path.relative_to(view).as_posix()
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir():
                    yield name, _FOLDER
                    yield from _entries(path, view)
                else:
                    yield name, _state(path)


def _state(path: Path) -> State:
    about = path.stat()
    return about.st_size, about.st_mtime_ns, about.st_ino
