"""Clusters that are no use to a run are refused at once; shared ones are left as they are."""

import gc
from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster

from blocks.cluster import DaskCluster
from flows.cluster import RunCluster
from flows.resources import Resources
from sitsflow.errors import ClusterError, ResourceError

WANTED = {"write_features": Resources(6.0)}


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a scheduler in this process; `request.param` is what its worker is."""
    with LocalCluster(
        n_workers=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # 8787, the default, may be another cluster's
        **{"threads_per_worker": 1, **request.param},
    ) as made:
        yield made.scheduler_address


@pytest.mark.parametrize("cluster", [{"resources": {"RAM": 4, "CPU": 1}}], indirect=True)
def test_a_task_larger_than_any_worker_is_refused(cluster: str) -> None:
    with (
        RunCluster(DaskCluster(address=cluster)) as workers,
        pytest.raises(ResourceError, match=r"write_features asks for 6 GB.*has 4 GB.*chunks"),
    ):
        workers.start(WANTED)
    assert "ALLOWED_FAILURES=0" in workers.warnings[0], "a shared scheduler is left as it is"


@pytest.mark.parametrize("cluster", [{}], indirect=True)
def test_workers_that_declare_nothing_are_refused(cluster: str) -> None:
    with (
        RunCluster(DaskCluster(address=cluster)) as workers,
        pytest.raises(ClusterError, match=r"dask worker ADDRESS .* --resources \"RAM=16 CPU=1\""),
    ):
        workers.start(WANTED)


@pytest.mark.parametrize(
    "cluster", [{"resources": {"RAM": 8, "CPU": 2}, "threads_per_worker": 2}], indirect=True
)
def test_workers_that_run_two_tasks_in_one_process_are_refused(cluster: str) -> None:
    with (
        RunCluster(DaskCluster(address=cluster)) as workers,
        pytest.raises(ClusterError, match=r"has 2 threads.*prints?.*--nthreads 1"),
    ):
        workers.start(WANTED)


@pytest.mark.parametrize("cluster", [{"resources": {"RAM": 8, "CPU": 1}}], indirect=True)
def test_workers_of_a_shared_scheduler_outlive_an_interrupted_run(
    cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are left as they are: what ends local workers quickly is not for them."""
    frozen = gc.get_freeze_count()
    monkeypatch.setattr("flows.cluster._silence", lambda: None)  # they are in this process too
    workers = RunCluster(DaskCluster(address=cluster))
    workers.start(WANTED)
    workers.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert gc.get_freeze_count() == frozen
    with Client(cluster, set_as_default=False) as client:
        assert client.submit(len, "left").result(10) == 4


def test_a_local_machine_that_is_too_small_starts_nothing() -> None:
    with (
        RunCluster(DaskCluster(n_workers=2, memory_gb=5)) as workers,
        pytest.raises(ResourceError, match=r"asks for 6 GB and 1 CPU.*has 5 GB"),
    ):
        workers.start(WANTED)


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        RunCluster(DaskCluster(address="tcp://127.0.0.1:9")) as workers,
        pytest.raises(ClusterError, match="no Dask scheduler answers at tcp://127"),
    ):
        workers.start(WANTED)
