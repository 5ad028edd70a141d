"""Corrupted inputs: refused by name, skipped where that is allowed, or mapped right; never else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product

import pytest

from sitsflow.simulate import SIMULATORS
from tests.chaos.attack import Case
from tests.chaos.faults import FAULTS
from tests.chaos.seeds import SHORT, generator, how_to_repeat
from tests.chaos.subjects import SENSORS
from tests.chaos.worker import ROOT_ALONE, Worker

_FULL = 200


def cases() -> list[Case]:
    """Each fault of each sensor, again with other numbers until there are enough.

    The short form has each fault once, of one sensor.
    """
    tried = [name for name, fault in FAULTS.items() if not (fault.permissions and ROOT_ALONE)]
    if SHORT:
        return [Case(generator("sensor", name).choice(SENSORS), name, 0) for name in tried]
    rounds = -(-_FULL // (len(tried) * len(SENSORS)))
    every = product(range(rounds), tried, SENSORS)
    most = max(_FULL, len(tried) * len(SENSORS))
    return [Case(sensor, fault, number) for number, fault, sensor in islice(every, most)]


def test_every_sensor_is_attacked() -> None:
    assert set(SENSORS) <= set(SIMULATORS)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_no_fault_of_an_input_passes_silently(
    case: Case,
    worker: Worker,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    verdict = worker.ask(case)
    record_property("chaos", [case.fault, verdict.outcome])
    assert verdict.outcome not in ("lost", "silently wrong"), (
        f"{case}: {verdict.outcome}: {verdict.why}\n{how_to_repeat(request.node.nodeid)}"
    )
