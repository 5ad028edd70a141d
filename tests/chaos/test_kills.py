"""Processes killed at random moments: the same command goes on, to the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.kills import VICTIMS, Run, judge
from tests.chaos.seeds import SHORT, generator, how_to_repeat

pytestmark = pytest.mark.engine

_FULL = 50
_CASES = [(name, number) for number in range(-(-_FULL // len(VICTIMS))) for name in VICTIMS]


@pytest.fixture(scope="module")
def undisturbed(
    environment: dict[str, str], products: Path, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """The map of a run that nobody disturbs."""
    run = Run(tmp_path_factory.mktemp("undisturbed") / "run", products, environment)
    run.prepare()
    run.start()
    assert run.wait() == 0, run.said
    return run.paths.map.read_bytes()


@pytest.mark.parametrize(("victim", "number"), _CASES[: len(VICTIMS) if SHORT else _FULL], ids=str)
def test_a_killed_run_goes_on_to_the_same_bytes(
    victim: str,
    number: int,
    environment: dict[str, str],
    products: Path,
    undisturbed: bytes,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    run = Run(tmp_path / "run", products, environment)
    run.prepare()
    verdict = judge(run, VICTIMS[victim], generator("kill", victim, number), undisturbed)
    record_property("chaos", [victim, verdict.outcome])
    assert verdict.outcome == "survived", (
        f"{victim}, number {number}: {verdict.outcome}: {verdict.why}\n"
        f"{how_to_repeat(request.node.nodeid)}"
    )
