"""Products packed as agencies deliver them."""

from __future__ import annotations

import zipfile
from pathlib import Path

_WHEN = (2020, 1, 1, 0, 0, 0)
"""Of all files: archives of the same pixels are the same bytes."""


def pack(folder: Path, name: str, path: Path) -> None:
    """Pack what a folder holds into a zip archive, below a folder called `name`.

    The archive has its name when it is whole.
    """
    part = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(part, "w") as archive:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            member = zipfile.ZipInfo(f"{name}/{file.relative_to(folder).as_posix()}", _WHEN)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, file.read_bytes(), compresslevel=1)
    part.rename(path)
