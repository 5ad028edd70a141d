"""Faults of files as bytes: what broken downloads, disks and editors leave."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import rasterio

from tests.chaos.faults.model import Damage, Fault, Target, lay_out_anew

_START_OF_TILE, _START_OF_DATA = bytes.fromhex("ff90000a"), bytes.fromhex("ff93")
_PAGE = "<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1></body></html>\n" * 40


def blocks_of(path: Path) -> list[tuple[int, int]]:
    """Return the offset and size of each block of a TIFF or JPEG 2000 file, in bytes."""
    found = []
    with rasterio.open(path) as file:
        if file.driver == "JP2OpenJPEG":
            return _tile_parts(path.read_bytes())
        bands = file.indexes if file.interleaving.name == "band" else file.indexes[:1]
        for band in bands:
            for (row, col), _ in file.block_windows(band):
                place = f"{col}_{row}"
                offset = file.get_tag_item(f"BLOCK_OFFSET_{place}", "TIFF", bidx=band)
                size = file.get_tag_item(f"BLOCK_SIZE_{place}", "TIFF", bidx=band)
                found.append((int(offset), int(size)))
    return found


def _tile_parts(data: bytes) -> list[tuple[int, int]]:
    """Return the offset and size of the packets of each part of a tile, after its head."""
    found, at = [], data.index(_START_OF_TILE)
    while data.startswith(_START_OF_TILE, at):
        size = int.from_bytes(data[at + 6 : at + 10], "big")
        packets = data.index(_START_OF_DATA, at) + 2
        found.append((packets, at + size - packets))
        at += size
    return found


def truncated(target: Target) -> Damage:
    lay_out_anew(target.path, target.rng)
    first = min(offset for offset, _ in blocks_of(target.path))
    with target.path.open("r+b") as file:
        file.truncate(target.rng.randrange(first, target.path.stat().st_size))
    return target.harmed()


def cut_in_the_header(target: Target) -> Damage:
    with target.path.open("r+b") as file:
        file.truncate(target.rng.randrange(1, 150))
    return target.harmed()


def empty(target: Target) -> Damage:
    target.path.write_bytes(b"")
    return target.harmed()


def flipped_bits(target: Target) -> Damage:
    lay_out_anew(target.path, target.rng)
    data = bytearray(target.path.read_bytes())
    for _ in range(target.rng.choice((1, 2, 8))):
        data[target.rng.randrange(len(data))] ^= 1 << target.rng.randrange(8)
    target.path.write_bytes(data)
    return target.harmed()


def flipped_bits_of_the_header(target: Target) -> Damage:
    data = bytearray(target.path.read_bytes())
    pixels = {at for offset, size in blocks_of(target.path) for at in range(offset, offset + size)}
    header = [at for at in range(len(data)) if at not in pixels]
    for _ in range(target.rng.choice((1, 1, 2))):
        data[target.rng.choice(header)] ^= 1 << target.rng.randrange(8)
    target.path.write_bytes(data)
    return target.harmed()


def zeroed_block(target: Target) -> Damage:
    lay_out_anew(target.path, target.rng)
    offset, size = target.rng.choice(blocks_of(target.path))
    with target.path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(size))
    return target.harmed()


def block_of_another_place(target: Target) -> Damage:
    lay_out_anew(target.path, target.rng)
    data = bytearray(target.path.read_bytes())
    offset, size = target.rng.choice(blocks_of(target.path))
    start = target.rng.randrange(len(data) - size + 1)
    data[offset : offset + size] = data[start : start + size]
    target.path.write_bytes(data)
    return target.harmed()


def bytes_after_the_end(target: Target) -> Damage:
    with target.path.open("ab") as file:
        file.write(target.rng.randbytes(1000))
    return target.harmed()


def page_of_a_server(target: Target) -> Damage:
    target.path.write_text(_PAGE)
    return target.harmed()


def random_bytes(target: Target) -> Damage:
    target.path.write_bytes(target.rng.randbytes(target.path.stat().st_size))
    return target.harmed()


def still_compressed(target: Target) -> Damage:
    target.path.write_bytes(zlib.compress(target.path.read_bytes()))
    return target.harmed()


def unread_file(target: Target) -> Damage:
    """Spoil a file of the product that the run has no use for, if it has one."""
    read = {target.scene.layers[name].path for name in (*target.subject.bands, *target.scene.masks)}
    read |= {*target.metadata}
    files = sorted(path for path in target.scene.product.rglob("*") if path.is_file())
    others = [path for path in files if path not in read]
    if others:
        path = target.rng.choice(others)
        path.write_bytes(target.rng.randbytes(1 + path.stat().st_size // 2))
    return target.harmed()


def metadata_with_other_bytes(target: Target) -> Damage:
    """Spoil the metadata that the run reads, if there are any."""
    if not target.metadata:
        return target.harmed()
    path = target.rng.choice(target.metadata)
    path.write_bytes(target.rng.randbytes(path.stat().st_size))
    return Damage(product=target.scene.product, names=(str(path),), root=target.root)


def no_permission(target: Target) -> Damage:
    target.path.chmod(0)
    return target.harmed()


def link_to_itself(target: Target) -> Damage:
    target.path.unlink()
    target.path.symlink_to(target.path.name)
    return target.harmed()


def link_to_nowhere(target: Target) -> Damage:
    target.path.unlink()
    target.path.symlink_to("not_there.tif")
    return target.harmed()


def link_to_the_file(target: Target) -> Damage:
    place = target.root / "elsewhere"
    place.mkdir()
    target.path.symlink_to(target.path.rename(place / "some name.tif"))
    return target.harmed()


def named_pipe(target: Target) -> Damage:
    target.path.unlink()
    os.mkfifo(target.path)
    return target.harmed()


FAULTS = {
    "file cut, header whole": Fault(truncated),
    "file cut in its header": Fault(cut_in_the_header),
    "empty file": Fault(empty),
    "flipped bits": Fault(flipped_bits, hides=True),
    "flipped bits of a header": Fault(flipped_bits_of_the_header, hides=True),
    "zeroed block": Fault(zeroed_block, hides=True),
    "block with other bytes": Fault(block_of_another_place, hides=True),
    "bytes after the end": Fault(bytes_after_the_end, harmless=True),
    "page of a server as file": Fault(page_of_a_server),
    "random bytes as file": Fault(random_bytes),
    "file still compressed": Fault(still_compressed),
    "file that is not read": Fault(unread_file, harmless=True),
    "metadata with other bytes": Fault(metadata_with_other_bytes),
    "file without permission": Fault(no_permission, permissions=True),
    "file links to itself": Fault(link_to_itself),
    "file links to nowhere": Fault(link_to_nowhere),
    "file links elsewhere": Fault(link_to_the_file, harmless=True),
    "named pipe as file": Fault(named_pipe),
}
