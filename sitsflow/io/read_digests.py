"""Which pixels a job reads of its input files: a digest of them, kept to be compared later."""

from __future__ import annotations

import gzip
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from sitsflow.geo.grid import Window
from sitsflow.io.record import write_whole


class PixelsRead(BaseModel):
    """What was read of one file: windows of bands, in order, and a digest of all their pixels.

    The digest is xxh3-128 of the decoded pixels, in the file's own type. A cryptographic one of
    them would cost 5 to 20 % of a chunk's CPU, and nobody forges satellite images.
    """

    model_config = ConfigDict(frozen=True)

    windows: tuple[tuple[tuple[int, ...], Window], ...]
    digest: str


class KeptRead(PixelsRead):
    """What was read of an input file, by its name in the plan, and which content it had then."""

    name: str
    content: str


_KEPT = TypeAdapter(tuple[KeptRead, ...])


class ReadDigests:
    """Digests of what is read, by file."""

    def __init__(self) -> None:
        self._windows: dict[Path, list[tuple[tuple[int, ...], Window]]] = defaultdict(list)
        self._digests: dict[Path, Any] = defaultdict(xxhash.xxh3_128)

    def add(
        self, path: Path, bands: Sequence[int], window: Window, values: NDArray[np.generic]
    ) -> None:
        """Take in the pixels of a window, (row, col) of one band or (band, row, col)."""
        self._windows[path].append((tuple(bands), window))
        self._digests[path].update(f"{values.dtype.str} {values.shape[-2:]} ".encode())
        self._digests[path].update(np.ascontiguousarray(values))

    def by_file(self) -> dict[Path, PixelsRead]:
        """Return what was read of each file until now."""
        return {
            path: PixelsRead(windows=tuple(windows), digest=self._digests[path].hexdigest())
            for path, windows in self._windows.items()
        }


_open: ContextVar[ReadDigests | None] = ContextVar("read digests", default=None)


@contextmanager
def digest_reads() -> Iterator[ReadDigests]:
    """Digest all that `sitsflow.io.read` reads in this thread, until the block ends."""
    digests = ReadDigests()
    token = _open.set(digests)
    try:
        yield digests
    finally:
        _open.reset(token)


def note_read(
    path: Path, bands: Sequence[int], window: Window, values: NDArray[np.generic]
) -> None:
    """Give pixels that were just read to the digests that are open, if any are."""
    digests = _open.get()
    if digests is not None:
        digests.add(path, bands, window, values)


def keep_reads(path: Path, reads: Sequence[KeptRead], contents: Mapping[str, str]) -> None:
    """Add what a job read to what is kept at `path` of its earlier reads.

    An earlier read stays as long as it says something of a content that a file may still have:
    a job that is done again with other windows does not make untrue what was read before. A
    damaged file is left as it is, and proves nothing (see `load_reads`).

    Parameters
    ----------
    contents : mapping of str to str
        Content that each input file has now, by name.
    """
    before = _load(path)
    if before is None:
        return
    new = {(read.name, read.windows) for read in reads}
    old = (
        read
        for read in before
        if (read.name, read.windows) not in new
        and contents.get(read.name, read.content) == read.content
    )
    write_whole(path, gzip.compress(_KEPT.dump_json((*old, *reads)), mtime=0))


def load_reads(folder: Path) -> dict[tuple[str, str], list[PixelsRead]]:
    """Return all that jobs with a file in `folder` read, by name and content of the input file.

    Nothing if one of these files is damaged: what is left would prove less than it seems to.
    """
    found: dict[tuple[str, str], list[PixelsRead]] = defaultdict(list)
    for path in sorted(folder.glob("*.json.gz")):
        reads = _load(path)
        if reads is None:
            return {}
        for read in reads:
            found[read.name, read.content].append(read)
    return found


def _load(path: Path) -> tuple[KeptRead, ...] | None:
    """Return what is kept at `path`, None if it is damaged."""
    if not path.exists():
        return ()
    try:
        return _KEPT.validate_json(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error, ValidationError):
        return None
