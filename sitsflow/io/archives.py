"""Files in zip archives: their paths go on below the archive's, as if it were a folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


def file_on_disk(path: Path) -> Path:
    """Return the file that holds what a path stands for: itself, or its archive."""
    return _archive(path.parent) or path


def gdal_name(path: Path) -> str:
    """Return the name by which GDAL opens a path (https://gdal.org/user/virtual_file_systems.html).

    Within braces an archive may have any name.
    """
    archive = _archive(path.parent)
    if archive is None:
        return str(path)
    return f"/vsizip/{{{archive}}}/{path.relative_to(archive).as_posix()}"


@lru_cache(maxsize=4096)
def _archive(folder: Path) -> Path | None:
    """Return the archive that a path of a folder lies in, None if it is a true folder."""
    for one in (folder, *folder.parents):
        if one.suffix.lower() == ".zip" and one.is_file():
            return one
    return None
