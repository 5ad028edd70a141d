"""Threads that read several files at the same time: on a slow disk each waits for its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class ReadThreads:
    """Threads that are there until the end of the block.

    Parameters
    ----------
    number : int
    set_up : callable
        Called once in each thread, before it reads: settings of GDAL belong to a thread.
    """

    def __init__(self, number: int, set_up: Callable[[], object]) -> None:
        self._number = number
        self._executor = ThreadPoolExecutor(number, "read", set_up)

    @contextmanager
    def opened(self) -> Iterator[ReadThreads]:
        """Use the threads; none is left when the block ends."""
        try:
            yield self
        finally:
            self._executor.shutdown(cancel_futures=True)

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in the order of the items; see `read_each`."""
        begun: deque[Future[Result]] = deque()
        try:
            for item in items:
                if len(begun) == self._number:
                    yield begun.popleft().result()
                # What the caller has set for this thread, such as who may use the network.
                begun.append(self._executor.submit(copy_context().run, function, item))
            while begun:
                yield begun.popleft().result()
        finally:
            for one in begun:
                one.cancel()
            wait(begun)


threads_open: ContextVar[ReadThreads | None] = ContextVar("threads that read", default=None)
"""Those of the block of `sitsflow.io.opening.reading` around; None: no other thread reads."""


def read_each(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield what `function` returns for each item, in their order.

    Where threads are open it is called in them, for as many items at once as there are threads:
    so many results at most are in memory. The first item that fails, in their order, ends it all as
    it does without threads: nobody reads any more when its error comes out.

    Parameters
    ----------
    function : callable
        Opens files, and has no other effect. It may not use this function itself.
    """
    threads = threads_open.get()
    return map(function, items) if threads is None else threads.each(function, items)
