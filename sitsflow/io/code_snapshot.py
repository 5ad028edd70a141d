"""The user's code as it was when a run was planned: what its jobs run, whatever is edited since."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from sitsflow.errors import OutputError
from sitsflow.io.record import write_whole


class CodeFile(BaseModel):
    """One file of the user's code."""

    model_config = ConfigDict(frozen=True)

    module: str = Field(description="name by which it is imported, empty for the user's module")
    origin: Path = Field(description="where it was read, absolute")
    name: str = Field(description="path in the snapshot's folder")


class PublicFunction(BaseModel):
    """A function that the user's module defines."""

    model_config = ConfigDict(frozen=True)

    name: str
    about: str = Field(description="first line of its docstring")


class CodeSnapshot(BaseModel):
    """The user's module, the modules beside it that it imports, and what is in these files.

    `contents` are bytes by `CodeFile.name`. They are kept as files, not in the JSON of a plan.
    """

    model_config = ConfigDict(frozen=True)

    files: tuple[CodeFile, ...]
    digest: str = Field(description="of the names and the contents of all files")
    beside: tuple[str, ...] = Field(
        default=(), description="names of the modules beside the user's, imported or not"
    )
    functions: tuple[PublicFunction, ...] = ()
    contents: dict[str, bytes] = Field(default_factory=dict, exclude=True, repr=False)

    @property
    def path(self) -> Path:
        """Where the user's module was read."""
        return self.files[0].origin


def digest_code(files: Iterable[CodeFile], contents: Mapping[str, bytes]) -> str:
    """Return what changes with any of the files, wherever they lie."""
    state = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.module):
        code = contents[file.name]
        state.update(f"{file.module}\0{len(code)}\0".encode())
        state.update(code)
    return state.hexdigest()


def keep_code(code: CodeSnapshot, folder: Path) -> None:
    """Write the files of a snapshot to a folder named after its digest; remove older snapshots.

    Call it while the output folder is locked: no job may be using an older one.
    """
    target = folder / code.digest
    for name, content in code.contents.items():
        if not (target / name).is_file() or (target / name).read_bytes() != content:
            write_whole(target / name, content)
    with suppress(OSError):
        for other in folder.iterdir():
            if other != target:
                shutil.rmtree(other)


def read_code(code: CodeSnapshot, folder: Path) -> CodeSnapshot:
    """Return a snapshot with its contents, which `keep_code` wrote to `folder`.

    Raises
    ------
    OutputError
        If a file is gone or was changed.
    """
    target = folder / code.digest
    try:
        contents = {file.name: (target / file.name).read_bytes() for file in code.files}
    except OSError as error:
        raise OutputError(f"{error.filename}: the run's copy of the user's code is gone") from error
    if digest_code(code.files, contents) != code.digest:
        raise OutputError(
            f"{target}: the run's copy of the user's code was changed; edit {code.path} instead, "
            "and run again"
        )
    return code.model_copy(update={"contents": contents})
