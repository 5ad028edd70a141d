"""Where tasks run: a local Dask cluster, a scheduler by its address, or any cluster class."""

from __future__ import annotations

import importlib
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psutil
from distributed import LocalCluster
from prefect.blocks.core import Block
from pydantic import Field, model_validator

from blocks.plain_form import PlainForm
from sitsflow.errors import ClusterError, ResourceError

# One thread a worker: the science is compiled and single-threaded, and tasks run side by side.
WORKER_ENVIRONMENT = {
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": "128",
}
"""What workers start with. `GDAL_CACHEMAX` is in MB: blocks are read once, none is read again."""

_KEPT_BYTES = str(256 * 1024 * 1024)  # more than the arrays of a part of a chunk
MALLOC_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": _KEPT_BYTES,
    "MALLOC_TRIM_THRESHOLD_": _KEPT_BYTES,
}
"""What glibc's malloc reads when a worker's process begins (mallopt(3)): how much it keeps.

Dask's own threshold of 64 KB gives the memory of every array back to the system, which has to clear
it for the next one: half of a chunk's CPU. Tasks run in a thread, and only the main arena can hold
large arrays.
"""

_EXTRAS = {"dask_jobqueue": "hpc", "dask_kubernetes": "kubernetes", "dask_cloudprovider": "cloud"}
_ANSWER_SECONDS = 10.0
_RESERVE_GB = 0.5  # kept for the flow, the server and the scheduler


class DaskCluster(PlainForm, Block):
    """Where the tasks of a run are carried out.

    Nothing filled in: this machine, a worker a core. `address` names a scheduler that is there
    already; `cluster_class` and `cluster_kwargs` start one, e.g.
    ``dask_jobqueue.SLURMCluster``. Workers that are not local must declare the resources RAM
    (GB) and CPU themselves (``dask worker --resources "RAM=16 CPU=1"``).
    """

    _block_type_name: ClassVar[str] = "Dask cluster"
    _block_type_slug: ClassVar[str] = "dask-cluster"
    _description: ClassVar[str] = "Where the tasks of a features map run: here, or on a cluster."

    n_workers: int | None = Field(
        default=None,
        gt=0,
        title="Workers",
        description="Processes on this machine; empty: as many as cores, fewer if memory is short.",
    )
    memory_gb: float | None = Field(
        default=None,
        gt=0,
        title="Memory (GB)",
        description="Memory of all local workers together; empty: what is free on this machine.",
    )
    address: str | None = Field(
        default=None,
        title="Scheduler's address",
        description="Address of a Dask scheduler, e.g. tcp://10.0.0.1:8786.",
    )
    cluster_class: str | None = Field(
        default=None,
        title="Cluster class",
        description="Full name of a Dask cluster class, started for the run.",
    )
    cluster_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        title="Cluster arguments",
        description="Keyword arguments of the cluster class.",
    )
    adapt_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        title="Adaptive scaling",
        description="Arguments of the cluster's `adapt`, e.g. minimum and maximum.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> DaskCluster:
        if self.address and (self.cluster_class or self.cluster_kwargs or self.adapt_kwargs):
            raise ValueError("give an address, or a cluster class with its arguments, not both")
        if self.cluster_kwargs and not self.cluster_class:
            raise ValueError("cluster_kwargs are arguments of a cluster_class: name one")
        return self

    @property
    def is_local(self) -> bool:
        """Whether workers are processes that the run starts on this machine."""
        return not (self.address or self.cluster_class)

    @property
    def memory(self) -> float:
        """Memory of all local workers together, in GB."""
        return self.memory_gb or psutil.virtual_memory().available / 1e9 - _RESERVE_GB

    def with_free_memory(self) -> DaskCluster:
        """Return the same cluster; a local one with what is free now as its memory."""
        return self.model_copy(update={"memory_gb": self.memory}) if self.is_local else self

    def check_usable(self, ram_gb: float) -> None:
        """Refuse a cluster that cannot serve, before anything is started or removed for it.

        Parameters
        ----------
        ram_gb : float
            The most that a task will ask for, in GB.

        Raises
        ------
        ResourceError
            If no local worker could hold such a task.
        ClusterError
            If nobody answers at the address, or the cluster class is not installed.
        """
        if self.address:
            _check_answers(self.address)
        elif self.cluster_class:
            _import_class(self.cluster_class)
        else:
            self.local_arguments(ram_gb)

    @contextmanager
    def started(self, ram_gb: float) -> Iterator[str]:
        """Start the cluster, and end it on leaving; one that is there already is left as it is.

        Parameters
        ----------
        ram_gb : float
            Memory of the largest task, in GB: each local worker can hold it.

        Yields
        ------
        str
            Address of the scheduler.

        Raises
        ------
        ResourceError
            If no local worker could hold such a task.
        ClusterError
            If the cluster class is not installed, or is none.
        """
        if self.address:
            yield self.address
            return
        cluster: Any
        if self.cluster_class:
            cluster = _import_class(self.cluster_class)(**self.cluster_kwargs)
        else:
            with _without_interrupts():
                local: Any = LocalCluster
                cluster = local(**self.local_arguments(ram_gb))
        with cluster:
            if self.adapt_kwargs:
                cluster.adapt(**self.adapt_kwargs)
            yield cluster.scheduler_address

    def local_arguments(self, ram_gb: float) -> dict[str, Any]:
        """Return the arguments of `distributed.LocalCluster` for tasks of `ram_gb` GB."""
        total = self.memory
        if ram_gb > total:
            raise ResourceError(
                f"a task needs about {ram_gb:.1f} GB of memory, and {total:.1f} GB are there: "
                "cut the tiles in more chunks (external_features.number_of_chunks), or lower "
                "task_retry_limits.maximum_ram where chunks are automatic"
            )
        n_workers = min(self.n_workers or _cores(), max(1, int(total / ram_gb)))
        share = total / n_workers
        return {
            "n_workers": n_workers,
            "threads_per_worker": 1,
            "processes": True,
            "host": "127.0.0.1",
            # Nobody asked for Dask's own pages; without a free port two runs fight for one.
            "scheduler_kwargs": {"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            "memory_limit": int(share * 1e9),
            "resources": {"RAM": share, "CPU": 1},
            "env": WORKER_ENVIRONMENT,
        }


def _check_answers(address: str) -> None:
    """See whether a scheduler answers; Dask's own client would try for half a minute."""
    parts = urlsplit(address)
    try:
        port = parts.port
        if parts.scheme not in ("tcp", "tls") or port is None:
            return  # whatever Dask makes of it
        with socket.create_connection((parts.hostname or "", port), _ANSWER_SECONDS):
            return
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} ({error}): start one with `dask scheduler`, "
            "or correct the address"
        ) from None


def _import_class(cluster_class: str) -> Any:
    """Import a cluster class by its full name."""
    module, _, name = cluster_class.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        package = cluster_class.partition(".")[0]
        remedy = "correct cluster_class of the Dask cluster block, e.g. dask_jobqueue.SLURMCluster"
        if package in _EXTRAS and isinstance(error, ImportError):
            remedy = f"install it where the flow runs: pip install 'sitsflow[{_EXTRAS[package]}]'"
        raise ClusterError(f"{cluster_class}: no such cluster class ({error}); {remedy}") from None


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start threads and processes that Ctrl-C in the terminal does not reach.

    They inherit the mask of the thread that starts them. The flow alone decides what an interrupt
    means; it ends its workers itself.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cores() -> int:
    """Cores this process may use, which a container or a batch system may have cut."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
