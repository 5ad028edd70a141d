"""What the tests of this folder share: attacked series, and the table of what came of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.server import stop
from tests.chaos.seeds import SEED, SHORT
from tests.chaos.subjects import SENSORS, Subject
from tests.chaos.worker import ROOT_ALONE, Worker
from tests.flows.conftest import prefect_home

OUTCOMES = ("survived", "refused", "skipped", "undetectable", "lost", "silently wrong")
_NOTES = """\
undetectable: a file that is whole and valid, with other pixels than the sensor saw; the map is that
of the pixels in the file. No format that these sensors use has a checksum of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.chaos)


@pytest.fixture(scope="session")
def clean_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds whole products of each sensor."""
    folder = tmp_path_factory.mktemp("clean")
    for name in SENSORS:
        Subject.simulated(name, folder / name)
    return folder


@pytest.fixture(scope="module")
def worker(clean_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A process that carries out cases."""
    worker = Worker(clean_series, tmp_path_factory.mktemp("attacks") / "place")
    yield worker
    worker.stop()


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of runs with a Prefect home, and so a server, of their own."""
    with prefect_home(tmp_path_factory.mktemp("prefect")) as environment:
        try:
            yield environment
        finally:
            stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what came of each fault."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for reports in terminalreporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", ()):
                if key == "chaos" and report.when == "call":
                    found[value[0]][value[1]] += 1
    if found:
        terminalreporter.write_sep("=", f"chaos, CHAOS_SEED={SEED}{', short' if SHORT else ''}")
        terminalreporter.write(table(found) + _NOTES + "\n")
        if ROOT_ALONE:
            terminalreporter.write("not tried: permissions, which do not bind root\n")


def table(found: dict[str, Counter[str]]) -> str:
    """Lay out counts of outcomes by fault, with their sums."""
    rows = [("fault", "tried", *OUTCOMES)]
    total: Counter[str] = Counter()
    for fault, counts in sorted(found.items()):
        rows.append((fault, str(counts.total()), *(str(counts[one] or "") for one in OUTCOMES)))
        total += counts
    rows.append(("all", str(total.total()), *(str(total[one]) for one in OUTCOMES)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )
    return "\n".join(lines) + "\n"
