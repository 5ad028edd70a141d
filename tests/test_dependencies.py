"""What pyproject.toml declares is pinned in constraints.txt, where only pins stand."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
INSTALLED = ("dev", "docs", "ui")
"""Extras that the Makefile installs; the others are for clusters."""


def name_of(requirement: str) -> str:
    """Return the name of a package as registries compare it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_constraints_are_plain_pins_in_order() -> None:
    assert [pin for pin in PINS if not re.fullmatch(r"[\w.-]+==[\w.!+]+", pin)] == []
    assert sorted(PINS) == PINS
    assert len({name_of(pin) for pin in PINS}) == len(PINS)


def test_what_is_installed_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"]
    declared = [*PROJECT["dependencies"], *(one for name in INSTALLED for one in extras[name])]
    assert {name_of(one) for one in declared} <= {name_of(pin) for pin in PINS}
