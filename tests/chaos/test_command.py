"""A few of the corruptions again, through the whole command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sitsflow.products.sensors.model import load_sensors
from tests.chaos.attack import Case
from tests.chaos.command import CommandAttacker
from tests.chaos.seeds import SHORT, generator, how_to_repeat
from tests.chaos.subjects import SENSORS, Subject, tile_of

pytestmark = pytest.mark.engine

_FAULTS = (
    "spaces, accents, signs in names",
    "file cut, header whole",
    "zeroed block",
    "impossible date",
    "gigantic header",
    "other reference system",
    "values not finite",
    "file links to itself",
)
_NUMBER = 1000
"""Of the first case here: none of those that are tried without the command."""


def cases() -> list[Case]:
    """Return some faults, each of a sensor chosen at random."""
    tried = _FAULTS[:2] if SHORT else _FAULTS
    return [Case(generator("command", name).choice(SENSORS), name, _NUMBER) for name in tried]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_command_lets_no_fault_pass(
    case: Case,
    clean_series: Path,
    environment: dict[str, str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    sensor = load_sensors()[case.sensor]
    subject = Subject(sensor, tile_of(case.sensor), clean_series / case.sensor)
    attacker = CommandAttacker(subject, tmp_path / "attack", environment=environment)
    verdict = attacker.attack(case)
    record_property("chaos", [f"{case.fault} (command)", verdict.outcome])
    assert verdict.outcome not in ("lost", "silently wrong"), (
        f"{case}: {verdict.outcome}: {verdict.why}\n{how_to_repeat(request.node.nodeid)}"
    )
