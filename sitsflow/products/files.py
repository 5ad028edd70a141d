"""The files of one product, whether it is a folder, a zip archive or a single file."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sitsflow.errors import ProductError
from sitsflow.products.sensors.model import PLACEHOLDER

_MOST_BYTES = 64 * 1024**2
"""Of a metadata file; those of products have less than one megabyte."""


class ProductFile(NamedTuple):
    """A file of a product. In an archive its path goes on below the archive's."""

    path: Path
    size: int


class ProductFiles:
    """The files of a product by their place in it.

    Parameters
    ----------
    product : Path
        The folder, the archive or the file.
    beside : mapping of str to str, optional
        What the name of a product that is a single file says; None: it is no single file.

    Raises
    ------
    ProductError
        If the product cannot be listed: an archive that is cut, a link that leads nowhere.
    """

    def __init__(self, product: Path, beside: Mapping[str, str | None] | None = None) -> None:
        self.product = product
        self._beside = beside
        if beside is not None:
            self._files = {product.name: _single(product)}
        elif product.is_dir():
            self._files = dict(_in_folder(product))
        elif is_archive(product):
            self._files = dict(_in_archive(product))
        else:
            raise ProductError(_no_product(product))

    def only(self, pattern: str, faults: list[str]) -> Path:
        """Return the one file that matches a glob, in any case: archives differ in their endings.

        What is wrong goes to `faults`; the path is then that of no file.
        """
        found = self._matching(pattern)
        pattern = self._filled(pattern)
        if len(found) != 1:
            names = ", ".join(sorted(file.path.name for file in found))
            faults.append(f"{len(found)} files are called {pattern} ({names})" if found else
                          f"no file is called {pattern}")  # fmt: skip
            return self.product / pattern
        if found[0].size == 0:
            faults.append(f"{place_in(self.product, found[0].path)} is empty")
        return found[0].path

    def text(self, pattern: str) -> str | None:
        """Return what the first file that matches holds, None if there is none.

        Raises
        ------
        ProductError
            If it cannot be read, or is no text of a sane size.
        """
        found = sorted(self._matching(pattern))
        if not found:
            return None
        return read_text(self.product, found[0].path)

    def _filled(self, pattern: str) -> str:
        """Return a pattern with what the product's name tells in the places of its groups."""
        said = self._beside or {}
        return PLACEHOLDER.sub(lambda found: escape(said.get(found[1]) or ""), pattern)

    def _matching(self, pattern: str) -> list[ProductFile]:
        wanted = self._filled(pattern).lower()
        if self._beside is not None and PLACEHOLDER.search(pattern):
            return [
                ProductFile(path, path.stat().st_size)
                for path in self.product.parent.iterdir()
                if fnmatchcase(path.name.lower(), wanted) and path.is_file()
            ]
        return [file for name, file in self._files.items() if fnmatchcase(name.lower(), wanted)]


def read_text(product: Path, path: Path) -> str:
    """Return what a file of a product holds, which may be an archive.

    Raises
    ------
    ProductError
        If it cannot be read, or is no text of a sane size.
    """
    try:
        if product.is_dir():
            with path.open("rb") as file:
                raw = file.read(_MOST_BYTES + 1)
        else:
            with (
                zipfile.ZipFile(product) as archive,
                archive.open(path.relative_to(product).as_posix()) as member,
            ):
                raw = member.read(_MOST_BYTES + 1)
        if len(raw) <= _MOST_BYTES:
            return raw.decode("utf-8")
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, KeyError) as error:
        raise ProductError(f"{path}: cannot be read ({error})") from None
    raise ProductError(f"{path}: more than {_MOST_BYTES} bytes, too many for metadata")


def place_in(product: Path, path: Path) -> str:
    """Return the place of a file in its product; its name, where it lies beside a single file."""
    inside = path.is_relative_to(product)
    return path.relative_to(product).as_posix() if inside else path.name


def is_archive(path: Path) -> bool:
    """Whether a path is that of a zip archive, by its name."""
    return path.suffix.lower() == ".zip" and path.is_file()


def product_name(entry: Path) -> str:
    """Return a product's name: that of its folder, or of its archive without the ending."""
    return entry.stem if is_archive(entry) else entry.name


def _single(product: Path) -> ProductFile:
    if not product.is_file():
        raise ProductError(f"{product}: a folder or a broken link, but a product is a file")
    return ProductFile(product, product.stat().st_size)


def _no_product(product: Path) -> str:
    """Say why what is named like a product is none: its date would be lost without a word."""
    if product.is_symlink():
        return (
            f"{product}: a symbolic link to {product.readlink()}, which is no folder that can be "
            "reached"
        )
    return f"{product}: a file, but a product is a folder or a zip archive; unpack it again"


def _in_folder(product: Path) -> Iterator[tuple[str, ProductFile]]:
    """Yield the files of a folder, through links too; hidden ones are systems' leftovers."""

    def refuse(error: OSError) -> None:
        raise ProductError(f"{error.filename}: cannot be listed ({error.strerror})")

    seen = set()
    for folder, below, names in os.walk(product, onerror=refuse, followlinks=True):
        seen.add(os.path.realpath(folder))
        # A link to a folder above would be followed forever.
        below[:] = [name for name in below if os.path.realpath(Path(folder, name)) not in seen]
        for path in (Path(folder, name) for name in names if not name.startswith(".")):
            if path.is_file():
                place = path.relative_to(product).as_posix()
                yield place, ProductFile(path, path.stat().st_size)


def _in_archive(product: Path) -> Iterator[tuple[str, ProductFile]]:
    """Yield the files of a zip archive by their place in the product, which it may hold whole."""
    try:
        with zipfile.ZipFile(product) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ProductError(
            f"{product}: not a whole zip archive ({error}); download it again"
        ) from None
    places = [_safe_place(product, member) for member in members]
    # Most archives hold everything in one folder, that of the product.
    top = len({place.parts[0] for place in places}) == 1 and all(len(p.parts) > 1 for p in places)
    for member, place in zip(members, places, strict=True):
        if not any(part.startswith(".") for part in place.parts):
            below = PurePosixPath(*place.parts[1:]) if top else place
            yield below.as_posix(), ProductFile(product / place, member.file_size)


def _safe_place(product: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    """Return a member's place in the archive."""
    place = PurePosixPath(member.filename)
    if place.is_absolute() or ".." in place.parts or not place.parts:
        raise ProductError(f"{product}: {member.filename!r} leads out of the archive")
    if member.flag_bits & 1:
        raise ProductError(f"{product}: {member.filename} is encrypted")
    return place
