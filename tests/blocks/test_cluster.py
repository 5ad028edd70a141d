import socket

import psutil
import pytest
from distributed import Client
from pydantic import ValidationError

from blocks.cluster import WORKER_ENVIRONMENT, DaskCluster
from sitsflow.errors import ClusterError, ResourceError


def test_one_worker_a_core_that_declares_its_share() -> None:
    arguments = DaskCluster(n_workers=4, memory_gb=16).local_arguments(ram_gb=2)
    assert arguments["n_workers"] == 4
    assert arguments["resources"] == {"RAM": 4, "CPU": 1}
    assert arguments["memory_limit"] == 4e9
    assert arguments["env"] == WORKER_ENVIRONMENT


def test_fewer_workers_where_a_task_needs_more_than_a_share() -> None:
    arguments = DaskCluster(n_workers=4, memory_gb=16).local_arguments(ram_gb=6)
    assert arguments["n_workers"] == 2
    assert arguments["resources"]["RAM"] == 8


def test_a_task_that_no_worker_could_hold_is_refused_at_once() -> None:
    with pytest.raises(ResourceError, match=r"needs about 20\.0 GB of memory, and 16\.0 GB"):
        DaskCluster(memory_gb=16).local_arguments(ram_gb=20)


def test_threads_are_one_everywhere() -> None:
    threads = {name: value for name, value in WORKER_ENVIRONMENT.items() if "THREADS" in name}
    assert set(threads.values()) == {"1"}
    assert {"NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "GDAL_NUM_THREADS"} <= set(threads)


@pytest.mark.engine
def test_local_workers_listen_on_this_machine_only() -> None:
    me = psutil.Process()
    before = {one.pid for one in me.children(recursive=True)}
    there = {one.laddr for one in me.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    with DaskCluster(n_workers=1, memory_gb=2).started(ram_gb=1):
        family = [me, *(one for one in me.children(recursive=True) if one.pid not in before)]
        listening = {
            connection.laddr
            for process in family
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        } - there
    assert len(listening) >= 3, "scheduler, nanny, worker"
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_an_address_or_a_class() -> None:
    with DaskCluster(address="tcp://10.0.0.1:8786").started(ram_gb=1) as address:
        assert address == "tcp://10.0.0.1:8786"
    keywords = {"n_workers": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
    named = DaskCluster(cluster_class="distributed.LocalCluster", cluster_kwargs=keywords)
    with named.started(ram_gb=1) as address, Client(address, set_as_default=False) as client:
        assert len(client.scheduler_info()["workers"]) == 1
    with pytest.raises(ValidationError, match="not both"):
        DaskCluster(address="tcp://10.0.0.1:8786", cluster_class="distributed.LocalCluster")
    with pytest.raises(ValidationError, match="name one"):
        DaskCluster(cluster_kwargs={"n_workers": 3})


@pytest.mark.parametrize(
    ("cluster_class", "remedy"),
    [
        ("dask_jobqueue.SLURMCluster", r"pip install 'sitsflow\[hpc\]'"),
        ("dask_kubernetes.operator.KubeCluster", r"sitsflow\[kubernetes\]"),
        ("dask_cloudprovider.aws.FargateCluster", r"sitsflow\[cloud\]"),
        ("distributed.LocalClutter", "correct cluster_class"),
        ("SLURMCluster", "correct cluster_class"),
    ],
)
def test_a_class_that_is_not_there_says_what_to_install(cluster_class: str, remedy: str) -> None:
    named = DaskCluster(cluster_class=cluster_class)
    with pytest.raises(ClusterError, match=remedy), named.started(ram_gb=1):
        pass


def test_what_cannot_serve_is_refused_before_anything_is_touched() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(ClusterError, match=rf"answers at tcp://127\.0\.0\.1:{port} "):
            DaskCluster(address=f"tcp://127.0.0.1:{port}").check_usable(1)
        nobody.listen()
        DaskCluster(address=f"tcp://127.0.0.1:{port}").check_usable(1)
    with pytest.raises(ClusterError, match="no such cluster class"):
        DaskCluster(cluster_class="nowhere.Cluster").check_usable(1)
    with pytest.raises(ResourceError, match=r"needs about 20\.0 GB"):
        DaskCluster(memory_gb=16).check_usable(20)
    DaskCluster(memory_gb=16).check_usable(10)


def test_the_form_has_plain_fields_and_null_is_taken_all_the_same() -> None:
    fields = DaskCluster.model_json_schema()["properties"]
    assert fields["n_workers"]["type"] == "integer"
    assert "default" not in fields["n_workers"]
    assert DaskCluster.model_validate({"n_workers": None}).n_workers is None
