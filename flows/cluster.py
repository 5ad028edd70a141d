"""The Dask cluster of a run: started when the first step needs it, and asked what it has."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

import dask
from distributed import Client
from prefect.settings import get_current_settings
from prefect_dask.task_runners import DaskTaskRunner

from blocks.cluster import MALLOC_ENVIRONMENT, DaskCluster
from flows.prefect_compat import flush
from flows.reach import refuse_unreachable
from flows.resources import Resources, gb, most_ram, too_large
from sitsflow.errors import ClusterError, ResourceError

_SETTINGS = {
    # One dead worker is enough to ask what it died of: rounds of a step run its jobs again.
    "distributed.scheduler.allowed-failures": 0,
    # It looks at a worker's stack a hundred times a second, and keeps an hour of that in memory.
    "distributed.worker.profile.enabled": False,
    **{f"distributed.nanny.pre-spawn-environ.{key}": it for key, it in MALLOC_ENVIRONMENT.items()},
}
_MEMORY_EVENTS = "worker-restart-memory"
"""Topic under which a nanny tells that it ends its worker for its memory."""
_LOOK_SECONDS = 5.0
_NEARLY_FULL = (
    0.8  # of a worker's limit: one that is killed beyond, as by the kernel, lacked memory
)
_DECLARE = (
    'start workers with `dask worker ADDRESS --nthreads 1 --resources "RAM=16 CPU=1"` (RAM in GB, '
    "what that worker may use), or give worker_extra_args to the cluster class"
)


class RunCluster:
    """The workers of a run: what they have, how they died, and larger ones where that is possible.

    `warnings` holds sentences about the cluster that the run has not said yet, `n_workers` how many
    there were when it was looked at last.
    """

    def __init__(self, block: DaskCluster) -> None:
        self._block = block.with_free_memory()
        self._stack = ExitStack()
        # Of any type: Dask's own annotations know no synchronous client.
        self._client: Any = None
        self._starting: Future[None] | None = None
        self._wanted: Mapping[str, Resources] = {}
        self._seen: list[Resources] = []
        self._used: dict[str, float] = {}
        self._looked = 0.0
        self.warnings: list[str] = []
        self.n_workers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._starting is not None:
            wait([self._starting])
        interrupted = isinstance(error, KeyboardInterrupt)
        if self._client is not None and not interrupted:
            self.flush()
        if interrupted:
            _silence()
        ends = self._block.is_local or (interrupted and not self._block.address)
        if self._client is not None and ends:
            with suppress(OSError, TimeoutError):
                self._client.run(_end_quickly, on_error="ignore")
        self._stack.__exit__(kind, error, trace)

    def runner(self) -> DaskTaskRunner:
        """Return a task runner for one step."""
        assert self._client is not None, "start the cluster first"
        return DaskTaskRunner(address=self._client.scheduler.address)

    def start_local(self, wanted: Mapping[str, Resources]) -> None:
        """Start local workers in the background, if tasks want any: `start` waits for them.

        Workers take seconds to import what tasks need. Meanwhile the run is made ready.
        """
        if wanted and self._block.is_local:
            pool = self._stack.enter_context(ThreadPoolExecutor(1))
            self._starting = pool.submit(self._start, most_ram(wanted))

    def start(self, wanted: Mapping[str, Resources]) -> None:
        """Start or find the workers, unless they are there already.

        Parameters
        ----------
        wanted : mapping of str to Resources
            The most that tasks will ask for, by their name.

        Raises
        ------
        ResourceError
            If one asks for more than any worker has: Dask would let it wait for ever.
        ClusterError
            If there is no such cluster, or its workers do not say what they have.
        """
        if self._wanted:
            return
        self._wanted = wanted
        if self._block.is_local:
            self._check([self.largest])
        if self._starting is not None:
            self._starting.result()
        else:
            self._start(most_ram(wanted))
        self.look()

    def look(self) -> None:
        """Note what workers use; learn of those that have come until there is one, and check it."""
        now = time.monotonic()
        if self._client is None or now < self._looked + (_LOOK_SECONDS if not self._seen else 1.0):
            return
        first, self._looked = not self._looked, now
        workers = self._workers()
        self.n_workers = len(workers)
        for address, facts in workers.items():
            if limit := facts.get("memory_limit"):
                self._used[address] = facts.get("metrics", {}).get("memory", 0) / limit
        if self._seen:
            return
        self._seen = self._found()
        if self._seen:
            self._check(self._seen)
        elif first:
            self.warnings.append("the cluster has no worker yet: tasks wait for the first one")

    @property
    def largest(self) -> Resources:
        """The most that one task could be given, on a local cluster by having fewer workers."""
        if self._block.is_local:
            return Resources(self._block.memory)
        # A worker that died is not back at once: what was seen before counts too.
        self._seen = list({*self._seen, *self._found()})
        return max(self._seen, key=lambda worker: worker.ram_gb, default=Resources(0.0))

    @property
    def alone_gb(self) -> float:
        """Memory that a task has to itself whatever it asks for, 0 where that is not known."""
        if not self._block.is_local:
            return 0.0
        return max((worker.ram_gb for worker in self._seen), default=0.0)

    def ran_out_of_memory(self, worker: str) -> bool:
        """Whether a worker that died, by its address, did so at its memory limit.

        Its nanny says so where it ended the worker itself. Where the kernel was faster, the last
        that was heard of the worker's memory decides.
        """
        assert self._client is not None, "a worker died, so there was one"
        events = self._client.get_events(_MEMORY_EVENTS)
        told = {event["worker"] for _, event in events if isinstance(event, dict)}
        return worker in told or self._used.get(worker, 0.0) > _NEARLY_FULL

    def grow(self, resources: Resources) -> None:
        """Replace idle local workers by fewer and larger ones, if none is large enough."""
        if not self._seen or any(resources.fits(worker) for worker in self._seen):
            return
        self.flush()
        self._stack.close()
        self._start(resources.ram_gb)
        self._seen = self._found()
        largest = max((worker.ram_gb for worker in self._seen), default=0.0)
        self.warnings.append(f"workers were replaced: {len(self._seen)}, with {gb(largest)} each")

    def flush(self) -> None:
        """Let each worker send what it still has for the server: Dask gives it 4 s at its end."""
        if self._client is not None:
            names = list(self._workers())
            # A worker may die meanwhile; what it had to say is lost then.
            stays = bool(self._block.address)
            futures = [
                self._client.submit(flush, stays=stays, workers=[one], pure=False) for one in names
            ]
            self._client.gather(futures, errors="skip")

    def _workers(self) -> dict[str, Any]:
        assert self._client is not None
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def _start(self, ram_gb: float) -> None:
        self._stack.enter_context(dask.config.set(_SETTINGS))
        address = self._stack.enter_context(self._block.started(ram_gb))
        try:
            self._client = self._stack.enter_context(_client(address))
        except OSError as error:  # what a client raises that finds no scheduler, TimeoutError too
            raise ClusterError(
                f"no Dask scheduler answers at {address} ({error}): start one with "
                "`dask scheduler`, or correct the address of the Dask cluster block"
            ) from None
        if self._block.address:
            self._warn(self._client)

    def _warn(self, client: Any) -> None:
        """Say what a shared scheduler, which is left as it is, should be set to."""

        # Within, so that it travels by value: the scheduler need not have this package.
        def allowed_failures(dask_scheduler: Any) -> int:
            return int(dask_scheduler.allowed_failures)

        allowed = client.run_on_scheduler(allowed_failures)
        if allowed:
            self.warnings.append(
                f"the Dask scheduler at {self._block.address} runs a task {allowed} more times "
                "after its worker died, before task_retry_limits apply: start it with "
                "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0"
            )

    def _found(self) -> list[Resources]:
        if self._client is None:
            return []
        workers = self._workers()
        if not self._block.is_local:
            refuse_unreachable(workers, get_current_settings().api.url)
            _refuse_threads(workers)
        found = [_resources(facts["resources"]) for facts in workers.values()]
        silent = [name for name, one in zip(workers, found, strict=True) if one is None]
        if silent and len(silent) == len(found):
            raise ClusterError(
                f"no worker says what memory it has (resources RAM and CPU), {silent[0]} neither: "
                f"tasks that ask for memory would wait for ever; {_DECLARE}"
            )
        if silent:
            self.warnings.append(
                f"{len(silent)} workers get no task ({silent[0]}), for they declare no resources"
            )
        return [one for one in found if one is not None]

    def _check(self, workers: list[Resources]) -> None:
        for name, wanted in self._wanted.items():
            if not any(wanted.fits(worker) for worker in workers):
                raise ResourceError(too_large(name, wanted, self.largest))


def _client(address: str) -> Any:
    client: Any = Client
    return client(address, set_as_default=False)


def _refuse_threads(workers: Mapping[str, Any]) -> None:
    """Refuse workers that run several tasks in one process: prints and logs would be mixed."""
    several = [name for name, facts in workers.items() if facts["nthreads"] > 1]
    if several:
        raise ClusterError(
            f"the Dask worker {several[0]} has {workers[several[0]]['nthreads']} threads: a task "
            "of sitsflow needs a process of its own, since what functions print goes to the log "
            "of their task; start more workers with one thread each, `dask worker ADDRESS "
            "--nthreads 1 --nworkers N`"
        )


def _resources(declared: Mapping[str, float]) -> Resources | None:
    if "RAM" not in declared or "CPU" not in declared:
        return None
    return Resources(declared["RAM"], declared["CPU"])


def _silence() -> None:
    """Before workers end: they, and their nannies here, need not tell of it.

    A worker that misses the scheduler's last answer says so as an error, with a traceback.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


def _end_quickly() -> None:
    """Before workers end: let them not look for garbage in all that they imported, for a second."""
    _silence()
    gc.freeze()
