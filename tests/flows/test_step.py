"""How a step sends its jobs, without Prefect and Dask."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import step
from flows.resources import Resources
from sitsflow.run.jobs import Job
from tasks.write_features import write_features

TILES, CHUNKS = 10, 3
JOBS = [
    Job("write_features", f"T{tile}", index) for tile in range(TILES) for index in range(CHUNKS)
]


@pytest.mark.parametrize(("n_workers", "most"), [(0, 4), (2, 8), (1000, TILES * CHUNKS)])
def test_some_jobs_are_on_their_way_at_once_more_with_many_workers(
    monkeypatch: pytest.MonkeyPatch, n_workers: int, most: int
) -> None:
    shown = SimpleNamespace(paths=None, n_workers=n_workers, tally=lambda task: {})
    monkeypatch.setattr(step, "_SUBMITTED", 4)
    monkeypatch.setattr(step, "progress", lambda: shown)
    monkeypatch.setattr(step, "StepArtifact", lambda *_: SimpleNamespace(show=lambda *_, **__: ()))
    sent: list[Job] = []
    on_their_way: list[int] = []

    def send(self: Any, jobs: list[Job]) -> None:
        sent.extend(jobs)
        self._running.update(dict.fromkeys(jobs))
        on_their_way.append(len(self._running))

    def follow(self: Any, *, wait: bool) -> None:
        if wait:  # the job that was sent first ends
            del self._running[next(iter(self._running))]

    monkeypatch.setattr(step._Step, "_map", send)
    monkeypatch.setattr(step._Step, "_follow", follow)
    step._Step(Path(), write_features, Resources(1.0), 1).run(JOBS)
    assert sent == JOBS
    # The jobs of a tile are sent together, where there is room for one.
    assert max(on_their_way) == min(most - 1 + CHUNKS, len(JOBS))
