"""The soak's own measure: what counts as growth, and what does not."""

from __future__ import annotations

import os

import psutil
import pytest

from tests.chaos.usage import Usage, faults, growth_in_ten_runs, usage_of


def usages(memory: list[float], files: list[int] | None = None) -> list[Usage]:
    counts = files or [9] * len(memory)
    return [Usage(one, count, 1, 0, 0, 0) for one, count in zip(memory, counts, strict=True)]


def test_a_warm_up_and_single_peaks_are_no_growth() -> None:
    memory = [100.0, 150, 180, 190, 200, *[200.0] * 15]
    memory[12] = 400
    assert growth_in_ten_runs(memory) == pytest.approx(0)
    assert not faults("worker", usages(memory))


def test_a_steady_growth_is_found_though_it_is_slow() -> None:
    memory = [200 + 2.5 * number for number in range(20)]
    assert growth_in_ten_runs(memory) == pytest.approx(25 / 217.5)
    assert "worker: memory grows by 11.5% in ten runs" in faults("worker", usages(memory))


def test_files_that_stay_open_are_found_and_one_kept_for_a_while_is_not() -> None:
    flat = [200.0] * 20
    assert not faults("flow", usages(flat, [9] * 15 + [12] * 5))
    assert "files grow" in faults("flow", usages(flat, list(range(9, 29))))[0]


def test_this_process_is_measured() -> None:
    before = usage_of(psutil.Process())
    reading, writing = os.pipe()
    after = usage_of(psutil.Process())
    os.close(reading)
    os.close(writing)
    assert after.files == before.files + 2
    assert after.memory > 1
