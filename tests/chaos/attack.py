"""One fault, done to a copy of a series that is then mapped, and what came of it."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import rasterio

from sitsflow.errors import SitsflowError
from sitsflow.io.paths import OutputPaths
from sitsflow.plan import load_plan
from sitsflow.request import Request
from tests.chaos.faults import FAULTS, Damage, Fault, Target
from tests.chaos.faults.rasters import write_again
from tests.chaos.seeds import generator
from tests.chaos.subjects import Subject, content_of
from tests.serial_run import run

Outcome = Literal["survived", "refused", "skipped", "undetectable", "lost", "silently wrong"]


class Case(NamedTuple):
    """A fault of a sensor's products; the number makes one of many."""

    sensor: str
    fault: str
    number: int

    def __str__(self) -> str:
        """Return what pytest calls it."""
        return f"{self.fault} - {self.sensor} - {self.number}"


class Verdict(NamedTuple):
    """What came of a case, and why that is so."""

    outcome: Outcome
    why: str = ""


@dataclass
class Attacker:
    """Attacks the series of one sensor, in folders below `place`."""

    in_the_middle: ClassVar[bool] = True
    """Whether files may be spoiled in the middle of a run."""

    subject: Subject
    place: Path
    _maps: dict[str, str] = field(default_factory=dict)

    def attack(self, case: Case) -> Verdict:
        """Spoil a copy of the products, map them, and judge what came of it."""
        fault, rng = FAULTS[case.fault], generator(*case)
        folder = self.place / "case"
        root = self.subject.copy(folder / "inputs" / "products")
        target = Target(self.subject, root, rng, fault.masks)
        skip, late = rng.random() < 0.5, fault.late and rng.random() < 0.2
        late = late and self.in_the_middle
        moment = rng.randrange(6) if late else None
        try:
            return self._attacked(target, fault, moment, skip=skip)
        finally:
            for path in (target.root / self.subject.tile, target.scene.product, target.path):
                with suppress(OSError):
                    path.chmod(0o700)
            shutil.rmtree(folder)

    def carry_out(self, request: Request, meanwhile: Callable[[int], None]) -> None:
        """Make the map, job by job; `meanwhile` is called before each with the number done."""
        run(request, meanwhile=meanwhile)

    def _attacked(self, target: Target, fault: Fault, moment: int | None, *, skip: bool) -> Verdict:
        output = self.place / "case" / "out"
        damages = [] if moment is not None else [fault.spoil(target)]
        root = damages[0].root if damages else target.root

        def meanwhile(done: int) -> None:
            if done == moment:
                damages.append(fault.spoil(target))

        try:
            self.carry_out(self.subject.request(root, output, skip=skip), meanwhile)
        except SitsflowError as error:
            return _refusal(damages[0], str(error), harmless=fault.harmless and moment is None)
        except Exception:  # noqa: BLE001  # whatever it is, it is not the answer of a run
            return Verdict("lost", traceback.format_exc())
        return self._judged(output, target, fault, damages[0], skip=skip, late=moment is not None)

    def _judged(
        self, output: Path, target: Target, fault: Fault, damage: Damage, *, skip: bool, late: bool
    ) -> Verdict:
        made = content_of(OutputPaths(output).map)
        skipped = [one.product for one in load_plan(output).skipped]
        if skipped:
            if not skip or fault.harmless:
                return Verdict("silently wrong", f"left out without need: {skipped}")
            if len(skipped) != 1 or made != self._map_without(target.scene.product.name):
                return Verdict("silently wrong", f"not the map without the product: {skipped}")
            return Verdict("skipped")
        if made == self._map_without(""):
            return Verdict("survived")
        if damage.equivalent is not None and made == self._map_of(damage.equivalent):
            return Verdict("survived", "as equivalent whole files")
        if fault.hides and not late and made == self._map_of(_decoded(damage)):
            return Verdict("undetectable", "the files are whole, with other pixels")
        return Verdict("silently wrong", "another map, without a word")

    def _map_without(self, product: str) -> str:
        """Return the content of the map of clean products, without one of them if it is named."""
        if product not in self._maps:
            tile = self.subject.tile
            self._maps[product] = self._map_of(
                lambda root: shutil.rmtree(root / tile / product) if product else None
            )
        return self._maps[product]

    def _map_of(self, change: Callable[[Path], None]) -> str:
        """Return the content of the map of clean products after `change`, "" if there is none."""
        folder = self.place / "reference"
        try:
            root = self.subject.copy(folder / "products")
            change(root)
            run(self.subject.request(root, folder / "out"))
            return content_of(OutputPaths(folder / "out").map)
        except (SitsflowError, rasterio.errors.RasterioError):
            return ""
        finally:
            shutil.rmtree(folder)


def _decoded(damage: Damage) -> Callable[[Path], None]:
    """Return a change that writes files anew, with the pixels that another reader finds in them."""

    def change(root: Path) -> None:
        for path in damage.files:
            with rasterio.open(path) as file:
                values = file.read()
                header = {"crs": file.crs, "transform": file.transform, "nodata": file.nodata}
            write_again(root / path.relative_to(damage.root), values, **header)

    return change


def _refusal(damage: Damage, message: str, *, harmless: bool) -> Verdict:
    if harmless:
        return Verdict("lost", f"refused without need: {message}")
    if str(damage.product) in message and any(name in message for name in damage.names):
        return Verdict("refused", message)
    return Verdict("lost", f"the message names none of {', '.join(damage.names)}: {message}")
