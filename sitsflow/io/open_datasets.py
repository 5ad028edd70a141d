"""Datasets that stay open while parts of a chunk are read one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from rasterio.io import DatasetReader

from sitsflow.io.archives import file_on_disk

_MOST = 128
_Key = tuple[Path, tuple[str, ...]]


class _Kept(NamedTuple):
    identity: tuple[int, ...]
    dataset: DatasetReader


class OpenDatasets:
    """Datasets by path, closed at the end of the block; a file that was replaced is opened anew.

    Once as many are open as may be, others are opened each time: parts ask for the same files in
    the same order, and to close the longest unused ones would leave none that is asked for next.
    """

    def __init__(self) -> None:
        self._kept: dict[_Key, _Kept] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self._kept.values():
            one.dataset.close()
        self._kept.clear()

    @contextmanager
    def opened(
        self,
        path: Path,
        drivers: Sequence[str],
        opener: Callable[[Path, Sequence[str]], DatasetReader],
    ) -> Iterator[DatasetReader]:
        """Yield the dataset of a file, that no one else has meanwhile."""
        key, identity = (path, tuple(drivers)), _identity(path)
        # Out of the table while it is used: a dataset may not be read by two threads at once.
        kept = self._kept.pop(key, None)
        if kept is not None and kept.identity != identity:
            kept.dataset.close()
            kept = None
        dataset = opener(path, drivers) if kept is None else kept.dataset
        try:
            yield dataset
        except BaseException:
            dataset.close()
            raise
        if not (identity and self._keep(key, _Kept(identity, dataset))):
            dataset.close()

    def _keep(self, key: _Key, one: _Kept) -> bool:
        """Put a dataset into the table if there is room, and no other of its file in it."""
        with self._lock:
            has_room = key not in self._kept and len(self._kept) < _MOST
            if has_room:
                self._kept[key] = one
            return has_room


def _identity(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is replaced, nothing where it is not there."""
    try:
        status = file_on_disk(path).stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
