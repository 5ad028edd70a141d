"""The Dask workers of a run: started when the first task needs them, and asked what they have."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import dask
from dask import annotate  # type: ignore[attr-defined]
from prefect import Task
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings
from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture

from blocks.cluster import DaskCluster
from flows.attempts import CHUNKS, Share, gb
from flows.engine import flush_workers, hush_workers, notice
from flows.reach import refuse_unreachable
from sitsflow.errors import ClusterError, ResourceError

# One dead worker is enough to ask what it died of: the dispatch sends on what it died with.
_ALLOWED_FAILURES = {"distributed.scheduler.allowed-failures": 0}
_LOOK_SECONDS = 5.0
_DECLARE = (
    'start workers with `dask worker ADDRESS --nthreads 1 --resources "RAM=16 CPU=1"` (RAM in GB, '
    "what that worker may use), or give worker_extra_args to the cluster class"
)


class Workers:
    """Takes tasks with what each asks for, so that no worker ever holds more than it has."""

    def __init__(self, cluster: DaskCluster) -> None:
        self._cluster = cluster.with_free_memory()
        self._stack = ExitStack()
        self._runner: DaskTaskRunner | None = None
        self._wanted: dict[str, Share] = {}
        self._seen: list[Share] = []
        self._looked = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def submit(
        self,
        task: Task[..., Any],
        parameters: dict[str, Any],
        needs: list[State[Any]],
        share: Share,
    ) -> PrefectDaskFuture[Any]:
        """Submit a task that Dask starts where `share` is free; `open` comes first."""
        assert self._runner is not None, "open the workers first"
        with annotate(resources=share.resources):
            return self._runner.submit(
                task,
                parameters=parameters,
                wait_for=needs,  # type: ignore[arg-type]  # states will do
            )

    @property
    def are_local(self) -> bool:
        """Whether they are processes that this one starts."""
        return self._cluster.is_local

    @property
    def are_open(self) -> bool:
        """Whether tasks can be submitted."""
        return self._runner is not None

    def open(self, wanted: dict[str, Share]) -> None:
        """Start the workers, or find them.

        Parameters
        ----------
        wanted : dict of str to Share
            The most that tasks will ask for, by their name.

        Raises
        ------
        ResourceError
            If one asks for more than any worker has: Dask would let it wait for ever.
        ClusterError
            If there is no such cluster, or its workers do not say what they have.
        """
        self._wanted = wanted
        if self._cluster.is_local:
            self._check([self.largest])
        self._start(max(share.ram_gb for share in wanted.values()))
        self.look()

    def look(self) -> None:
        """Learn of workers that have come, until there is one, and check what they have."""
        if self._runner is None or self._seen or time.monotonic() < self._looked + _LOOK_SECONDS:
            return
        first = not self._looked
        self._looked = time.monotonic()
        self._seen = self._found()
        if not self._seen:
            if first:
                notice("the cluster has no worker yet: tasks wait for the first one")
            return
        self._check(self._seen)

    @property
    def largest(self) -> Share:
        """The most that one task could be given, on a local cluster by having fewer workers."""
        if self._cluster.is_local:
            return Share(self._cluster.memory, self._cluster.threads_per_worker)
        # A worker that died is not back at once: what was seen before counts too.
        self._seen = list({*self._seen, *self._found()})
        return max(self._seen, key=lambda worker: worker.ram_gb, default=Share(0.0))

    @property
    def alone_gb(self) -> float:
        """Memory that a task has to itself whatever it asks for, 0 where it shares a worker."""
        if not self._cluster.is_local or self._cluster.threads_per_worker > 1:
            return 0.0
        return max((worker.ram_gb for worker in self._seen), default=0.0)

    def is_enough(self, share: Share) -> bool:
        """Whether the workers as they are can take a task."""
        return not self._seen or any(share.fits(worker) for worker in self._seen)

    def grow(self, ram_gb: float) -> None:
        """Replace idle local workers by fewer and larger ones."""
        self.flush()
        self._stack.close()
        self._start(ram_gb)
        self._seen = self._found()
        notice(f"workers were replaced: {len(self._seen)}, with {gb(self.largest_now)} each")

    @property
    def largest_now(self) -> float:
        """Memory of the largest worker there is, in GB."""
        return max((worker.ram_gb for worker in self._seen), default=0.0)

    def flush(self) -> None:
        """See that the server learns all that the workers know."""
        if self._runner is not None:
            flush_workers(self._runner)

    def hush(self) -> None:
        """Let workers die without a word."""
        if self._runner is not None:
            hush_workers(self._runner)

    def _start(self, ram_gb: float) -> None:
        self._stack.enter_context(dask.config.set(_ALLOWED_FAILURES))
        self._runner = self._stack.enter_context(self._cluster.task_runner(ram_gb))
        try:
            client: Any = self._runner.client
        except OSError as error:  # what a client raises that finds no scheduler, TimeoutError too
            if not self._cluster.address:
                raise
            raise ClusterError(
                f"no Dask scheduler answers at {self._cluster.address} ({error}): start one with "
                "`dask scheduler`, or correct the address of the Dask cluster block"
            ) from None
        self._warn(client)

    def _warn(self, client: Any) -> None:
        """Say what a shared scheduler, which is left as it is, should be set to."""
        if not self._cluster.address:
            return

        # Within, so that it travels by value: the scheduler need not have this package.
        def allowed_failures(dask_scheduler: Any) -> int:
            return int(dask_scheduler.allowed_failures)

        allowed = client.run_on_scheduler(allowed_failures)
        if allowed:
            notice(
                f"the Dask scheduler at {self._cluster.address} runs a task {allowed} more times "
                "after its worker died, before task_retry_limits apply: start it with "
                "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0"
            )

    def _found(self) -> list[Share]:
        if self._runner is None:
            return []
        client: Any = self._runner.client
        workers = client.scheduler_info(n_workers=-1)["workers"]
        if not self._cluster.is_local:
            refuse_unreachable(workers, get_current_settings().api.url)
        found = [_share(facts["resources"]) for facts in workers.values()]
        mute = [name for name, share in zip(workers, found, strict=True) if share is None]
        if mute and len(mute) == len(found):
            raise ClusterError(
                f"no worker says what memory it has (resources RAM and CPU), {mute[0]} neither: "
                f"tasks that ask for memory would wait for ever; {_DECLARE}"
            )
        if mute:
            notice(f"{len(mute)} workers get no task ({mute[0]}), for they declare no resources")
        return [share for share in found if share is not None]

    def _check(self, workers: list[Share]) -> None:
        for name, share in self._wanted.items():
            if not any(share.fits(worker) for worker in workers):
                raise ResourceError(
                    f"{name} asks for {share}, and the largest worker has {self.largest}: "
                    f"{CHUNKS}, lower task_retry_limits.maximum_ram where chunks are automatic, "
                    "or use a cluster with larger workers"
                )


def _share(resources: dict[str, float]) -> Share | None:
    if "RAM" not in resources or "CPU" not in resources:
        return None
    return Share(resources["RAM"], resources["CPU"])


def most_by_task(shares: Iterable[tuple[str, Share]]) -> dict[str, Share]:
    """Return the most that is asked for, by name of the task."""
    most: dict[str, Share] = {}
    for name, share in shares:
        if name not in most or share.ram_gb > most[name].ram_gb:
            most[name] = share
    return most
