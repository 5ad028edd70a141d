"""Clusters that are no use to a run, refused before anything is submitted."""

from collections.abc import Iterator

import pytest
from distributed import LocalCluster

from blocks.cluster import DaskCluster
from flows.resources import Resources
from flows.workers import Workers
from sitsflow.errors import ClusterError, ResourceError

WANTED = {"write_features": Resources(6.0)}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said, outside of a flow that could log it."""
    said: list[str] = []
    monkeypatch.setattr("flows.workers.notice", said.append)
    return said


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a scheduler in this process, whose worker declares the test's resources."""
    with LocalCluster(
        n_workers=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
        resources=request.param,
    ) as made:
        yield made.scheduler_address


@pytest.mark.parametrize("cluster", [{"RAM": 4, "CPU": 1}], indirect=True)
def test_a_task_larger_than_any_worker_is_refused(cluster: str, silent: list[str]) -> None:
    with (
        Workers(DaskCluster(address=cluster)) as workers,
        pytest.raises(ResourceError, match=r"write_features asks for 6 GB.*has 4 GB.*chunks"),
    ):
        workers.open(WANTED)
    assert "ALLOWED_FAILURES=0" in silent[0], "a shared scheduler is left as it is"


@pytest.mark.parametrize("cluster", [{}], indirect=True)
def test_workers_that_declare_nothing_are_refused(cluster: str, silent: list[str]) -> None:
    with (
        Workers(DaskCluster(address=cluster)) as workers,
        pytest.raises(ClusterError, match=r"dask worker ADDRESS .* --resources \"RAM=16 CPU=1\""),
    ):
        workers.open(WANTED)


def test_a_local_machine_that_is_too_small_starts_nothing() -> None:
    with (
        Workers(DaskCluster(n_workers=2, memory_gb=5)) as workers,
        pytest.raises(ResourceError, match=r"asks for 6 GB and 1 CPU.*has 5 GB"),
    ):
        workers.open(WANTED)
    assert not workers.are_open


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        Workers(DaskCluster(address="tcp://127.0.0.1:9")) as workers,
        pytest.raises(ClusterError, match="no Dask scheduler answers at tcp://127"),
    ):
        workers.open(WANTED)
