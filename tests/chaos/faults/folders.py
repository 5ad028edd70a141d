"""Faults of products as folders: names, links, permissions, and what lies between them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable

from tests.chaos.faults.model import Damage, Fault, Target

_ODD = ("données d'été", "two  spaces", "日本", "a,b;c&d", "100%", "-x", "[a-z]*", "$TILE", "ñ\nü")


def of_product(target: Target) -> Damage:
    """Say that the chosen product was damaged as a whole."""
    return Damage(product=target.scene.product, names=(target.scene.product.name,),
                  root=target.root)  # fmt: skip


def of_tile(target: Target) -> Damage:
    """Say that the folder of the tile was damaged."""
    folder = target.root / target.subject.tile
    return Damage(product=folder, names=(str(folder),), root=target.root)


def renamed(target: Target, group: str, change: Callable[[str], str]) -> Damage:
    """Change a part of the product's name."""
    product = target.scene.product
    match = re.match(target.subject.sensor.product, product.name)
    assert match is not None
    start, end = match.span(group)
    name = product.name[:start] + change(match[group]) + product.name[end:]
    product.rename(product.with_name(name))
    return Damage(product=product.parent, names=(name, product.name), root=target.root)


def impossible_date(target: Target) -> Damage:
    day = target.rng.choice(("20180230", "20181301", "20180100", "00000000", "20189999"))
    return renamed(target, "date", lambda _: day)


def other_tile(target: Target) -> Damage:
    def neighbour(tile: str) -> str:
        at = target.rng.choice([at for at, letter in enumerate(tile) if letter.isdigit()])
        return tile[:at] + str((int(tile[at]) + 1) % 10) + tile[at + 1 :]

    return renamed(target, "tile", neighbour)


def missing_file(target: Target) -> Damage:
    target.path.unlink()
    return target.harmed()


def file_twice(target: Target) -> Damage:
    shutil.copyfile(target.path, target.path.with_name(f"copy_{target.path.name}"))
    return target.harmed()


def folder_as_file(target: Target) -> Damage:
    target.path.unlink()
    target.path.mkdir()
    return target.harmed()


def empty_product(target: Target) -> Damage:
    for path in target.scene.product.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return of_product(target)


def file_as_product(target: Target) -> Damage:
    shutil.rmtree(target.scene.product)
    target.scene.product.write_bytes(b"PK\x03\x04")
    return of_product(target)


def product_links_to_itself(target: Target) -> Damage:
    shutil.rmtree(target.scene.product)
    target.scene.product.symlink_to(target.scene.product.name)
    return of_product(target)


def product_links_to_nowhere(target: Target) -> Damage:
    shutil.rmtree(target.scene.product)
    target.scene.product.symlink_to("/not/there")
    return of_product(target)


def product_links_elsewhere(target: Target) -> Damage:
    place = target.root / "archive of products"
    place.mkdir()
    product = target.scene.product
    product.symlink_to(product.rename(place / product.name))
    return of_product(target)


def loop_inside(target: Target) -> Damage:
    folder = target.rng.choice((target.scene.product, target.path.parent))
    (folder / "again").symlink_to(target.scene.product)
    (folder / "loop").symlink_to("loop")
    return of_product(target)


def product_without_permission(target: Target) -> Damage:
    target.scene.product.chmod(0)
    return of_product(target)


def tile_without_permission(target: Target) -> Damage:
    damage = of_tile(target)
    damage.product.chmod(0)
    return damage


def tile_gone(target: Target) -> Damage:
    damage = of_tile(target)
    shutil.rmtree(damage.product)
    return damage


def tile_empty(target: Target) -> Damage:
    damage = of_tile(target)
    shutil.rmtree(damage.product)
    damage.product.mkdir()
    return damage


def tile_links_to_itself(target: Target) -> Damage:
    damage = of_tile(target)
    shutil.rmtree(damage.product)
    damage.product.symlink_to(damage.product.name)
    return damage


def odd_names(target: Target) -> Damage:
    root = target.root.rename(target.root.with_name(target.rng.choice(_ODD)))
    return Damage(product=root, names=(str(root),), root=root)


def strangers_beside(target: Target) -> Damage:
    folder = target.scene.product.parent
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "à lire.txt").write_text("notes")
    (folder / f"{target.scene.product.name}.zip").write_bytes(b"PK")
    (folder / f".{target.scene.product.name}.part").mkdir()
    shutil.copytree(target.scene.product, folder / f"{target.scene.product.name} (1)")
    return of_product(target)


FAULTS = {
    "impossible date": Fault(impossible_date, late=False),
    "product of another tile": Fault(other_tile, late=False),
    "missing file": Fault(missing_file),
    "file twice": Fault(file_twice, late=False),
    "folder as file": Fault(folder_as_file),
    "empty product": Fault(empty_product, late=False),
    "file as product": Fault(file_as_product, late=False),
    "product links to itself": Fault(product_links_to_itself, late=False),
    "product links to nowhere": Fault(product_links_to_nowhere, late=False),
    "product links elsewhere": Fault(product_links_elsewhere, late=False, harmless=True),
    "loop of links inside": Fault(loop_inside, late=False, harmless=True),
    "product without permission": Fault(product_without_permission, late=False, permissions=True),
    "tile without permission": Fault(tile_without_permission, late=False, permissions=True),
    "tile gone": Fault(tile_gone, late=False),
    "tile empty": Fault(tile_empty, late=False),
    "tile links to itself": Fault(tile_links_to_itself, late=False),
    "spaces, accents, signs in names": Fault(odd_names, late=False, harmless=True),
    "strangers between products": Fault(strangers_beside, late=False, harmless=True),
}
