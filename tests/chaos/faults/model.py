"""What a fault is done to, and what it says of the harm."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import rasterio

from sitsflow.products.scenes import Layer, Scene
from tests.chaos.subjects import Subject


@dataclass(frozen=True)
class Damage:
    """What was done.

    A refusal must hold `product` and one of `names`; both default to the file that was chosen.
    `files` are those whose pixels changed, in `root`. `equivalent` changes a clean copy so that
    its map is the one that the damaged files must give as well.
    """

    product: Path
    names: tuple[str, ...]
    root: Path
    files: tuple[Path, ...] = ()
    equivalent: Callable[[Path], None] | None = None


@dataclass
class Target:
    """A copy of a series, one product of it and one file that the run reads of it."""

    subject: Subject
    root: Path
    rng: random.Random
    masks: bool | None = None
    """True: a mask is chosen, False: a band, None: either."""
    scenes: list[Scene] = field(init=False)
    scene: Scene = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.scenes = self.subject.scenes(self.root)
        self.scene = self.rng.choice(self.scenes)
        names = [*self.subject.bands] if self.masks is not True else []
        if self.masks is not False:
            names += self.scene.masks
        self.name = self.rng.choice(names)

    @property
    def layer(self) -> Layer:
        """The band or mask that was chosen."""
        return self.scene.layers[self.name]

    @property
    def path(self) -> Path:
        """Its file."""
        return self.layer.path

    @cached_property
    def pattern(self) -> str:
        """How the sensor's description calls that file."""
        sensor = self.subject.sensor
        return next(one.file for one in (*sensor.bands, *sensor.masks) if one.name == self.name)

    @property
    def metadata(self) -> list[Path]:
        """Files of the product that tell what its numbers mean, which the run reads too."""
        described = self.subject.sensor.metadata
        return [] if described is None else sorted(self.scene.product.rglob(described.file))

    def another_scene(self) -> Scene:
        """Choose another product."""
        return self.rng.choice([one for one in self.scenes if one.product != self.scene.product])

    def harmed(self, *files: Path, **more: Any) -> Damage:
        """Say that the chosen file, or `files`, were damaged."""
        return Damage(
            product=self.scene.product,
            names=(str(self.path), self.pattern, str(self.path.relative_to(self.scene.product))),
            root=self.root,
            files=files or (self.path,),
            **more,
        )


@dataclass(frozen=True)
class Fault:
    """One way to spoil input files.

    `harmless` faults must be survived. `hides` are those after which files may be whole and wrong,
    so that no reader can tell: a map of what they hold then is no mistake of ours. `masks` says
    whether a mask (True) or a band (False) must be chosen.
    """

    spoil: Callable[[Target], Damage]
    harmless: bool = False
    hides: bool = False
    masks: bool | None = None
    permissions: bool = False
    late: bool = True
    """Whether it may also be done in the middle of a run."""


_LAYOUTS: tuple[dict[str, Any] | None, ...] = (
    None,
    None,
    {"compress": "none", "tiled": False},
    {"compress": "none", "tiled": True, "blockxsize": 16, "blockysize": 16},
    {"compress": "lzw", "tiled": True, "blockxsize": 32, "blockysize": 16},
    {"compress": "zstd", "tiled": False, "blockysize": 8},
    {"compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16},
)


def lay_out_anew(path: Path, rng: random.Random) -> None:
    """Write a file again with the same pixels, in blocks of another form; or leave it."""
    with rasterio.open(path) as file:
        if file.driver != "GTiff":  # JPEG 2000 has its tiles already
            return
    layout = rng.choice(_LAYOUTS)
    if layout is None:
        return
    with rasterio.open(path) as file:
        values, profile = file.read(), file.profile
    for key in ("tiled", "blockxsize", "blockysize", "predictor"):
        profile.pop(key, None)
    with rasterio.open(path, "w", **(profile | layout)) as file:
        file.write(values)
